// Command quittance is the money path of a service marketplace in one program: it serves the API
// on a log of its own, and looks after that log.
//
//	serve ──┬─ the embedded log and the engine   DIR/log, DIR/store, DIR/secret
//	        ├─ the outbox worker ──► gateways
//	        ├─ HTTP: the API, /healthz, /readyz, /metrics
//	        └─ with --dev: a demo business, and the sandbox provider (DIR/sandbox, DIR/dev.json)
//
//	sandbox                        the provider as a process of its own
//	demo                           the whole path, step by step, against a server
//	export, verify, keys, topics   on a running server, or on the data of one that is stopped
//	bench                          measures this machine
//
// It promises that a server answers every request it took before it ends in order, and that one
// that was killed has lost nothing it answered. It keeps no state outside of the data folder, and
// asks for secrets by environment or file only, because flags are seen by every user of a machine.
//
// It does not fork, rotate files or drop privileges: that is for what starts it.
//
// Start at [run] in main.go, which is the whole program as a function; then serve.go.
package main
