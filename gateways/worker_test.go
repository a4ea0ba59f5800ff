package gateways_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// TestWorker performs what is wanted and writes what follows: money, or a decline, with the
// attempt and its beginning on record, and nothing left in the outbox.
func TestWorker(t *testing.T) {
	w := newWorld(t)
	w.pay("pay_1", "card")
	w.pay("pay_2", "declined")
	w.start(w.options())
	w.untilDone("pay_1-1")
	w.untilDone("pay_2-1")
	if p := w.payment("pay_1"); p.State != payments.Succeeded || p.Attempts != 1 {
		t.Errorf("paid: %+v", p)
	}
	if a := w.attempt("pay_1", 1); a.State != payments.AttemptSucceeded || a.Calls != 1 {
		t.Errorf("attempt: %+v", a)
	}
	if p := w.payment("pay_2"); p.State != payments.RequiresPaymentMethod || p.Code != "no" {
		t.Errorf("declined: %+v", p)
	}
	if a := w.attempt("pay_2", 1); a.State != payments.AttemptDeclined || a.Code != "no" {
		t.Errorf("attempt: %+v", a)
	}
}

// TestWorkerUnknown holds that an outcome nobody saw is asked for, and that money is taken once,
// whether the call had arrived or not.
func TestWorkerUnknown(t *testing.T) {
	for name, first := range map[string]step{"arrived": {after: failure(gateways.Unknown)},
		"lost": {before: failure(gateways.Unknown)}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var failed atomic.Bool
			w.gateway.set(func(_ context.Context, call string) step {
				if call == "create pay_1" && !failed.Swap(true) {
					return first
				}
				return step{}
			})
			w.pay("pay_1", "card")
			w.start(w.options())
			w.untilDone("pay_1-1")
			calls := []string{"create pay_1", "find pay_1"}
			if name == "lost" {
				calls = append(calls, "create pay_1")
			}
			if got := w.gateway.seen(); !slices.Equal(got, calls) {
				t.Errorf("calls: %v, want %v", got, calls)
			}
			if p := w.payment("pay_1"); p.State != payments.Succeeded || p.Charge != "ch_pay_1-1" {
				t.Errorf("%+v", p)
			}
			if a := w.attempt("pay_1", 1); a.State != payments.AttemptSucceeded || a.Calls != 2 {
				t.Errorf("%+v", a)
			}
		})
	}
}

// TestWorkerStopped stops the worker in the middle of a call that took the money: the next one
// finds the attempt begun, and asks.
func TestWorkerStopped(t *testing.T) {
	w := newWorld(t)
	entered := make(chan bool, 1)
	w.gateway.set(func(ctx context.Context, call string) step {
		if call != "create pay_1" {
			return step{}
		}
		entered <- true
		<-ctx.Done()
		return step{after: failure(gateways.Unknown)}
	})
	w.pay("pay_1", "card")
	stop := w.start(w.options())
	<-entered
	if e, ok := w.effect("pay_1-1"); !ok || e.State != compaction.EffectBegun || e.Attempt != 1 {
		t.Errorf("the beginning was not committed before the call: %+v", e)
	}
	stop()
	w.gateway.set(nil)
	w.start(w.options())
	w.untilDone("pay_1-1")
	if got := w.gateway.seen(); !slices.Equal(got, []string{"create pay_1", "find pay_1"}) {
		t.Errorf("calls: %v", got)
	}
}

// TestWorkerOrder holds that effects of one payment follow each other, and that a payment whose
// gateway does not answer holds up no other.
func TestWorkerOrder(t *testing.T) {
	w := newWorld(t)
	release := make(chan bool)
	w.gateway.set(func(_ context.Context, call string) step {
		if call == "create pay_1" {
			<-release
		}
		return step{}
	})
	w.pay("pay_1", "card")
	w.do("acme", func(tx *compaction.Tx) error {
		p, _, err := payments.Payments.Get(tx, "acme/pay_1")
		if err != nil {
			return err
		}
		e, err := p.CancelEffect()
		if err != nil {
			return err
		}
		return compaction.Emit(tx, e)
	})
	w.start(w.options())
	for _, id := range []string{"pay_2", "pay_3"} {
		w.pay(id, "card")
		w.untilDone(id + "-1")
	}
	if _, ok := w.effect("pay_1-1"); !ok {
		t.Error("the payment that waits is done")
	}
	close(release)
	w.untilDone("pay_1-cancel")
	got := w.gateway.seen()
	if slices.Index(got, "create pay_1") > slices.Index(got, "cancel pay_1") {
		t.Errorf("calls: %v", got)
	}
}

