package compaction

import (
	"context"
	"errors"
	"time"
)

// warm keeps the store of a shard that another process owns level with the log until ctx ends, so
// that there is little left to replay when the shard is claimed here.
func (s *Shards) warm(ctx context.Context, n int, starting chan struct{}) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		err := s.follow(ctx, n, starting)
		if ctx.Err() != nil {
			return
		}
		s.o.Logger.Warn("a standby is opened again", "shard", n, "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// follow opens a shard's store, or rebuilds it, and applies what is committed until ctx ends. What
// is damaged or cannot be read ends it; the next opening, or the claim, finds out what to do.
func (s *Shards) follow(ctx context.Context, n int, starting chan struct{}) error {
	select {
	case starting <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	st, state, err := s.openStandby(ctx, n)
	<-starting
	if err != nil {
		return err
	}
	heard := s.o.Clock()
	slot := s.slots[n]
	slot.level(state)
	slot.warm.Store(true)
	defer slot.warm.Store(false)
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case err := <-st.poison:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	r := Range{From: state.positions, Topics: s.o.Schema.stored()}
	err = each(ctx, s.o.Log, n, r, func(b Batch) error {
		// A log that could not be reached for so long may have lost tombstones by now.
		now := s.o.Clock()
		if now.Sub(heard) > s.staleAfter {
			return errStale
		}
		heard = now
		defer func() { slot.level(state) }()
		return st.take(b, &state)
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(nil)
	return errors.Join(err, st.close())
}

// errStale ends a standby that has heard nothing for longer than tombstones are sure to be there.
var errStale = errors.New("compaction: nothing was heard of the log for too long")

// openStandby opens a shard's store, level with the log as it is now.
func (s *Shards) openStandby(ctx context.Context, n int) (*store, storeState, error) {
	end, err := s.o.Log.End(ctx, n)
	if err != nil {
		return nil, storeState{}, err
	}
	return s.openOrRebuild(ctx, n, end, false, []Class{Open, Background})
}
