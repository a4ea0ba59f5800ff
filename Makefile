# Everything a developer runs. `make` alone lists it. `make test` and `make run` need Go and make,
# `make check` installs what else it needs (see .ci/run).

.DEFAULT_GOAL := help

DATA     ?= var/dev# where `make run` keeps the demo business
ARGS     ?=# more flags for `make run`
KILLS    ?= 10# how often `make faults` kills the server
SIMULATE ?= 10m# how long `make simulation` goes on
FROM     ?= 0# its first seed; 0 takes new ones, from the time
FAULTS   ?= 20# how often `make kafka-faults` hurts nodes and brokers
FUZZTIME ?= 10s# how long `make fuzz` runs each fuzzer; 4000x is that many inputs
DURATION ?= 30m# how long `make soak` goes on
BENCH    ?= .# which benchmarks `make bench` runs
PORT     ?= 9092# where `make broker` listens
KAFKA    ?=# which Kafka a broker is, such as 4.1.1; else the usual one, 4.3.0
QUITTANCE_KAFKA ?= local# what a missing Java is to `make test-kafka`; required: a failure

BUF := go tool -modfile=.ci/tools.mod buf

.PHONY: help run build test test-kafka broker kafka-faults simulation check soak bench fuzz generate \
	release-contracts \
	vet staticcheck format contracts generated race faults api vulnerabilities clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "with"
	@sed -nE 's/^([A-Z_]+) *\?= ?([^#]*)# (.*)/       \1=\2|\3/p' $(MAKEFILE_LIST) | \
		awk -F '|' '{printf "%-29s %s\n", $$1, $$2}'

run: build ## build and serve on the embedded log, with a demo business in it
	exec bin/quittance serve --dev --data $(DATA) $(ARGS)

build: ## build bin/quittance
	go build -o bin/quittance ./cmd/quittance

test: ## run the tests; needs Go and make only (and bash and curl, to try the README too)
	go test ./...

test-kafka broker kafka-faults: export QUITTANCE_KAFKA_VERSION := $(KAFKA)

test-kafka: export QUITTANCE_KAFKA := $(QUITTANCE_KAFKA)
test-kafka: ## run the tests that want a real Kafka broker; needs Java 17 and Maven too
	go test -count=1 -v -run '^TestInstall$$' ./compaction/kafka/kafkatest
	go test -count=1 -p 1 -timeout 30m ./compaction/kafka/...
	go test -count=1 -p 1 -timeout 30m -run Kafka ./cmd/...

broker: build ## run a real Kafka broker at 127.0.0.1:PORT until Ctrl-C; needs Java 17 and Maven
	go build -o bin/broker ./cmd/broker
	exec bin/broker -port $(PORT)

simulation: ## simulate nodes and brokers in virtual time for SIMULATE; short in make test
	go test ./cmd/quittance -run 'TestSimulation$$' -count=1 -v -timeout 24h \
		-args -for=$(SIMULATE) -from=$(FROM)

kafka-faults: export QUITTANCE_KAFKA := $(QUITTANCE_KAFKA)
kafka-faults: ## hurt nodes and real brokers under load, FAULTS times; the last lines are the counts
	go test ./cmd/quittance -run 'Kafka(Faults|Replicas|DiskFull)' -count=1 -v -timeout 8h \
		-args -faults=$(FAULTS)

check: ## run everything that a change must pass, each step with its time (it is .ci/run)
	@.ci/run

soak: build ## run what takes long (kills, fuzzers, simulations) for DURATION
	.ci/soak $(DURATION)

bench: build ## measure: the packages' benchmarks, then the program's own
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...
	bin/quittance bench

fuzz: ## run each fuzzer for FUZZTIME
	.ci/fuzz $(FUZZTIME)

generate: ## write the generated code and the pages under docs/formats from the contracts
	$(BUF) format -w
	$(BUF) generate
	go run ./docs/formats

release-contracts: ## keep the contracts as those of a release: later changes must be compatible
	$(BUF) build --exclude-source-info -o .ci/contracts.binpb

vet: ## part of check: go vet
	go vet ./...

staticcheck: ## part of check: staticcheck
	go tool -modfile=.ci/staticcheck.mod staticcheck ./...

format: ## part of check: gofmt, of generated files too (width and form are tests in docs)
	@found=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$found" ]; then echo "not as gofmt writes them:"; echo "$$found"; exit 1; fi
	@echo "every Go file is as gofmt writes it"

contracts: ## part of check: lint of the contracts, and compatibility with the last release
	$(BUF) lint
	$(BUF) format -d --exit-code
	$(BUF) breaking --against .ci/contracts.binpb

generated: ## part of check: generated code and pages are what the contracts say
	.ci/generated

race: ## part of check: the short tests under the race detector
	go test -race -short -timeout 20m ./...

faults: ## part of check: kill the real server under load, KILLS times
	go test ./cmd/quittance -run Kill -count=1 -v -timeout 60m -args -kills=$(KILLS)

api: build ## part of check: made-up requests against the served API (schemathesis)
	.ci/schemathesis

vulnerabilities: ## part of check: known vulnerabilities, where their database can be reached
	.ci/vulnerabilities

clean: ## remove what was built and what `make run` keeps
	rm -rf bin var dist
