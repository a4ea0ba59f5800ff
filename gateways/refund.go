package gateways

import (
	"context"
	"errors"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
)

// refundHandler performs refund.create.
type refundHandler struct {
	books Books
	set   map[string]Gateway
}

func (h refundHandler) order(e compaction.Effect) (payments.RefundOrder, Gateway, error) {
	o, err := payments.DecodeRefundOrder(e.Payload)
	if err != nil {
		return o, nil, &Error{Class: Permanent, Gateway: "?", Code: "payload"}
	}
	g, err := gateway(h.set, o.Gateway)
	return o, g, err
}

func (h refundHandler) outcome(e compaction.Effect, o payments.RefundOrder,
	f payments.RefundFact) Outcome {
	return func(tx *compaction.Tx) error {
		return h.books.ApplyRefund(tx, e.Tenant, o.Refund, f)
	}
}

// Perform calls the gateway. What it refuses for good is a refund that failed.
func (h refundHandler) Perform(ctx context.Context, e compaction.Effect, c Call) (Outcome, error) {
	o, g, err := h.order(e)
	if err != nil {
		return nil, err
	}
	f, err := g.Refund(ctx, c, o)
	var failed *Error
	if errors.As(err, &failed) && failed.Class == Permanent {
		f, err = notRefunded(o, c, failed.Code), nil
	}
	return h.outcome(e, o, f), err
}

func notRefunded(o payments.RefundOrder, c Call, code string) payments.RefundFact {
	return payments.RefundFact{Gateway: o.Gateway, GatewayPayment: o.GatewayPayment,
		State: payments.RefundFailed, Amount: o.Amount, Code: code, Observed: c.At}
}

// Resolve asks where the refund stands.
func (h refundHandler) Resolve(ctx context.Context, e compaction.Effect, c Call) (Outcome, error) {
	o, g, err := h.order(e)
	if err != nil {
		return nil, err
	}
	finder, ok := g.(RefundFinder)
	if !ok { // its refunds are decided when they are made
		return nil, &Error{Class: Absent, Gateway: o.Gateway}
	}
	f, err := finder.FindRefund(ctx, c, o)
	return h.outcome(e, o, f), err
}

// Lost says that the refund never arrived.
func (h refundHandler) Lost(e compaction.Effect, c Call) (Outcome, error) {
	o, _, err := h.order(e)
	if err != nil {
		return nil, err
	}
	return h.outcome(e, o, notRefunded(o, c, codeLost)), nil
}

// refundFinder performs refund.find.
type refundFinder struct{ h refundHandler }

// Perform asks where the refund stands. What the gateway does not have changes nothing.
func (r refundFinder) Perform(ctx context.Context, e compaction.Effect, c Call) (Outcome, error) {
	outcome, err := r.h.Resolve(ctx, e, c)
	if err != nil && ClassOf(err) == Absent {
		return Nothing, nil
	}
	return outcome, err
}

// disputeFinder performs dispute.find. The tenant of the effect is the one whose account the event
// came to; the dispute belongs to the tenant whose payment is disputed.
type disputeFinder struct {
	books  Books
	set    map[string]Gateway
	engine Engine
}

// Perform asks where the dispute stands and tells the books of its owner. Facts of disputes are
// totals, so telling them again changes nothing.
func (d disputeFinder) Perform(ctx context.Context, e compaction.Effect, c Call) (Outcome, error) {
	q, err := payments.DecodeQuery(e.Kind, e.Payload)
	if err != nil {
		return nil, &Error{Class: Permanent, Gateway: "?", Code: "payload"}
	}
	g, err := gateway(d.set, q.Gateway)
	if err != nil {
		return nil, err
	}
	disputer, ok := g.(Disputer)
	if !ok {
		return Nothing, nil
	}
	f, owner, err := disputer.FindDispute(ctx, c, q.GatewayID)
	if err != nil && ClassOf(err) == Absent {
		return Nothing, nil
	}
	if err != nil {
		return nil, err
	}
	if compaction.CheckTenant(owner.Tenant) != nil {
		owner.Tenant = e.Tenant
	}
	if owner.Tenant == e.Tenant {
		return func(tx *compaction.Tx) error {
			return d.books.ApplyDispute(tx, owner.Tenant, owner.Payment, f)
		}, nil
	}
	payload, err := encodeDispute(owner.Payment, f)
	if err != nil {
		return nil, &Error{Class: Permanent, Gateway: q.Gateway, Code: "payload"}
	}
	_, err = d.books.tell(ctx, d.engine, q.Gateway,
		Tell{Tenant: owner.Tenant, Kind: e.Kind, Payload: payload})
	return Nothing, err
}
