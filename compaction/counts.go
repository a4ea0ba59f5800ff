package compaction

import (
	"errors"
	"sync/atomic"
)

// counters count what a shard has done since the process began. Any goroutine may read them.
type counters struct {
	commands, groups, records, claims, rebuilds atomic.Uint64

	warm    atomic.Bool
	applied atomic.Uint64
	at      atomic.Pointer[Positions]
}

// level notes how far a store has come.
func (c *counters) level(state storeState) {
	c.applied.Store(state.group)
	c.at.Store(&state.positions)
}

// Stats say what a shard is doing. Counts are since the process began.
type Stats struct {
	Shard     int
	Owned     bool
	Serving   bool
	Standby   bool      // it is owned elsewhere, and its store is kept level with the log here
	Group     uint64    // the last group that its store here has since it was opened
	Positions Positions // and where that stands in the log
	Restoring bool      // history is still being restored
	Stopped   string    // why the shard has stopped, empty while it has not
	Queue     int       // commands waiting
	Commands  uint64    // commands decided
	Groups    uint64    // appends
	Records   uint64    // records appended
	Claims    uint64    // times the shard was claimed
	Rebuilds  uint64    // times the store was rebuilt from the log
}

// Stats returns what each shard is doing.
func (s *Shards) Stats() []Stats {
	var all []Stats
	for n, slot := range s.slots {
		sh, err := slot.get()
		st := Stats{
			Shard: n, Commands: slot.commands.Load(), Groups: slot.groups.Load(),
			Records: slot.records.Load(), Claims: slot.claims.Load(),
			Rebuilds: slot.rebuilds.Load(), Owned: s.Owned(n),
			Standby: slot.warm.Load(), Group: slot.applied.Load(),
		}
		if at := slot.at.Load(); at != nil {
			st.Positions = *at
		}
		var stopped *StoppedError
		if errors.As(err, &stopped) {
			st.Stopped = stopped.Err.Error()
		}
		if sh != nil {
			st.Serving, st.Restoring, st.Queue = true, sh.restoring.Load(), sh.queue.len()
		}
		all = append(all, st)
	}
	return all
}
