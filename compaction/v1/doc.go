// Package compactionv1 holds the contracts of the records that the engine keeps for itself: the
// outbox, answers by idempotency key, counters and claims of shards; and the options by which every
// record message declares its topic and which of its fields hold personal data.
//
// It is generated from the .proto files beside it, by `make generate`. A contract changes only in
// ways that records already written can be read by.
package compactionv1
