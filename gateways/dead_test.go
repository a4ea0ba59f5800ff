package gateways_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// TestWorkerOutcomeTooLarge: an outcome that no log takes was tried for ever, since nothing of it
// had been committed. The effect is dead then, and keeps no place.
func TestWorkerOutcomeTooLarge(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Concurrency = 1
	o.Handlers = map[string]gateways.Handler{payments.EffectCreate: handler(
		func(_ context.Context, e compaction.Effect, _ gateways.Call) (gateways.Outcome, error) {
			if e.ID != "pay_1-1" {
				return gateways.Nothing, nil
			}
			return func(tx *compaction.Tx) error {
				return compaction.Emit(tx, compaction.Effect{Tenant: "acme", ID: "large", Aggregate: "a",
					Kind: payments.EffectCreate, Payload: make([]byte, compaction.MaxRecordBytes)})
			}, nil
		})}
	w.pay("pay_1", "card")
	w.pay("pay_2", "card")
	w.start(o)
	w.until("pay_1-1 is dead", func() bool {
		e, _ := w.effect("pay_1-1")
		return e.State == compaction.EffectDead && e.LastError == "refused"
	})
	w.untilDone("pay_2-1")
	if _, ok := w.effect("large"); ok {
		t.Error("a part of the outcome was written")
	}
}

// An unread engine fails one command when told to, as one does whose store cannot be read for a
// moment.
type unread struct {
	*compaction.Shards
	now *atomic.Bool
}

func (u unread) Do(ctx context.Context, c compaction.Command) (compaction.Answer, error) {
	if u.now.CompareAndSwap(true, false) {
		return compaction.Answer{}, errors.New("too many open files")
	}
	return u.Shards.Do(ctx, c)
}

// TestWorkerStoreUnread: an outcome that could not be written is no outcome that the books refuse.
// It is asked for again, and nobody has to see to it.
func TestWorkerStoreUnread(t *testing.T) {
	for name, first := range map[string]step{"done": {},
		"failed": {after: failure(gateways.Unknown)}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			engine, called := unread{w.shards, &atomic.Bool{}}, atomic.Bool{}
			o := w.options()
			o.Engine = engine
			w.gateway.set(func(context.Context, string) step {
				if called.Swap(true) {
					return step{}
				}
				engine.now.Store(true)
				return first
			})
			w.pay("pay_1", "card")
			w.start(o)
			w.untilDone("pay_1-1")
			if p := w.payment("pay_1"); p.State != payments.Succeeded || engine.now.Load() {
				t.Errorf("%+v", p)
			}
			if got := w.gateway.seen(); !slices.Equal(got, []string{"create pay_1", "find pay_1"}) {
				t.Errorf("calls: %v", got)
			}
		})
	}
}

// TestWorkerBeginUnread: an attempt that could not begin, because the engine could not read its
// store for a moment, left the effect dead though nothing had been refused.
func TestWorkerBeginUnread(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	engine := unread{w.shards, &atomic.Bool{}}
	engine.now.Store(true)
	o.Engine = engine
	w.pay("pay_1", "card")
	w.start(o)
	w.untilDone("pay_1-1")
	if p := w.payment("pay_1"); p.State != payments.Succeeded || engine.now.Load() {
		t.Errorf("%+v", p)
	}
	if got := w.gateway.seen(); !slices.Equal(got, []string{"create pay_1"}) {
		t.Errorf("calls: %v", got)
	}
}

// A misreading handler meets a store that cannot be read the first time that it looks into it, when
// an attempt begins or in its outcome.
type misreading struct {
	begins bool
	first  *atomic.Bool
}

func (m misreading) read(here bool) error {
	if m.begins == here && m.first.CompareAndSwap(true, false) {
		return fmt.Errorf("the payment: %w", compaction.ErrUnread)
	}
	return nil
}

func (m misreading) Begin(*compaction.Tx, compaction.Effect) error { return m.read(true) }

func (m misreading) Perform(
	context.Context, compaction.Effect, gateways.Call,
) (gateways.Outcome, error) {
	return func(*compaction.Tx) error { return m.read(false) }, nil
}

// TestWorkerReadsUnread: a store that could not be read by what an attempt begins with, or by what
// writes its outcome, left the effect dead: it was taken for books that refuse it.
func TestWorkerReadsUnread(t *testing.T) {
	for name, h := range map[string]misreading{"begin": {begins: true}, "outcome": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			h.first = &atomic.Bool{}
			h.first.Store(true)
			o.Handlers = map[string]gateways.Handler{payments.EffectCreate: h}
			w.pay("pay_1", "card")
			w.start(o)
			w.until("pay_1-1 is over", func() bool {
				e, ok := w.effect("pay_1-1")
				return !ok || e.State == compaction.EffectDead
			})
			if e, ok := w.effect("pay_1-1"); ok || h.first.Load() {
				t.Errorf("the effect is %+v", e)
			}
		})
	}
}

// TestWorkerPanics: what panics when it is written does so each time. It was tried for ever, with a
// call of the gateway each time, where its outcome did.
func TestWorkerPanics(t *testing.T) {
	for name, h := range map[string]panicking{"begin": {begins: true}, "outcome": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			h.calls = &atomic.Int64{}
			o.Handlers = map[string]gateways.Handler{payments.EffectCreate: h}
			w.pay("pay_1", "card")
			w.start(o)
			w.until("pay_1-1 is dead", func() bool {
				e, _ := w.effect("pay_1-1")
				return e.State == compaction.EffectDead && e.LastError == "refused"
			})
			want := int64(1)
			if h.begins {
				want = 0
			}
			if got := h.calls.Load(); got != want {
				t.Errorf("%d calls, want %d", got, want)
			}
		})
	}
}

// A panicking handler does so when an attempt begins, or in its outcome.
type panicking struct {
	begins bool
	calls  *atomic.Int64
}

func (p panicking) Begin(*compaction.Tx, compaction.Effect) error {
	if p.begins {
		panic("a bug")
	}
	return nil
}

func (p panicking) Perform(
	context.Context, compaction.Effect, gateways.Call,
) (gateways.Outcome, error) {
	p.calls.Add(1)
	return func(*compaction.Tx) error { panic("a bug") }, nil
}
