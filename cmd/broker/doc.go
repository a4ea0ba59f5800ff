// Command broker runs one real Apache Kafka broker on this machine, to try Quittance on a cluster
// where there is none: make broker builds and runs it.
//
//	broker -port 9092 ── kafkatest.Serve ── java … kafka.Kafka   127.0.0.1:9092
//
// It is the broker that the tests have, with their settings. It needs Java 17 and Maven, which
// fetches it the first time. It promises that nothing is left when it ends: neither the broker nor
// what was written to it.
//
// It is nothing to keep a log on: there is one copy, on one machine, and it goes with the process.
//
// Start at run.
package main
