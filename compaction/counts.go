package compaction

import "sync/atomic"

// counters count what a shard has done since the process began. Any goroutine may read them.
type counters struct {
	commands, groups, records, claims, rebuilds atomic.Uint64
}

func (c *counters) group(_, records int) {
	c.groups.Add(1)
	c.records.Add(uint64(records))
}

// Stats say what a shard is doing. Counts are since the process began.
type Stats struct {
	Shard     int
	Serving   bool
	Restoring bool   // history is still being restored
	Stopped   string // why the shard has stopped, empty while it has not
	Queue     int    // commands waiting
	Commands  uint64 // commands decided
	Groups    uint64 // appends
	Records   uint64 // records appended
	Claims    uint64 // times the shard was claimed
	Rebuilds  uint64 // times the store was rebuilt from the log
}
