// Package local keeps a log on this machine: embedded, durable, with no other process. It is the
// default driver of package compaction.
//
// # What it promises
//
//   - An Append is on disk, as a whole, before it returns: it is one synced commit of a Pebble
//     database, with one value for each family of topics that the group touches.
//   - A group that was acknowledged is read again, or reading fails and names the place: every
//     value has a checksum, the values of a family are a chain, and a file beside the database
//     (END) remembers the last group that was acknowledged. Nothing damaged is skipped or cut off.
//   - One process at a time has the folder open, and in it one Writer at a time writes a shard.
//   - An Append is refused while nothing is lost when the disk is nearly full, and works again by
//     itself when there is space.
//   - The size of the compacted families follows what is open, not what happened: a cleaner drops
//     superseded records and, later, tombstones. It never touches an append-only record before its
//     topic's retention is over.
//
// # What it does not
//
// There are no replicas: a lost disk is a lost log. A folder copied while its process runs is not
// a backup. A reader that stays behind longer than half of a topic's delete retention may miss
// tombstones, as the contract of package compaction says.
//
// # The folder
//
//	LOCK        flock; holds the pid of the process that has the folder open
//	END         16 bytes a shard: the last acknowledged group (see end.go)
//	RESERVE     blocks that are set free when another program fills the disk (see space.go)
//	groups/     the Pebble database (see key.go)
//
// # A chain
//
// Three groups; the second has nothing for the family, the third says so by its link:
//
//	family open        [1 ← prev 0] ────────────── [3 ← prev 1]
//	family forever     [1 ← prev 0] [2 ← prev 1] ─ [3 ← prev 2]
//
// When the cleaner has emptied a value, it deletes it and links its successor to its predecessor in
// one batch, so there is a proof of the gap and no marker is left behind. A family's last value is
// never deleted: it may stay empty.
//
// Start at [Open], then writer.go, reader.go and cleaner.go.
package local
