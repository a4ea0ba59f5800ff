// Package kafka keeps a log on a Kafka cluster: several nodes, one writer a shard, each group
// appended exactly once. It is the only package that speaks to Kafka.
//
// # What it promises
//
//   - An Append is one transaction over the topics that the group touches: all of it is there for
//     every reader, or nothing.
//   - A claim fences every earlier owner at the brokers, for ever. On a compacted topic it must be
//     the write that is refused: a record that readers only ignored would still take the place of
//     the valid one when the topic is compacted.
//   - Where the outcome of an Append cannot be known, it says so, and the writer is of no more use;
//     the next claim settles it.
//   - A reader gives what is committed, in order in each topic, in whole groups. A topic with
//     another id than the log began with, an offset that is gone and a record that this program did
//     not write are errors, never gaps.
//
// # What it does not
//
// It takes what the cluster acknowledges to be durable: topics need replicas and
// min.insync.replicas for that ([Admin.Check]). It needs Kafka 4.0 or what is compatible with its
// transactions (transaction.version 2). There is no single order over the topics of a shard, but
// for the groups.
//
// # A shard
//
// Shard i is partition i of every topic. Its owner has three producers, each a transactional id,
// which take turns. A claim gives them their ids in order and commits a barrier to every topic
// through the first:
//
//	quittance.quotes.v1-i    … g7 │ g8 g8 ┃            g9 │
//	quittance.journal.v1-i   … g7 │ g8    ┃            g9 │
//	quittance.shards.v1-i    …            ┃ (trace g10)   │ (trace g11)
//	                                      ┃
//	                    ids 0, 1, 2 given, barrier: "groups up to 8 are before this"
//
// Each record has a header with its group's number, count and time (header.go). In
// quittance.shards.v1 the barrier is the record of who owns the shard, which other nodes follow
// ([Directory]). It also has the log's mark: which secret it has, and where it has moved (mark.go).
// A group that leaves nothing which compaction keeps, such as one without records or one of
// tombstones alone, leaves a trace there: so the number of the last group is always to be found,
// and every reader follows that topic.
//
// # Settings
//
// Those of the clients are in settings.go, those of the topics in spec.go, each with its reason.
//
// Start at [Open]; then claim.go, producer.go, writer.go, reader.go. [Admin] makes and checks
// topics, [Membership] decides who should own what.
package kafka
