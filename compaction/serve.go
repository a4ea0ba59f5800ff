package compaction

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// keep does with a shard what is to be done with it here until ctx ends: serves it while it is
// owned, and else keeps its store warm if that is wanted.
func (s *Shards) keep(ctx context.Context, n int, starting, warming chan struct{}) error {
	slot := s.slots[n]
	defer slot.stop(errEnded)
	for ctx.Err() == nil {
		if err := s.stint(ctx, n, starting, warming); err != nil {
			if ctx.Err() != nil {
				return err
			}
			s.o.Logger.Error("a shard was not given up in order", "shard", n, "error", err)
		}
	}
	return nil
}

// stint does it until the shard is owned no longer, or not before, or ctx ends.
func (s *Shards) stint(ctx context.Context, n int, starting, warming chan struct{}) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	owned, over := s.slots[n].begin(ctx, end)
	defer close(over)
	if !owned && !s.o.Standby {
		<-ctx.Done()
		return nil
	}
	var history sync.WaitGroup
	history.Go(func() { s.history[n].run(ctx) })
	defer history.Wait()
	if !owned {
		s.warm(ctx, n, warming)
		return nil
	}
	return s.own(ctx, n, starting)
}

// own serves one shard, again and again, until ctx ends.
func (s *Shards) own(ctx context.Context, n int, starting chan struct{}) error {
	distrust, rebuilt := false, time.Time{}
	for wait := 10 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		select {
		case starting <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		sh, err := s.claim(ctx, n, distrust)
		<-starting
		if distrust {
			rebuilt = time.Now()
		}
		if err != nil && ctx.Err() != nil {
			return nil // ended while it was being opened: nothing was taken
		}
		if err == nil {
			began := time.Now()
			err = s.serve(ctx, n, sh)
			if time.Since(began) > time.Minute {
				wait = 10 * time.Millisecond
			}
			if ctx.Err() != nil && s.o.Shared && errors.Is(err, ErrFenced) {
				return nil // who owns it now was quicker: what it fenced was not answered
			}
			if err == nil || ctx.Err() != nil {
				return err
			}
		}
		// What is damaged again after it was made anew is damaged in the log. A log that has moved is
		// served elsewhere. Of one that was replaced in part, every later start refuses what would be
		// acknowledged from here on.
		var moved *MovedError
		giveUp := s.o.GiveUp != nil && s.o.GiveUp(err)
		again := damaged(err) && time.Since(rebuilt) < time.Minute
		over := errors.As(err, &moved) || errors.Is(err, ErrReplaced)
		locked := errors.Is(err, ErrLocked) // to claim it again would only fence who has it
		if giveUp || inLog(err) || again || over || locked {
			s.o.Logger.Error("a shard has stopped", "shard", n, "error", err)
			s.slots[n].stop(&StoppedError{n, err})
			<-ctx.Done()
			return nil
		}
		distrust = damaged(err) || errors.Is(err, ErrSetBack)
		if s.o.Shared && errors.Is(err, ErrFenced) {
			wait = max(wait, afterFence)
		}
		s.o.Logger.Warn("a shard is claimed again", "shard", n, "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// afterFence is how long a process that was fenced waits at least before it claims the shard again.
// Mostly the shard is another's by then, and fencing that one back would only be in its way: a
// member of a group hears of it with its next heartbeat.
const afterFence = 750 * time.Millisecond

// inLog reports whether an error speaks of damage in the log itself.
func inLog(err error) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt) && corrupt.Group > 0
}

// damaged reports whether an error speaks of bytes that are not what was written.
func damaged(err error) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt) || pebble.IsCorruptionError(err)
}

// serve lets callers reach a shard while it runs.
func (s *Shards) serve(ctx context.Context, n int, sh *shard) error {
	slot := s.slots[n]
	slot.claims.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	sh.served = ctx
	sh.restored = func() { slot.set(sh) }
	sh.feed.begin(sh.state.positions)
	s.subscriptions.everybody(func() { slot.set(sh) })
	var background sync.WaitGroup
	if sh.restoring.Load() {
		background.Go(func() { s.restoreBackground(ctx, sh) })
	}
	if s.o.Shared {
		background.Go(func() { s.keepLevel(ctx, sh) })
	}
	err := sh.run(ctx)
	sh.feed.end()
	slot.set(nil)
	cancel()
	background.Wait()
	slot.readers.Wait() // the store is closed after their snapshots
	return errors.Join(err, sh.close())
}
