package compaction

import (
	"context"
	"errors"
	"time"
)

// lookEvery is how often a store that nothing comes for makes sure that it is level with its log.
// Where nobody writes, positions and times stand still: without this a store that has everything
// would pass for one that may have missed tombstones.
const lookEvery = time.Minute

// lookTime bounds how long that may take.
const lookTime = 10 * time.Second

// A levelled store was found to have everything that its log had, at a time and up to a position.
type levelled struct {
	level bool
	group uint64 // the last one that it had
	end   Positions
	at    time.Time
	kept  mark
}

// errBehind reports a store that the log has something for.
var errBehind = errors.New("compaction: the log has more")

// look finds out whether a store has everything that its log has, where it was last known to have
// it at a time. If that was too long ago, errStale: what is not there may have been a tombstone.
func (s *Shards) look(
	ctx context.Context, n int, state storeState, heard time.Time,
) (l levelled, err error) {
	l = levelled{group: state.group, at: s.o.Clock(), kept: state.kept}
	if l.end, err = s.o.Log.End(ctx, n); err != nil {
		return l, err
	}
	stored := s.o.Schema.stored()
	if state.positions.Reached(l.end.Only(stored)) {
		l.level, l.end = true, state.positions
		return l, nil
	}
	if l.at.Sub(heard) > s.staleAfter {
		return l, errStale
	}
	r := Range{From: state.positions, To: l.end, Topics: stored}
	err = each(ctx, s.o.Log, n, r, func(b Batch) error {
		if len(b.Entries) > 0 || b.Group > state.group {
			return errBehind
		}
		return nil
	})
	if errors.Is(err, errBehind) {
		return l, nil
	}
	if err == nil {
		l.kept, err = s.lastKept(ctx, n, l.end)
	}
	l.level = err == nil
	return l, err
}

// looked moves the state to where the store was found to be level.
func (t *storeState) looked(l levelled) {
	t.positions, t.reached = l.end, l.at
	if l.kept.group >= t.kept.group {
		t.kept = l.kept
	}
}

// keepLevel looks now and then whether an idle shard's store is level, until ctx ends.
func (s *Shards) keepLevel(ctx context.Context, sh *shard) {
	tick := time.NewTicker(s.lookEvery)
	defer tick.Stop()
	var before uint64
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		var state storeState
		err := sh.aside(ctx, func() error {
			state = sh.state
			return nil
		})
		if err != nil {
			return
		}
		idle := before == state.group
		before = state.group
		if !idle {
			continue // what it appends says that it is level
		}
		looking, cancel := context.WithTimeout(ctx, lookTime)
		l, err := s.look(looking, sh.number, state, state.reached)
		cancel()
		if err != nil || !l.level {
			continue // who has lost the shard hears of it when it appends
		}
		if err := sh.aside(ctx, func() error { return sh.looked(l) }); err != nil {
			return
		}
	}
}

// looked notes that the store is level, unless something was appended meanwhile.
func (s *shard) looked(l levelled) error {
	if s.state.group != l.group {
		return nil
	}
	s.state.looked(l)
	s.counts.level(s.state)
	return s.store.write(nil, s.state)
}

// aside has f called by the shard's goroutine, between two groups. Errors: that of ctx, if it ends
// first. An error of f ends the shard.
func (s *shard) aside(ctx context.Context, f func() error) error {
	done := make(chan struct{})
	call := func() error {
		defer close(done)
		return f()
	}
	select {
	case s.asides <- call:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
