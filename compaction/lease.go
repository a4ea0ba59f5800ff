package compaction

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// programStart is what times of confirmation are counted from, on a clock that goes on while the
// process is stopped.
var programStart = time.Now()

// confirm notes that the log took an append, begun at a time, from this owner.
func (s *shard) confirm(began time.Time) {
	s.confirmed.Store(int64(began.Sub(programStart)))
	s.confirmedWall.Store(began.UnixNano())
}

// expired reports whether the shard may have passed to another process since the log last
// confirmed that it is owned here. The clock that only goes forward stands still in a machine that
// is suspended, and the one on the wall may be put back: the one that has moved more counts.
func (s *shard) expired() bool {
	if s.lease == 0 {
		return false
	}
	now := time.Now()
	steady := now.Sub(programStart) - time.Duration(s.confirmed.Load())
	wall := time.Duration(now.UnixNano() - s.confirmedWall.Load())
	return max(steady, wall) > s.lease
}

// doubt has the log confirm anew that the shard is owned here, and ends the lease until it has.
func (s *slot) doubt() {
	sh, err := s.get()
	if err != nil || sh.lease == 0 {
		return
	}
	sh.confirmedWall.Store(0)
	_ = s.renew() // who was fenced drops the shard; whatever else failed, the next read asks again
}

// Doubt tells that another process may have claimed a shard: nothing of it is read here before the
// log has confirmed that it is owned here, and if it is not, it is claimed again or given up. It
// returns when that is known.
func (s *Shards) Doubt(shard int) { s.slots[shard].doubt() }

// renewal bounds how long a read waits for the log to confirm its shard.
const renewal = 10 * time.Second

// renew has the log confirm that the shard is owned here, if it has not lately: a process that was
// stopped for a while must not show what another has changed since. A log that takes nothing
// because it is full has confirmed nothing, and yet nobody else can have changed anything in it.
func (s *slot) renew() error {
	sh, err := s.get()
	if err != nil || !sh.expired() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), renewal)
	defer cancel()
	r := &request{ctx: ctx, done: make(chan outcome, 1), command: Command{
		Decide: func(*Tx) (Answer, error) { return Answer{}, nil },
	}}
	var full *SpaceError
	_, err = sh.ask(r)
	if err == nil || errors.As(err, &full) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotServing, err)
}
