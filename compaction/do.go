package compaction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Do has a command decided by its tenant's shard and returns the answer when all that it wrote is
// durable. Errors: *TenantError, *KeyError, *IdempotencyMismatchError, ErrQueueFull,
// ErrNotServing, ErrFenced and ErrNotCommitted (*SpaceError among them), after all of which nothing
// was written; those of Decide that Refuse passed on; and those of ctx and ErrUnknownOutcome, after
// which only a command with an idempotency key can find out what happened.
func (s *Shards) Do(ctx context.Context, c Command) (Answer, error) {
	if err := CheckTenant(c.Tenant); err != nil {
		return Answer{}, err
	}
	r := &request{ctx: ctx, command: c, done: make(chan outcome, 1)}
	if c.Idempotency != nil {
		var err error
		if r.hashed, err = c.Idempotency.hash(c.Tenant, s.o.Secret); err != nil {
			return Answer{}, err
		}
	}
	slot := s.slots[ShardOf(c.Tenant, len(s.slots))]
	sh, err := slot.get()
	if err != nil {
		return Answer{}, err
	}
	a, err := sh.ask(r)
	if r.hashed != nil && dropped(err) {
		return slot.resolve(r, sh, err)
	}
	if errors.Is(err, ErrFenced) {
		err = fmt.Errorf("%w: %w", ErrNotServing, err)
	}
	return a, err
}

// ask puts a request into the queue and waits for its outcome, or for its context to end.
func (s *shard) ask(r *request) (Answer, error) {
	if err := s.queue.put(r); err != nil {
		return Answer{}, err
	}
	select {
	case o := <-r.done:
		if damaged(o.err) { // the shard is dropped because of it
			return Answer{}, fmt.Errorf("%w: %w", ErrNotServing, o.err)
		}
		return o.answer, o.err
	case <-r.ctx.Done():
		return Answer{}, r.ctx.Err()
	}
}

// dropped reports whether an error is of a group after which a shard drops itself.
func dropped(err error) bool {
	return errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrFenced)
}

// resolve finds out what became of a request whose group may or may not have been committed. The
// shard drops itself; when it is served again, the record of the request's key tells, and without
// one the request is decided anew. As long as that has not happened, the outcome is unknown,
// whatever else stands in the way.
func (s *slot) resolve(r *request, sh *shard, err error) (Answer, error) {
	var own Answer // what may have been committed: a group that was fenced was not
	tried := false
	r.hashed.new = false // this very command may have been done
	for {
		if errors.Is(err, ErrUnknownOutcome) && !r.outcome.answer.Replayed {
			own, tried = r.outcome.answer, true
		}
		before := sh
		sh, err = s.wait(r.ctx, func(x *shard) bool { return x != before })
		if err != nil {
			return Answer{}, unresolved(err, tried)
		}
		var a Answer
		a, err = sh.ask(r)
		switch {
		case err == nil && tried && a.Replayed && a.recalls(own):
			return own, nil
		case err == nil:
			return a, nil
		case dropped(err), errors.Is(err, ErrNotServing):
		case errors.Is(err, ErrQueueFull), errors.Is(err, ErrNotCommitted):
			return Answer{}, unresolved(err, tried)
		default:
			return Answer{}, err
		}
	}
}

// unresolved is the error of a request whose outcome could not be found out because of why. Where
// the shard is served elsewhere by now, it is an ErrNotServing too: ask again there. One that was
// only ever fenced has an outcome: nothing was written.
func unresolved(why error, tried bool) error {
	switch {
	case errors.Is(why, ErrNotServing) && !tried:
		return why
	case errors.Is(why, ErrNotServing):
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, why)
	}
	return fmt.Errorf("%w: %v", ErrUnknownOutcome, why)
}

// recalls reports whether a is what is remembered of b: b was committed, then.
func (a Answer) recalls(b Answer) bool {
	return a.Code == b.Code && a.Location == b.Location && bytes.Equal(a.Body, b.remembered())
}

// remembered returns the body to remember.
func (a Answer) remembered() []byte {
	if a.Record != nil {
		return a.Record
	}
	return a.Body
}
