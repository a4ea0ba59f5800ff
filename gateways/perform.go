package gateways

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/quittance/quittance/compaction"
)

// Gateways forget keys after 24 hours. For keyLife after its first use a key is sent again; from
// lostAfter on nothing that was sent can still arrive, and absent means that it never happened.
const (
	keyLife   = 23 * time.Hour
	lostAfter = 24 * time.Hour
)

// perform makes one attempt at an effect: begin, call, end.
func (w *Worker) perform(ctx context.Context, e compaction.Effect) {
	h := w.o.Handlers[e.Kind]
	unclear := e.State == compaction.EffectBegun || e.State == compaction.EffectUnknown
	e, call, err := w.begin(ctx, e, h)
	if err != nil {
		w.unbegun(ctx, e, err)
		return
	}
	limited, cancel := context.WithTimeout(ctx, w.o.Timeout)
	outcome, err := w.call(limited, e, call, h, unclear)
	cancel()
	if err == nil {
		err = w.end(ctx, e, outcome)
	} else {
		err = w.fail(ctx, e, h, err)
	}
	if err != nil && ctx.Err() == nil {
		w.unwritten(e, err)
		if !engineFailed(err) {
			w.pause(ctx)
		}
	}
}

// unwritten tells of an outcome that was not written. Where the shard has only gone elsewhere, or
// the log is away, nobody need see to it: who serves it next finds the effect begun.
func (w *Worker) unwritten(e compaction.Effect, err error) {
	if engineFailed(err) {
		w.o.Logger.Info("the outcome of an effect will be asked for again: its shard is not served "+
			"here", "kind", e.Kind, "effect", e.ID, "error", err)
		return
	}
	w.o.Logger.Error("the outcome of an effect could not be written", "kind", e.Kind,
		"effect", e.ID, "error", err)
}

// call chooses between doing, asking and giving up for lost.
func (w *Worker) call(ctx context.Context, e compaction.Effect, c Call, h Handler, unclear bool) (
	Outcome, error) {
	resolver, ok := h.(Resolver)
	if !unclear || !ok {
		return h.Perform(ctx, e, c)
	}
	outcome, err := resolver.Resolve(ctx, e, c)
	if err == nil || ClassOf(err) != Absent {
		return outcome, err
	}
	switch age := c.At.Sub(e.Began); {
	case age < keyLife:
		return h.Perform(ctx, e, c)
	case age >= lostAfter:
		return resolver.Lost(e, c)
	default:
		return nil, err // a call may still be in flight
	}
}

// errSuperseded reports that an effect is not as it was when it was found: done, dropped or begun
// by another.
var errSuperseded = errors.New("gateways: the effect was changed meanwhile")

// begin commits that an attempt begins. A crash after it leaves the effect begun: its outcome is
// asked for before anything else.
func (w *Worker) begin(ctx context.Context, found compaction.Effect, h Handler) (
	compaction.Effect, Call, error) {
	e, at, obsolete := found, time.Time{}, false
	_, err := w.o.Engine.Do(ctx, compaction.Command{Tenant: e.Tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			key := compaction.Key(found.Tenant, found.ID)
			now, ok, err := compaction.Outbox.Get(tx, key)
			if err != nil {
				return compaction.Answer{}, err
			}
			if !ok || now.Attempt != found.Attempt || now.State != found.State {
				return compaction.Answer{}, errSuperseded
			}
			at = tx.Now()
			if e = now; e.Began.IsZero() {
				e.Began = at
			}
			e.Attempt, e.State = e.Attempt+1, compaction.EffectBegun
			compaction.Outbox.Put(tx, key, e)
			if b, ok := h.(Beginner); ok {
				err = b.Begin(tx, e)
			}
			if obsolete = errors.Is(err, ErrObsolete); obsolete {
				compaction.Outbox.Delete(tx, key)
				err = nil
			}
			if err != nil {
				err = &refusal{err}
			}
			return compaction.Answer{}, err
		}})
	if err == nil && obsolete {
		err = errSuperseded
	}
	if err != nil {
		return found, Call{}, err
	}
	return e, Call{Tenant: e.Tenant, Key: e.ID, At: at, Since: e.Began}, nil
}

// end commits the outcome and ends the effect.
func (w *Worker) end(ctx context.Context, e compaction.Effect, outcome Outcome) error {
	return w.conclude(ctx, e, func(tx *compaction.Tx, key string, _ compaction.Effect) error {
		if err := outcome(tx); err != nil {
			return err
		}
		compaction.Outbox.Delete(tx, key)
		return nil
	})
}

// conclude commits what came of an attempt. What will never be written leaves the effect dead: the
// call was made, and a person must say what it means. After any other error, such as a store that
// could not be read, the effect is found begun and its outcome asked for again.
func (w *Worker) conclude(ctx context.Context, e compaction.Effect, change change) error {
	err := w.commit(ctx, e, func(tx *compaction.Tx, key string, now compaction.Effect) error {
		if err := change(tx, key, now); err != nil {
			return &refusal{err}
		}
		return nil
	})
	if hopeless(err) {
		return w.kill(ctx, e, err)
	}
	return err
}

// A refusal is an error of the books themselves, if not that they could not be read. It is marked
// within the command: once that was not waited for any longer, it may still be running.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// hopeless reports whether a command failed for a reason that is in what it writes: the books
// refuse it, it panics, or no log takes it.
func hopeless(err error) bool {
	var refused *refusal
	var panicked *compaction.PanicError
	var size *compaction.SizeError
	refuses := errors.As(err, &refused) && !engineFailed(err) && !errors.Is(err, compaction.ErrUnread)
	return refuses || errors.As(err, &panicked) || errors.As(err, &size)
}

