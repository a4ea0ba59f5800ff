package gatewaytest

import (
	"fmt"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// refundOf returns an order to give back a part of a payment.
func refundOf(f payments.Fact, o payments.Order, n int, minor int64) payments.RefundOrder {
	return payments.RefundOrder{Refund: fmt.Sprintf("ref_%s_%d", o.Payment[4:], n),
		Payment: o.Payment, Gateway: o.Gateway, GatewayPayment: f.GatewayID,
		Amount: money.New(minor, o.Amount.Currency()), Reason: "requested_by_customer"}
}

// refund gives back in parts, each once however often it is asked for.
func refund(t trial) {
	o := t.order(1000, t.Succeeds)
	f := t.created(o)
	ids := map[string]bool{}
	for n, part := range []int64{100, 300, 600} {
		r := refundOf(f, o, n, part)
		for range 2 {
			ctx, cancel := t.bounded()
			fact, err := t.Gateway.Refund(ctx, t.call(r.Refund), r)
			cancel()
			if err != nil || fact.State != payments.RefundSucceeded || fact.Amount != r.Amount ||
				fact.GatewayPayment != f.GatewayID {
				t.Fatalf("refund of %d: %+v, %v", part, fact, err)
			}
			ids[fact.GatewayID] = true
		}
	}
	if len(ids) != 3 {
		t.Errorf("three refunds have %d ids", len(ids))
	}
}

// refundOver asks for more than is left: it is refused for good, and what was refunded stays.
func refundOver(t trial) {
	o := t.order(1000, t.Succeeds)
	f := t.created(o)
	ctx, cancel := t.bounded()
	defer cancel()
	first := refundOf(f, o, 1, 999)
	if _, err := t.Gateway.Refund(ctx, t.call(first.Refund), first); err != nil {
		t.Fatal(err)
	}
	over := refundOf(f, o, 2, 2)
	_, err := t.Gateway.Refund(ctx, t.call(over.Refund), over)
	t.failed("over", err, gateways.Permanent)
	_, err = t.Gateway.(gateways.RefundFinder).FindRefund(ctx, t.call(""), over)
	t.failed("what was refused is not there", err, gateways.Absent)
}

// unknownRefund finds a refund whose answer never came.
func unknownRefund(t trial) {
	finder, ok := t.Gateway.(gateways.RefundFinder)
	if !ok {
		return
	}
	o := t.order(1000, t.Succeeds)
	f := t.created(o)
	r := refundOf(f, o, 1, 400)
	t.Silence(true)
	ctx, cancel := t.bounded()
	_, err := t.Gateway.Refund(ctx, t.call(r.Refund), r)
	cancel()
	t.Silence(false)
	t.failed("no answer", err, gateways.Unknown)
	ctx, cancel = t.bounded()
	defer cancel()
	found, err := finder.FindRefund(ctx, t.call(r.Refund), r)
	if err != nil || found.State != payments.RefundSucceeded || found.Amount != r.Amount {
		t.Fatalf("found: %+v, %v", found, err)
	}
	again, err := t.Gateway.Refund(ctx, t.call(r.Refund), r)
	if err != nil || again.GatewayID != found.GatewayID {
		t.Errorf("the same key again: %+v, %v", again, err)
	}
}

// payout pays for two payments less a refund, and its lines sum to it to the minor unit and name
// what they belong to.
func payout(t trial) {
	first, second := t.order(10001, t.Succeeds), t.order(20, t.Succeeds)
	f := t.created(first)
	t.created(second)
	r := refundOf(f, first, 1, 333)
	ctx, cancel := t.bounded()
	defer cancel()
	if _, err := t.Gateway.Refund(ctx, t.call(r.Refund), r); err != nil {
		t.Fatal(err)
	}
	ids := t.PayOut(t.T)
	if len(ids) != 1 {
		t.Fatalf("payouts: %v", ids)
	}
	payer := t.Gateway.(gateways.Payer)
	call := t.call("")
	call.Tenant = "platform"
	fact, err := payer.FindPayout(ctx, call, ids[0])
	if err != nil || fact.GatewayID != ids[0] || fact.Amount.Sign() <= 0 {
		t.Fatalf("payout: %+v, %v", fact, err)
	}
	lines, err := payer.PayoutLines(ctx, call, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := payments.Payout{ID: "po_1", Tenant: "platform"}.Apply(fact, call.At)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.WithLines(lines, call.At); err != nil {
		t.Errorf("%v: %+v", err, lines)
	}
	seen := map[payments.LineKind]int{}
	for _, l := range lines {
		seen[l.Kind]++
		if l.Owner != t.tenant || l.Payment != first.Payment && l.Payment != second.Payment {
			t.Errorf("the line %+v belongs to nobody", l)
		}
		if l.Kind == payments.LineRefund && (l.Refund != r.Refund || l.Gross.Minor() != -333 ||
			l.GatewayPayment != f.GatewayID) {
			t.Errorf("the refund's line: %+v", l)
		}
	}
	if seen[payments.LinePayment] != 2 || seen[payments.LineRefund] != 1 || len(lines) != 3 {
		t.Errorf("lines: %+v", lines)
	}
	_, err = payer.FindPayout(ctx, call, "po_nothing")
	t.failed("find a payout that is not there", err, gateways.Absent)
}

// dispute tells whose payment is disputed and what was withdrawn.
func dispute(t trial) {
	o := t.order(5000, t.Succeeds)
	f := t.created(o)
	id := t.Dispute(t.T, f.GatewayID)
	ctx, cancel := t.bounded()
	defer cancel()
	call := t.call("")
	call.Tenant = "platform"
	d, owner, err := t.Gateway.(gateways.Disputer).FindDispute(ctx, call, id)
	if err != nil || owner.Tenant != t.tenant || owner.Payment != o.Payment {
		t.Fatalf("dispute: %+v of %+v, %v", d, owner, err)
	}
	if d.Amount != o.Amount || d.Withdrawn != o.Amount || !d.Reinstated.IsZero() ||
		d.State != payments.DisputeNeedsResponse || d.GatewayPayment != f.GatewayID {
		t.Errorf("dispute: %+v", d)
	}
}