// TestWorkerLost holds that a call which never arrived is given up only when nothing can be in
// flight any longer: after 23 hours the key is not sent again, after 24 absent means never.
func TestWorkerLost(t *testing.T) {
	w := newWorld(t)
	w.gateway.set(func(_ context.Context, call string) step {
		if call == "create pay_1" {
			return step{before: failure(gateways.Unknown)}
		}
		return step{}
	})
	w.pay("pay_1", "card")
	o := w.options()
	stop := w.start(o)
	w.until("it is unknown", func() bool {
		return w.attempt("pay_1", 1).State == payments.AttemptUnknown
	})
	stop()
	w.forward(23*time.Hour + time.Minute)
	sent := len(w.gateway.seen())
	stop = w.start(o)
	w.until("it was asked for", func() bool { return len(w.gateway.seen()) > sent+3 })
	stop()
	if again := w.gateway.seen()[sent:]; slices.Contains(again, "create pay_1") {
		t.Errorf("after 23 hours the key was sent again: %v", again)
	}
	if _, ok := w.effect("pay_1-1"); !ok {
		t.Error("after 23 hours it was given up")
	}
	w.forward(time.Hour)
	w.start(o)
	w.untilDone("pay_1-1")
	if p := w.payment("pay_1"); p.State != payments.RequiresPaymentMethod || p.GatewayID != "" {
		t.Errorf("%+v", p)
	}
	if a := w.attempt("pay_1", 1); a.State != payments.AttemptFailed {
		t.Errorf("%+v", a)
	}
}

// TestWorkerDead holds that what keeps failing ends up with a person, who can have it tried again
// or drop it, and that it holds up nothing behind it.
func TestWorkerDead(t *testing.T) {
	w := newWorld(t)
	w.gateway.set(func(_ context.Context, call string) step {
		return step{before: failure(gateways.Transient)}
	})
	o := w.options()
	o.Limit = 3
	w.pay("pay_1", "card")
	w.pay("pay_2", "card")
	w.start(o)
	for _, id := range []string{"pay_1-1", "pay_2-1"} {
		w.until(id+" is dead", func() bool {
			e, _ := w.effect(id)
			return e.State == compaction.EffectDead
		})
	}
	w.read(func(v *compaction.View) error {
		rows, err := gateways.Dead(v, "acme", compaction.Page{})
		if len(rows) != 2 || rows[0].Value.LastError != "transient" || rows[0].Value.Attempt != 3 {
			t.Errorf("dead: %+v", rows)
		}
		return err
	})
	w.gateway.set(nil)
	w.do("acme", func(tx *compaction.Tx) error { return gateways.Replay(tx, "acme", "pay_1-1") })
	w.do("acme", func(tx *compaction.Tx) error { return gateways.Drop(tx, "acme", "pay_2-1") })
	w.untilDone("pay_1-1")
	w.untilDone("pay_2-1")
	if p := w.payment("pay_1"); p.State != payments.Succeeded {
		t.Errorf("replayed: %+v", p)
	}
	w.do("acme", func(tx *compaction.Tx) error {
		if err := gateways.Drop(tx, "acme", "pay_9-1"); !errors.Is(err, gateways.ErrNoEffect) {
			t.Errorf("drop nothing: %v", err)
		}
		return nil
	})
}

// TestWorkerPermanent holds that what a gateway refuses for good is a declined attempt or a failed
// refund, not an effect that somebody has to look at.
func TestWorkerPermanent(t *testing.T) {
	w := newWorld(t)
	w.gateway.set(func(_ context.Context, call string) step {
		if call == "find pay_2" {
			return step{}
		}
		return step{before: &gateways.Error{Class: gateways.Permanent, Gateway: "scripted",
			Code: "amount_too_small"}}
	})
	w.pay("pay_1", "card")
	w.start(w.options())
	w.untilDone("pay_1-1")
	if p := w.payment("pay_1"); p.State != payments.RequiresPaymentMethod ||
		p.Code != "amount_too_small" {
		t.Errorf("%+v", p)
	}
	if a := w.attempt("pay_1", 1); a.State != payments.AttemptFailed {
		t.Errorf("%+v", a)
	}
}

