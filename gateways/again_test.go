package gateways_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/gateways/sandbox"
	"github.com/quittance/quittance/gateways/stripe"
	"github.com/quittance/quittance/ledger/payments"
)

// TestWorkerDeclinedAgain has a gateway never answer for a second attempt, though it declined it:
// its key gets the same failure for ever. The attempt's own charge tells, and the customer can
// bring another method at once instead of waiting until the key is forgotten.
func TestWorkerDeclinedAgain(t *testing.T) {
	for _, before := range []string{"declined", "unauthenticated"} {
		t.Run(before, func(t *testing.T) {
			w := newWorld(t)
			w.attempted(before)
			w.gateway.set(func(_ context.Context, call string) step {
				if call == "create pay_1" {
					return step{after: failure(gateways.Unknown)}
				}
				return step{}
			})
			w.again("declined")
			w.untilDone("pay_1-2")
			if p := w.payment("pay_1"); p.State != payments.RequiresPaymentMethod ||
				p.Code != "no" || p.Charge != "ch_pay_1-2" {
				t.Errorf("%+v", p)
			}
			if a := w.attempt("pay_1", 2); a.State != payments.AttemptDeclined || a.Code != "no" {
				t.Errorf("%+v", a)
			}
		})
	}
}

// TestStripeDeclinedAgain is the same through Stripe's gateway, at a provider that keeps its
// answers with their keys as Stripe does.
func TestStripeDeclinedAgain(t *testing.T) {
	const method = "pm_card_chargeDeclined"
	p, address := runSandbox(t, sandbox.Faults{})
	g, err := stripe.New(stripe.Options{URL: address, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	w := newWorld(t)
	o := w.options()
	o.Handlers = plainBooks().Handlers(w.shards, map[string]gateways.Gateway{stripe.Name: g})
	w.pay("pay_1", method)
	w.start(o)
	w.untilDone("pay_1-1")
	before := w.payment("pay_1").Charge
	p.SetFaults(sandbox.Faults{ErrorAfter: 1000})
	w.again(method)
	w.untilDone("pay_1-2")
	if p := w.payment("pay_1"); p.State != payments.RequiresPaymentMethod || p.Attempts != 2 ||
		p.Charge == before || p.Code == "" {
		t.Errorf("%+v", p)
	}
	if p.Stats().ErrorAfter == 0 {
		t.Error("the provider answered for the attempt")
	}
}

// TestWorkerLostAgain has a second attempt not arrive: that the first one was declined is not taken
// for its outcome, and it is sent again.
func TestWorkerLostAgain(t *testing.T) {
	for _, before := range []string{"declined", "unauthenticated"} {
		t.Run(before, func(t *testing.T) {
			w := newWorld(t)
			w.attempted(before)
			var failed atomic.Bool
			w.gateway.set(func(_ context.Context, call string) step {
				if call == "create pay_1" && !failed.Swap(true) {
					return step{before: failure(gateways.Unknown)}
				}
				return step{}
			})
			w.again("card")
			w.untilDone("pay_1-2")
			calls := []string{"create pay_1", "create pay_1", "find pay_1", "create pay_1"}
			if got := w.gateway.seen(); !slices.Equal(got, calls) {
				t.Errorf("calls: %v, want %v", got, calls)
			}
			if p := w.payment("pay_1"); p.State != payments.Succeeded || p.Attempts != 2 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// attempted starts a worker and has it attempt pay_1 once.
func (w *world) attempted(method string) {
	w.Helper()
	w.pay("pay_1", method)
	w.start(w.options())
	w.untilDone("pay_1-1")
}

// again wants another attempt of pay_1.
func (w *world) again(method string) {
	w.Helper()
	w.do("acme", func(tx *compaction.Tx) error {
		p, _, err := payments.Payments.Get(tx, compaction.Key("acme", "pay_1"))
		if err != nil {
			return err
		}
		p.Method = method
		e, err := p.CreateEffect("")
		if err != nil {
			return err
		}
		payments.Payments.Put(tx, compaction.Key("acme", "pay_1"), p.Ask(tx.Now()))
		return compaction.Emit(tx, e)
	})
}
