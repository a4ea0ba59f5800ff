package compaction

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// cachedCells is how many decoded records of cached tables a shard keeps in each of its two
// generations.
const cachedCells = 32 * 1024

// claim makes this process the owner of a shard: it claims the log, opens the store or rebuilds
// it, and replays to the end of what was there when it claimed. The store is rebuilt when there is
// none, when it is damaged, unfinished, of another log, format or schema, ahead of the log, or so
// old that tombstones it has not seen may be gone.
func (s *Shards) claim(ctx context.Context, n int, distrust bool) (*shard, error) {
	began := time.Now()
	w, err := s.o.Log.Claim(ctx, n)
	if err != nil {
		return nil, err
	}
	st, state, err := s.openOrRebuild(ctx, n, w.Start(), distrust, []Class{Open})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	sh := &shard{
		number: n, schema: s.o.Schema, clock: s.o.Clock, logger: s.o.Logger,
		queue: newQueue(), counts: &s.slots[n].counters, notify: s.notify,
		feed:   s.history[n].feed,
		writer: w, store: st, state: state, deferred: map[string]time.Time{},
		began: w.Start(), background: make(chan []Entry),
	}
	if s.o.Shared {
		sh.lease = s.o.Lease
		sh.confirm(began)
	}
	sh.counts.level(state)
	sh.restoring.Store(!state.background)
	sh.work = newWork(st, sh.restoring.Load, cachedCells)
	sh.tx = Tx{w: sh.work, shard: n}
	sh.nextDue, err = st.firstDue()
	if err != nil {
		return nil, errors.Join(err, sh.close())
	}
	return sh, nil
}

func (s *shard) close() error { return errors.Join(s.writer.Close(), s.store.close()) }

// openOrRebuild returns the store of a shard, level with the log up to end. A store that is rebuilt
// has records of some classes.
func (s *Shards) openOrRebuild(
	ctx context.Context, n int, end Positions, distrust bool, classes []Class,
) (*store, storeState, error) {
	dir := s.storeDir(n)
	why := "it was found damaged"
	if !distrust {
		st, state, reason, err := s.openAndReplay(ctx, n, dir, end)
		if err == nil && reason == "" {
			return st, state, nil
		}
		if err != nil && ctx.Err() != nil {
			return nil, state, err
		}
		if inLog(err) {
			return nil, state, err
		}
		why = reason
		if err != nil {
			why = err.Error()
		}
	}
	s.o.Logger.Info("rebuilding a store from the log", "shard", n, "reason", why)
	s.slots[n].counters.rebuilds.Add(1)
	began := time.Now()
	err := rebuild(ctx, s.o.Log, n, end, dir, s.o.Schema, classes, s.storeOptions())
	if err != nil {
		return nil, storeState{}, err
	}
	s.o.Logger.Info("rebuilt a store", "shard", n, "took", time.Since(began))
	st, err := openStore(dir, n, s.o.Schema, s.storeOptions())
	if err != nil {
		return nil, storeState{}, err
	}
	state, _, err := st.state()
	if err != nil {
		return nil, state, errors.Join(err, st.close())
	}
	return st, state, nil
}

// openAndReplay opens the store in dir and replays what it has not seen. A reason says why it
// cannot be used as it is.
func (s *Shards) openAndReplay(ctx context.Context, n int, dir string, end Positions) (
	*store, storeState, string, error,
) {
	if _, err := s.o.FS.Stat(dir); err != nil {
		return nil, storeState{}, "there is none", nil
	}
	st, err := openStore(dir, n, s.o.Schema, s.storeOptions())
	if err != nil {
		return nil, storeState{}, "", err
	}
	state, ok, err := st.state()
	reason := ""
	switch {
	case errors.Is(err, errStoreState):
		reason, err = "it has another format", nil
	case err != nil:
	case !ok:
		reason = "it is empty"
	default:
		reason = s.unusable(state, end)
	}
	if err == nil && reason == "" {
		state, err = st.catchUp(ctx, s.o.Log, state, end, s.o.Clock())
	}
	if err != nil || reason != "" {
		return nil, state, reason, errors.Join(err, st.close())
	}
	return st, state, "", nil
}

// unusable says why a store cannot be replayed to end, empty if it can.
func (s *Shards) unusable(state storeState, end Positions) string {
	switch {
	case state.log != s.o.Log.Identity().ID:
		return "it is of another log"
	case state.fingerprint != s.o.Schema.fingerprint:
		return "it is of another schema"
	case !end.Reached(state.positions):
		return "it is ahead of the log"
	case !state.background:
		// It may hold records whose tombstones would not be read again: see restoreBackground.
		return "its background topics are not whole"
	case !state.positions.Reached(end.Only(s.o.Schema.stored())) &&
		s.o.Clock().Sub(state.reached) > s.staleAfter:
		return "it is older than half of what tombstones are kept for"
	}
	return ""
}

// catchUp replays the log from the store's positions to end, where the log ended at a time.
func (s *store) catchUp(
	ctx context.Context, l Log, state storeState, end Positions, at time.Time,
) (storeState, error) {
	if state.positions.Reached(end) {
		return state, nil
	}
	r := Range{From: state.positions, To: end, Topics: s.schema.stored()}
	before, last := state.group, uint64(0)
	err := each(ctx, l, s.shard, r, func(b Batch) error {
		last = b.Group
		return s.take(b, &state)
	})
	if err != nil {
		return state, err
	}
	if last > 0 && last < before {
		return state, errAhead
	}
	// What was read stands at the end of the topics that a store holds; there is nothing for it in
	// the others.
	state.positions, state.reached = end, at
	return state, s.write(nil, state)
}

// errAhead reports a store that has applied groups which the log no longer has: one that was
// restored from a backup, or whose last writes were lost.
var errAhead = errors.New("compaction: the store is ahead of the log")

// take applies a batch that was read and moves the state over it.
func (s *store) take(b Batch, state *storeState) error {
	state.positions = b.Next
	if b.Group > state.group {
		state.group, state.stamp = b.Group, b.Time
		state.reached = b.Time // at least
	}
	return s.write(b.Entries, *state)
}

// write applies entries and a state in one batch.
func (s *store) write(entries []Entry, state storeState) error {
	batch := s.db.NewBatch()
	if err := s.replay(batch, entries); err != nil {
		return errors.Join(err, batch.Close())
	}
	if err := batch.Set([]byte(stateKey), state.encode(nil), nil); err != nil {
		return errors.Join(err, batch.Close())
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("compaction: store of shard %d: %w", s.shard, err)
	}
	return batch.Close()
}
