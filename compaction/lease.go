package compaction

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// programStart is what times of confirmation are counted from, on a clock that goes on while the
// process is stopped.
var programStart = time.Now()

// A lease is a time for which what was confirmed is trusted. Its methods may be called from any
// goroutine.
type lease struct {
	length time.Duration // 0 is for ever
	steady atomic.Int64  // when it was last confirmed, since the program began
	wall   atomic.Int64  // and by the clock on the wall, in nanoseconds since 1970
	ended  atomic.Int64  // when it was last ended, since the program began; 0 is never
}

// confirm notes that what the lease is of was so at a time. What was so before the lease was ended
// does not revive it.
func (l *lease) confirm(at time.Time) {
	l.steady.Store(int64(at.Sub(programStart)))
	l.wall.Store(at.UnixNano())
}

// end ends the lease until what it is of is confirmed as of a later time.
func (l *lease) end() { l.ended.Store(int64(time.Since(programStart))) }

// expired reports whether it was not confirmed lately. The clock that only goes forward stands
// still in a machine that is suspended, and the one on the wall may be put back: the one that has
// moved more counts.
func (l *lease) expired() bool {
	if l.length == 0 {
		return false
	}
	now, confirmed, ended := time.Now(), l.steady.Load(), l.ended.Load()
	if ended != 0 && confirmed <= ended {
		return true
	}
	steady := now.Sub(programStart) - time.Duration(confirmed)
	wall := time.Duration(now.UnixNano() - l.wall.Load())
	return max(steady, wall) > l.length
}

// expired reports whether the shard may have passed to another process since the log last
// confirmed that it is owned here: too long ago, or before the group was last heard of. The group
// counts from what it hears of this process, and appends may go on where nothing of that comes
// through.
func (s *shard) expired() bool {
	return s.lease.expired() || s.heard.Load() && s.member.expired()
}

// Heard tells that the group of processes that share the log has answered this one as a member, to
// what it had asked at a time; the zero time tells that it counts this process out. From the first
// call on reads trust a store for a lease after such a time at most: then each of them has the log
// confirm that the shard is owned here.
func (s *Shards) Heard(at time.Time) {
	if at.IsZero() {
		s.member.end()
	} else {
		s.member.confirm(at)
	}
	s.heard.Store(true)
}

// doubt has the log confirm anew that the shard is owned here, and ends the lease until it has.
func (s *slot) doubt() {
	sh, err := s.get()
	if err != nil || sh.lease.length == 0 {
		return
	}
	sh.lease.end()
	_ = s.renew() // who was fenced drops the shard; whatever else failed, the next read asks again
}

// Doubt tells that another process may have claimed a shard: nothing of it is read here before the
// log has confirmed that it is owned here, and if it is not, it is claimed again or given up. It
// returns when that is known.
func (s *Shards) Doubt(shard int) { s.slots[shard].doubt() }

// Confirm makes sure that a tenant's shard is owned and served here, as Read does before it reads:
// for whoever goes by what was read before. What another process has changed since then is not
// known here. Errors: *TenantError and ErrNotServing.
func (s *Shards) Confirm(tenant string) error {
	if err := CheckTenant(tenant); err != nil {
		return err
	}
	return s.slots[ShardOf(tenant, len(s.slots))].renew()
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
	switch {
	case err == nil || errors.As(err, &full):
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrUnknownOutcome):
		// Of what was asked here nothing is unknown: it would have written nothing.
		return fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	return fmt.Errorf("%w: %w", ErrNotServing, err)
}
