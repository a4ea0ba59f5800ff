package gateways_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// signed is a scripted gateway that sends webhooks; the payload is the id of the event.
type signed struct{ *scripted }

func (signed) Verify(payload []byte, header func(string) string, _ time.Time) (
	gateways.Event, error) {
	if header("Signature") != "good" {
		return gateways.Event{}, &gateways.SignatureError{}
	}
	return gateways.Event{ID: string(payload), Kind: "payment.changed", GatewayID: "gw_pay_1",
		Object: gateways.ObjectPayment,
		Owner:  gateways.Owner{Tenant: "acme", Payment: "pay_1"}}, nil
}

// TestReceive holds that a webhook is verified, taken once, and answered by asking the gateway:
// what it says itself is not believed.
func TestReceive(t *testing.T) {
	w := newWorld(t)
	intake := gateways.Intake{Engine: w.shards, Platform: "platform", Clock: w.now,
		Gateways: map[string]gateways.Gateway{"scripted": signed{w.gateway}, "mute": w.gateway}}
	receive := func(gateway, event, signature string) error {
		return intake.Receive(context.Background(), gateway, []byte(event),
			func(string) string { return signature })
	}
	var refused *gateways.SignatureError
	var broken *gateways.PayloadError
	if err := receive("scripted", "evt_1", "bad"); !errors.As(err, &refused) {
		t.Errorf("forged: %v", err)
	}
	if err := receive("scripted", "evt/1", "good"); !errors.As(err, &broken) {
		t.Errorf("an id that cannot be a key: %v", err)
	}
	if err := receive("nobody", "evt_1", "good"); !errors.Is(err, gateways.ErrNoGateway) {
		t.Errorf("no such gateway: %v", err)
	}
	if err := receive("mute", "evt_1", "good"); !errors.Is(err, gateways.ErrNoWebhooks) {
		t.Errorf("no webhooks: %v", err)
	}
	w.pay("pay_1", "card")
	stop := w.start(w.options())
	w.untilDone("pay_1-1")
	stop()
	for range 3 {
		if err := receive("scripted", "evt_1", "good"); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := w.effect("scripted-evt_1"); !ok {
		t.Fatal("nothing is asked for")
	}
	w.start(w.options())
	w.untilDone("scripted-evt_1")
	if err := receive("scripted", "evt_1", "good"); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.effect("scripted-evt_1"); ok {
		t.Error("the same event was taken again after it was done")
	}
	if got := w.gateway.seen(); len(got) != 2 || got[1] != "find pay_1" {
		t.Errorf("calls: %v", got)
	}
}

// TestWebhookEventsEnd holds that ids of events are kept for longer than gateways send them again,
// and then forgotten: the table follows what is recent.
func TestWebhookEventsEnd(t *testing.T) {
	w := newWorld(t)
	intake := gateways.Intake{Engine: w.shards, Platform: "platform", Clock: w.now,
		Gateways: map[string]gateways.Gateway{"scripted": signed{w.gateway}}}
	err := intake.Receive(context.Background(), "scripted", []byte("evt_1"),
		func(string) string { return "good" })
	if err != nil {
		t.Fatal(err)
	}
	kept := func() (ok bool) {
		w.read(func(v *compaction.View) (err error) {
			_, ok, err = gateways.WebhookEvents.Get(v, "acme/scripted/evt_1")
			return err
		})
		return ok
	}
	w.forward(72 * time.Hour)
	w.pay("pay_2", "card")
	if !kept() {
		t.Error("forgotten after three days")
	}
	w.forward(48 * time.Hour)
	w.pay("pay_3", "card")
	w.until("it is forgotten", func() bool { return !kept() })
}

// TestPayout lets one gateway's payout pay two tenants: each line settles in its owner's books,
// one whose payment is not known yet waits, and the payout is reconciled when all have answered.
func TestPayout(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	g := payer{w.gateway}
	o.Handlers = plainBooks().Handlers(w.shards, map[string]gateways.Gateway{"scripted": g})
	w.start(o)
	w.pay("pay_1", "card")
	w.untilDone("pay_1-1")
	w.do("platform", func(tx *compaction.Tx) error {
		q := payments.Query{Gateway: "scripted", GatewayID: "po_1"}
		e, err := q.Effect(payments.EffectPayoutFetch, "platform", "scripted-evt_9")
		if err != nil {
			return err
		}
		return compaction.Emit(tx, e)
	})
	var p payments.Payout
	state := func() payments.Payout {
		err := w.shards.Read("platform", func(v *compaction.View) (err error) {
			p, _, err = payments.Payouts.Get(v, "platform/po_1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	w.until("the first line is settled", func() bool { return state().Answered == 1 })
	if p.Reconciled() {
		t.Error("reconciled with a line unanswered")
	}
	w.pay("pay_2", "card")
	w.until("all lines are settled", func() bool { return state().Reconciled() })
	if a, b := w.payment("pay_1"), w.payment("pay_2"); a.SettledBy != "txn_1" ||
		b.SettledBy != "txn_2" {
		t.Errorf("settled by %q and %q", a.SettledBy, b.SettledBy)
	}
}

// payer is a scripted gateway that has made one payout.
type payer struct{ *scripted }

func (payer) FindPayout(_ context.Context, c gateways.Call, id string) (
	payments.PayoutFact, error) {
	return payments.PayoutFact{Gateway: "scripted", GatewayID: id, State: payments.PayoutPaid,
		Amount: euros(1975), Observed: c.At}, nil
}

func (payer) PayoutLines(context.Context, gateways.Call, string) ([]payments.PayoutLine, error) {
	line := func(id, payment string, gross, fee int64) payments.PayoutLine {
		return payments.PayoutLine{ID: id, Owner: "acme", Payment: payment,
			Kind: payments.LinePayment, Gross: euros(gross), Fee: euros(fee),
			Net: euros(gross - fee)}
	}
	return []payments.PayoutLine{line("txn_1", "pay_1", 1000, 25), line("txn_2", "pay_2", 1000, 0)},
		nil
}

func euros(minor int64) money.Amount {
	return money.New(minor, money.MustParseCurrency("EUR"))
}
