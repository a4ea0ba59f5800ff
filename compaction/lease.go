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
func (s *shard) confirm(began time.Time) { s.confirmed.Store(int64(began.Sub(programStart))) }

// expired reports whether the shard may have passed to another process since the log last
// confirmed that it is owned here.
func (s *shard) expired() bool {
	return s.lease > 0 && time.Since(programStart)-time.Duration(s.confirmed.Load()) > s.lease
}

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
