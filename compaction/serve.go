package compaction

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// keep serves one shard, again and again, until ctx ends.
func (s *Shards) keep(ctx context.Context, n int, starting chan struct{}) error {
	defer s.slots[n].stop(errEnded)
	distrust, rebuilt := false, time.Time{}
	for wait := 10 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		starting <- struct{}{}
		sh, err := s.claim(ctx, n, distrust)
		<-starting
		if distrust {
			rebuilt = time.Now()
		}
		if err == nil {
			began := time.Now()
			err = s.serve(ctx, n, sh)
			if time.Since(began) > time.Minute {
				wait = 10 * time.Millisecond
			}
		}
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // stopped while it was being opened
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		// What is damaged again after it was made anew is damaged in the log.
		if inLog(err) || damaged(err) && time.Since(rebuilt) < time.Minute {
			s.o.Logger.Error("a shard has stopped", "shard", n, "error", err)
			s.slots[n].stop(&StoppedError{n, err})
			<-ctx.Done()
			return nil
		}
		distrust = damaged(err)
		s.o.Logger.Warn("a shard is claimed again", "shard", n, "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

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
	sh.restored = func() { slot.set(sh) }
	s.subscriptions.everybody(func() { slot.set(sh) })
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	if sh.restoring.Load() {
		background.Go(func() { s.restoreBackground(ctx, sh) })
	}
	err := sh.run(ctx)
	slot.set(nil)
	cancel()
	background.Wait()
	slot.readers.Wait()
	return errors.Join(err, sh.close())
}