// TestWorkerRefund gives back once, though the first answer is lost, and releases what a refund
// that failed had set aside.
func TestWorkerRefund(t *testing.T) {
	w := newWorld(t)
	w.pay("pay_1", "card")
	w.start(w.options())
	w.untilDone("pay_1-1")
	var lost atomic.Bool
	w.gateway.set(func(_ context.Context, call string) step {
		switch {
		case call == "refund ref_1" && !lost.Swap(true):
			return step{after: failure(gateways.Unknown)}
		case call == "refund ref_2":
			return step{before: failure(gateways.Permanent)}
		}
		return step{}
	})
	for _, id := range []string{"ref_1", "ref_2"} {
		w.do("acme", func(tx *compaction.Tx) error {
			p, _, err := payments.Payments.Get(tx, "acme/pay_1")
			if err != nil {
				return err
			}
			half := p.Amount
			parts, err := half.Split(1, 1)
			if err != nil {
				return err
			}
			p, r, err := p.Request(payments.Refund{ID: id, Amount: parts[0]}, tx.Now())
			if err != nil {
				return err
			}
			payments.Payments.Put(tx, "acme/pay_1", p)
			payments.Refunds.Put(tx, compaction.Key("acme", id), r)
			e, err := r.Effect(p)
			if err != nil {
				return err
			}
			return compaction.Emit(tx, e)
		})
		w.untilDone(id)
	}
	p := w.payment("pay_1")
	if p.AmountRefunded.Minor() != 500 || !p.AmountRefunding.IsZero() {
		t.Errorf("refunded %v, set aside %v", p.AmountRefunded, p.AmountRefunding)
	}
}

// TestWorkerObsolete holds that an attempt of a payment that is over does not begin.
func TestWorkerObsolete(t *testing.T) {
	w := newWorld(t)
	w.pay("pay_1", "card")
	w.do("acme", func(tx *compaction.Tx) error {
		p, _, err := payments.Payments.Get(tx, "acme/pay_1")
		if err != nil {
			return err
		}
		if p, err = p.Move(payments.Cancel, tx.Now()); err != nil {
			return err
		}
		payments.Payments.Put(tx, "acme/pay_1", p)
		return nil
	})
	w.start(w.options())
	w.untilDone("pay_1-1")
	if got := w.gateway.seen(); len(got) != 0 {
		t.Errorf("calls: %v", got)
	}
}

// TestExpire holds that a payment whose time is over is given up by itself, and that the gateway
// is asked to cancel it; one that has begun and holds money is not.
func TestExpire(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"pay_1", "pay_2"} {
		w.pay(id, map[string]string{"pay_1": "declined", "pay_2": "card"}[id])
		w.do("acme", func(tx *compaction.Tx) error {
			p, _, err := payments.Payments.Get(tx, compaction.Key("acme", id))
			p.Expires = tx.Now().Add(time.Hour)
			payments.Payments.Put(tx, compaction.Key("acme", id), p)
			return err
		})
	}
	w.start(w.options())
	w.untilDone("pay_1-1")
	w.untilDone("pay_2-1")
	w.do("acme", func(tx *compaction.Tx) error { // nothing was ever tried of it
		p, _, err := payments.Payments.Get(tx, "acme/pay_1")
		p.ID, p.GatewayID, p.Attempts = "pay_0", "", 0
		payments.Payments.Put(tx, "acme/pay_0", p)
		return err
	})
	w.forward(2 * time.Hour)
	w.pay("pay_3", "card") // something happens, so that the engine looks at its clock
	for _, id := range []string{"pay_0", "pay_1"} {
		w.until(id+" is canceled", func() bool {
			return w.payment(id).State == payments.Canceled
		})
	}
	if p := w.payment("pay_2"); p.State != payments.Succeeded {
		t.Errorf("%+v", p)
	}
}
