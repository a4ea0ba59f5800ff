// Package kafkatest runs real Apache Kafka brokers for tests: one, or three that replicate, each
// controller and broker in one process (KRaft), on free ports of the loopback interface and in a
// temporary folder.
//
//	Start(t, Options{Brokers: 3}) ──┬─ java … kafka.Kafka  broker 0   client, broker, controller port
//	  Kill(i) Stop(i) Restart(i)    ├─ java … kafka.Kafka  broker 1       (the same for ever)
//	  Pause(i) Resume(i)            └─ java … kafka.Kafka  broker 2
//	Shared(t), Prefix(t)            one broker for all tests of a process
//	Serve(ctx, port, serving)       one broker for people, without a test (cmd/broker)
//
// # When brokers run
//
// The environment variable QUITTANCE_KAFKA decides. Unset, every test that asks for a broker is
// skipped at once, so that `go test ./...` needs Go only: `make test-kafka` sets it to "local",
// where a missing Java or Maven skips the test and says what to install, and `.ci/run` to
// "required", where that is a failure. Tests that want a broker live below compaction/kafka or have
// Kafka in their name; `make test-kafka` runs exactly those.
// Programs leaves out tests that want a shell or curl, by a variable of its own.
//
// The jars (54 MB) are fetched by Maven, with the machine's own settings, the first time that a
// test wants them and kept in the user's cache folder. Beside them lie a formatted folder's
// bootstrap file and an archive of loaded classes, which halve the time that a broker needs.
//
// They are of Kafka 4.3.0, or of the version that QUITTANCE_KAFKA_VERSION names, each in a folder
// of its own: `make test-kafka KAFKA=4.1.1`.
//
// # What it promises
//
// Start returns when every broker answers requests on its client port and knows of all the others.
// A broker that ends before that fails the test with the end of its log, and so does a broker's
// last words follow in the output of every test that fails. Ports and data outlive a Kill and a
// Stop: a Restart is the same broker again. Nothing outlives the test: brokers are killed and
// folders removed when it ends, and on Linux a broker is killed by the system when the test's
// process is gone, however that happened.
//
// It does not promise speed: the default virtual machine is one that starts fast (see
// Options.Bench). Brokers speak plain text with each other, on loopback, whatever their clients do.
//
// Start reading at Start and Options.
package kafkatest
