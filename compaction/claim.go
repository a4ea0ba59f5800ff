package compaction

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// cachedCells is how many decoded records of cached tables a shard keeps in each of its two
// generations.
const cachedCells = 32 * 1024

// claim makes this process the owner of a shard: it claims the log, opens the store or rebuilds
// it, and replays to the end of what was there when it claimed. The store is rebuilt when there is
// none, when it is damaged, unfinished, of another log, format or schema, ahead of the log, parted
// from it, or so old that tombstones it has not seen may be gone.
func (s *Shards) claim(ctx context.Context, n int, distrust bool) (*shard, error) {
	began := time.Now()
	s.slots[n].ask()
	before, err := s.before(ctx, n)
	if err != nil {
		return nil, err
	}
	w, err := s.o.Log.Claim(ctx, n)
	if err == nil || errors.Is(err, ErrFenced) {
		s.slots[n].answered()
	}
	if err != nil {
		return nil, err
	}
	to := target{end: w.Start(), before: before, claimed: true, classes: []Class{Open}}
	if before == nil {
		to.before = to.end
	}
	st, state, err := s.openOrRebuild(ctx, n, to, distrust)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	sh := &shard{
		number: n, schema: s.o.Schema, clock: s.o.Clock, logger: s.o.Logger,
		queue: newQueue(), counts: &s.slots[n].counters, notify: s.notify,
		feed:   s.history[n].feed,
		member: &s.member, heard: &s.heard,
		writer: w, store: st, state: state, deferred: map[string]time.Time{},
		began: w.Start(), background: make(chan []Entry), asides: make(chan func() error),
	}
	if s.o.Shared {
		sh.lease.length = s.o.Lease
		sh.lease.confirm(began)
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

// before returns the end of a shard before it is claimed here, nil where a claim does not move it.
func (s *Shards) before(ctx context.Context, n int) (Positions, error) {
	if !s.o.Shared {
		return nil, nil
	}
	return s.o.Log.End(ctx, n)
}

// A target is what a store is to be level with.
type target struct {
	end     Positions
	before  Positions // the end without what was written to claim the shard
	claimed bool      // end is that of a claim, and so does not cut a group in two
	waits   bool      // a store that stands beyond end is errBeyond, and is not rebuilt
	classes []Class   // what a store that is rebuilt has
}

// openOrRebuild returns the store of a shard, level with the log.
func (s *Shards) openOrRebuild(
	ctx context.Context, n int, to target, distrust bool,
) (*store, storeState, error) {
	dir := s.storeDir(n)
	why := "it was found damaged, or the log was set back"
	if !distrust {
		st, state, reason, err := s.openAndReplay(ctx, n, dir, to)
		if err == nil && reason == "" {
			return st, state, nil
		}
		if err != nil && ctx.Err() != nil {
			return nil, state, err
		}
		if inLog(err) || ofLog(err) || errors.Is(err, ErrLocked) {
			return nil, state, err // a store that was made anew would be none the better
		}
		why = reason
		if err != nil {
			why = err.Error()
		}
	}
	level := slog.LevelInfo
	if why == noStore {
		level = slog.LevelDebug // at a first start there is nothing to tell of: the end says
	}
	s.o.Logger.Log(ctx, level, "rebuilding a store from the log", "shard", n, "reason", why)
	s.slots[n].counters.rebuilds.Add(1)
	began := time.Now()
	err := rebuild(ctx, s.o.Log, n, to, dir, s.o.Schema, s.storeOptions())
	if err != nil {
		return nil, storeState{}, err
	}
	took := time.Since(began)
	st, err := openStore(dir, n, s.o.Schema, s.storeOptions())
	if err != nil {
		return nil, storeState{}, err
	}
	state, _, err := st.state()
	if err != nil {
		return nil, state, errors.Join(err, st.close())
	}
	if state.group > 0 {
		level = slog.LevelInfo
	}
	s.o.Logger.Log(ctx, level, "rebuilt a store from the log", "shard", n, "reason", why, "took", took)
	return st, state, nil
}

// noStore is the reason to rebuild a store that there is not.
const noStore = "there is none"

// ofLog reports whether an error is one of the log that says nothing against the store. One that
// stands where the log has lost its records is made anew from what the log has.
func ofLog(err error) bool {
	var log *logError
	return errors.As(err, &log) && !damaged(err) && !errors.Is(err, ErrGone) &&
		!errors.Is(err, ErrSetBack)
}

// openAndReplay opens the store in dir and replays what it has not seen. A reason says why it
// cannot be used as it is.
func (s *Shards) openAndReplay(ctx context.Context, n int, dir string, to target) (
	*store, storeState, string, error,
) {
	switch _, err := s.o.FS.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, storeState{}, noStore, nil
	case err != nil:
		return nil, storeState{}, "", err
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
		reason, err = s.unusable(ctx, n, state, to)
	}
	if err == nil && reason == "" {
		state, err = st.catchUp(ctx, s.o.Log, state, to, s.o.Clock())
	}
	if err != nil || reason != "" {
		return nil, state, reason, errors.Join(err, st.close())
	}
	return st, state, "", nil
}

// unusable says why a store cannot be replayed to the end of its log, empty if it can.
func (s *Shards) unusable(
	ctx context.Context, n int, state storeState, to target,
) (string, error) {
	switch {
	case state.log != s.o.Log.Identity().ID:
		return "it is of another log", nil
	case state.fingerprint != s.o.Schema.fingerprint:
		return "it is of another schema", nil
	case !to.end.Reached(state.positions) && to.waits:
		return "", errBeyond
	case !to.end.Reached(state.positions):
		return "it is ahead of the log", nil
	case !state.background:
		// It may hold records whose tombstones would not be read again: see restoreBackground.
		return "its background topics are not whole", nil
	case !state.positions.Reached(to.before.Only(s.o.Schema.stored())) && s.stale(state.reached):
		return "it is older than half of what tombstones are kept for", nil
	}
	for _, m := range []mark{state.kept, state.newest} {
		if parted, err := s.parted(ctx, n, m, to.end); err != nil || parted {
			return errParted.Error(), err
		}
	}
	return "", nil
}

// stale reports whether a store that was level with the log at a time may have missed tombstones
// that are gone by now. A time that is still to come was told by a clock that was wrong: it is
// trusted as far as it is off by no more than the half of the tombstones' time that is in reserve.
func (s *Shards) stale(reached time.Time) bool {
	return s.o.Clock().Sub(reached).Abs() > s.staleAfter
}

// catchUp replays the log from the store's positions to its end, which it had at a time.
func (s *store) catchUp(
	ctx context.Context, l Log, state storeState, to target, at time.Time,
) (storeState, error) {
	// The end of a claim is behind all groups that a store can have. Any other may have cut groups in
	// two when the store was opened before: what follows is of later groups than the whole ones.
	before, last := state.whole, uint64(0)
	if to.claimed {
		before = state.group
	}
	if !state.positions.Reached(to.end) {
		r := Range{From: state.positions, To: to.end, Topics: s.schema.stored()}
		err := each(ctx, l, s.shard, r, func(b Batch) error {
			last = b.Group
			return s.take(b, false, &state)
		})
		if err != nil {
			return state, err
		}
		// What was read stands at the end of the topics that a store holds; there is nothing for it
		// in the others.
		state.positions = to.end
	}
	if last > 0 && last < before {
		return state, errAhead
	}
	if to.claimed {
		state.whole = state.group
	}
	state.reached = at
	return state, s.write(nil, state)
}

// errAhead reports a store that has applied groups which the log no longer has: one that was
// restored from a backup, or whose last writes were lost.
var errAhead = errors.New("compaction: the store is ahead of the log")

// errBeyond reports a log that does not end where a store stands, and may yet: on Kafka the markers
// of the last groups come late now and then. It says nothing against the store.
var errBeyond = &logError{errors.New("compaction: the log does not end where the store stands yet")}

// errParted reports a store that is the fold of groups other than those that the log has in their
// place: the log was restored from a backup and written on since.
var errParted = errors.New("the log has parted from the one that it was folded from")

// take applies a batch that was read and moves the state over it. The end of a bounded range may
// cut a group in two; open says that the batch is of an open one.
func (s *store) take(b Batch, open bool, state *storeState) error {
	if state.has(b.Entries) {
		return errParted
	}
	state.positions = b.Next
	if open {
		state.whole = max(state.whole, b.Group)
	}
	if b.Group > state.group {
		state.group, state.stamp = b.Group, b.Time
	}
	state.read(s.schema, b.Entries)
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