// unbegun sees to an attempt that did not begin. Unless it never will, it is found again if it is
// still there.
func (w *Worker) unbegun(ctx context.Context, e compaction.Effect, err error) {
	switch {
	case errors.Is(err, errSuperseded) || ctx.Err() != nil:
	case hopeless(err):
		if err := w.kill(ctx, e, err); err != nil {
			w.o.Logger.Error("an effect could not be given up", "effect", e.ID, "error", err)
		}
	default:
		if !engineFailed(err) {
			w.o.Logger.Error("an attempt could not begin", "kind", e.Kind, "effect", e.ID,
				"error", err)
		}
		w.pause(ctx)
	}
}

// pause leaves an effect alone for a moment after an error: it is due, and would be found again in
// no time, also in the store of a shard that is about to drop itself or has no room to write.
func (w *Worker) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(w.o.First):
	}
}

// kill leaves an effect dead because what it wants, or what came of it, will never be written.
func (w *Worker) kill(ctx context.Context, e compaction.Effect, refused error) error {
	w.o.Logger.Error("an effect is dead: what it writes is refused", "kind", e.Kind, "effect", e.ID,
		"error", refused)
	return w.commit(ctx, e, func(tx *compaction.Tx, key string, now compaction.Effect) error {
		now.State, now.LastError = compaction.EffectDead, "refused"
		compaction.Outbox.Put(tx, key, now)
		return nil
	})
}

// fail commits that an attempt failed, and when the next one is due.
func (w *Worker) fail(ctx context.Context, e compaction.Effect, h Handler, failure error) error {
	class := ClassOf(failure)
	wait := w.wait(e.Attempt, failure)
	if ctx.Err() != nil {
		class, wait = Unknown, 0 // we gave up, not the gateway: the next Run asks at once
	}
	w.o.Logger.Info("an attempt failed", "kind", e.Kind, "effect", e.ID, "attempt", e.Attempt,
		"class", class.String(), "error", failure)
	return w.conclude(ctx, e, func(tx *compaction.Tx, key string, now compaction.Effect) error {
		now.LastError, now.Due = class.String(), tx.Now().Add(wait)
		switch {
		case class == Permanent || now.Attempt >= w.o.Limit:
			now.State = compaction.EffectDead
		case class == Transient && now.Attempt == 1:
			// Nothing was ever sent that may have arrived.
			now.State, now.Began = compaction.EffectWaiting, time.Time{}
		default:
			now.State = compaction.EffectUnknown
		}
		compaction.Outbox.Put(tx, key, now)
		if f, ok := h.(Failer); ok {
			return f.Fail(tx, now, class)
		}
		return nil
	})
}

// wait is how long to leave an effect alone after a failed attempt.
func (w *Worker) wait(attempt int, failure error) time.Duration {
	curve := &backoff.ExponentialBackOff{InitialInterval: w.o.First, MaxInterval: w.o.Longest,
		Multiplier: 3, RandomizationFactor: 0.3}
	curve.Reset()
	wait := curve.NextBackOff()
	for range min(attempt, 64) - 1 {
		wait = curve.NextBackOff()
	}
	var failed *Error
	if errors.As(failure, &failed) {
		wait = max(wait, failed.After)
	}
	return wait
}

// A change writes what comes of an effect, which stands under key as now.
type change func(tx *compaction.Tx, key string, now compaction.Effect) error

// commit changes an effect that still has the attempt that e has. It goes on trying while the
// engine does not serve: what is lost here has to be asked for again. Where the shard has gone to
// another process it gives up, and that one asks. When ctx has ended it tries once, for a moment.
func (w *Worker) commit(ctx context.Context, e compaction.Effect, change change) error {
	command := compaction.Command{Tenant: e.Tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			key := compaction.Key(e.Tenant, e.ID)
			now, ok, err := compaction.Outbox.Get(tx, key)
			if err != nil || !ok || now.Attempt != e.Attempt {
				return compaction.Answer{}, err // done already, or by another
			}
			return compaction.Answer{}, change(tx, key, now)
		}}
	for attempt := 1; ; attempt++ {
		last := ctx.Err() != nil
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		_, err := w.o.Engine.Do(limited, command)
		cancel()
		if err == nil || last || !engineFailed(err) || w.gone(e.Tenant) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(time.Duration(attempt)*100*time.Millisecond, 5*time.Second)):
		}
	}
}

// gone reports whether a tenant's shard is owned by another process, if the engine knows of others.
func (w *Worker) gone(tenant string) bool {
	e, ok := w.o.Engine.(interface {
		Owned(shard int) bool
		Count() int
	})
	return ok && !e.Owned(compaction.ShardOf(tenant, e.Count()))
}

// engineFailed reports whether a command failed for a reason that will pass. A record that is too
// large stays so, though nothing was committed then either.
func engineFailed(err error) bool {
	var size *compaction.SizeError
	if errors.As(err, &size) {
		return false
	}
	for _, passing := range []error{compaction.ErrQueueFull, compaction.ErrNotServing,
		compaction.ErrNotCommitted, compaction.ErrUnknownOutcome, compaction.ErrRestoring,
		compaction.ErrFenced, compaction.ErrClosed, context.DeadlineExceeded} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
