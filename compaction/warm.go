package compaction

import (
	"context"
	"errors"
	"time"
)

// warm keeps the store of a shard that another process owns level with the log until ctx ends, so
// that there is little left to replay when the shard is claimed here.
func (s *Shards) warm(ctx context.Context, n int, starting chan struct{}) {
	var beyond time.Time // since when the log has not ended where the store stands
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		began := time.Now()
		err := s.follow(ctx, n, starting, beyond.IsZero() || time.Since(beyond) < beyondTime)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute { // it went well
			wait = 100 * time.Millisecond
		}
		switch {
		case !errors.Is(err, errBeyond):
			beyond = time.Time{}
		case beyond.IsZero():
			beyond = time.Now()
		}
		what := "a standby is opened again"
		if errors.Is(err, ErrSetBack) || errors.Is(err, errParted) {
			// The log may not show any more, when it is looked at next, that the store is none of its.
			what = "a standby is made anew"
			err = errors.Join(err, s.o.FS.RemoveAll(s.storeDir(n)))
		}
		s.o.Logger.Warn(what, "shard", n, "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// beyondTime is how long a log may take to end where a store stands before the store is rebuilt: a
// transaction that nobody ends is ended by then.
const beyondTime = 10 * time.Second

// follow opens a shard's store, or rebuilds it, and applies what is committed until ctx ends. What
// is damaged or cannot be read ends it; the next opening, or the claim, finds out what to do. One
// that stands beyond the log's end is not rebuilt where it waits.
func (s *Shards) follow(ctx context.Context, n int, starting chan struct{}, waits bool) error {
	select {
	case starting <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	st, state, err := s.openStandby(ctx, n, waits)
	<-starting
	if err != nil {
		return err
	}
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
	b := &standby{shards: s, shard: n, store: st, state: state, heard: s.o.Clock()}
	err = b.run(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(nil)
	return errors.Join(err, st.close())
}

// errStale ends a standby that has heard nothing for longer than tombstones are sure to be there.
var errStale = errors.New("compaction: nothing was heard of the log for too long")

// openStandby opens a shard's store, level with the log as it is now.
func (s *Shards) openStandby(
	ctx context.Context, n int, waits bool,
) (*store, storeState, error) {
	end, err := s.o.Log.End(ctx, n)
	if err != nil {
		return nil, storeState{}, err
	}
	to := target{end: end, before: end, waits: waits, classes: []Class{Open, Background}}
	return s.openOrRebuild(ctx, n, to, false)
}

// A standby is the store of a shard that another process owns, while it is kept level with the log.
type standby struct {
	shards *Shards
	shard  int
	store  *store
	state  storeState
	heard  time.Time // when the log was last heard of
}

// run applies what is committed, and looks now and then whether that is all there is.
func (b *standby) run(ctx context.Context) (err error) {
	s := b.shards
	r := Range{From: b.state.positions, Topics: s.o.Schema.stored()}
	reader, err := s.o.Log.Read(ctx, b.shard, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	look := time.Now()
	for {
		if !time.Now().Before(look) {
			if err := b.look(ctx); err != nil {
				return err
			}
			look = time.Now().Add(s.lookEvery)
		}
		wait, cancel := context.WithDeadline(ctx, look)
		batch, err := reader.Next(wait)
		cancel()
		switch {
		case err == nil:
			err = b.take(batch)
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			continue // nothing has come
		}
		if err != nil {
			return err
		}
	}
}

// take applies a batch of what is committed. It ends with a whole group.
func (b *standby) take(batch Batch) error {
	// A log that could not be reached for so long may have lost tombstones by now.
	now := b.shards.o.Clock()
	if now.Sub(b.heard) > b.shards.staleAfter {
		return errStale
	}
	b.heard = now
	state := b.state
	if batch.Group > state.group {
		state.reached = batch.Time // at least, if the clock that told it was right
		if now.Before(state.reached) {
			state.reached = now
		}
	}
	err := b.store.take(batch, true, &state)
	if err == nil {
		b.state = state
		b.shards.slots[b.shard].level(state)
	}
	return err
}

// look notes that the store is level with the log where it is. A log that cannot be reached says
// nothing.
func (b *standby) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	l, err := b.shards.look(ctx, b.shard, b.state, b.heard)
	if errors.Is(err, errStale) {
		return err
	}
	if err != nil || !l.level {
		return nil
	}
	b.heard = l.at
	b.state.looked(l)
	b.shards.slots[b.shard].level(b.state)
	return b.store.write(nil, b.state)
}
