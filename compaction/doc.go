// Package compaction keeps state as keyed records in a log of compacted topics, and folds them into
// a local store that can be thrown away at any time.
//
// A record message declares its topic in its contract (see compaction/v1). A [Table] is such a
// topic as values of a domain; a [Stream] is one that only grows. A program lists its tables and
// streams in a [Schema], opens a [Log] and serves its [Shards]:
//
//	      Do(Command) ┌──────────────────── a shard: one goroutine ─────────────────────┐
//	callers ────────► │ queue ─► decide ─► decide ─► … ─► Append ─► answers ─► apply    │
//	                  │  fair    └── each sees those ──┘     │                   │      │
//	                  │  between     before it, in cells     │                   │      │
//	                  │  tenants                             ▼                   ▼      │
//	                  │                                     Log           store (Pebble)│
//	                  └──────────────────────────────────────┼──────────────────────────┘
//	                                                         └─► history (Pebble), Follow
//
// # What it promises
//
//   - A command is decided once, after the commands before it in its shard, by a pure function that
//     sees what they wrote. What it wrote is in the log whole or not at all.
//   - No answer is given before the append of its group is durable, refusals and replays included.
//     When an append failed, its group was never decided. When its outcome is unknown, the shard is
//     claimed afresh, and a command with an idempotency key is answered from its record.
//   - A read finds all that was answered before it: answers are given while the group is applied to
//     the store, and readers wait for that.
//   - The store is the fold of the log up to its own positions, always and after any crash:
//     live and replayed records go through the same apply, which depends on the record and on what
//     its key held before, and on nothing else. Lost, damaged, foreign and outdated stores are
//     rebuilt from the log.
//   - The work of a restart follows what is open. Topics that grow with history are restored while
//     the shard serves, and rows projected from append-only topics live in a store of their own.
//   - A tenant that floods a shard fills its own share of the queue, and each turn gives every
//     waiting tenant the same.
//   - Nothing is skipped: a record that does not decode stops its shard, by name.
//
// # What it does not
//
// Nothing is atomic across shards: what concerns two goes through the [Outbox], keyed, applied
// once. Deciding functions cannot do I/O or wait. Values are whole states; there are no merges.
// Several nodes sharing shards need a log that assigns them; the embedded log has one process.
//
// # The store
//
//	r <topic> <key>                     → record          Get, Scan
//	i <topic> <index> <text> NUL <key>  →                 Lookup
//	d <time> <topic> <key>              →                 OnDue, called by the owner itself
//	m                                   → positions, schema, log, last group and stamp
//
// # Where to start
//
// [Log] is the contract of the drivers, command.go that of the callers. The loop is shard.go: read
// group and commit; what a caller waits for is do.go. How a shard comes to serve is serve.go and
// claim.go; how a lost store comes back, restore.go.
package compaction
