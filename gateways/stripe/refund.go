package stripe

import (
	"context"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// Refund creates a refund of the payment intent.
func (g *Gateway) Refund(ctx context.Context, c gateways.Call, o payments.RefundOrder) (
	payments.RefundFact, error) {
	amount, err := toStripe(o.Amount)
	if err != nil {
		return payments.RefundFact{}, err
	}
	p := &stripego.RefundParams{
		Amount:        stripego.Int64(amount),
		PaymentIntent: stripego.String(o.GatewayPayment),
	}
	switch o.Reason {
	case "duplicate", "fraudulent", "requested_by_customer": // Stripe knows no other
		p.Reason = stripego.String(o.Reason)
	}
	p.Params = mutation(ctx, c)
	p.AddMetadata("tenant", c.Tenant)
	p.AddMetadata("payment", o.Payment)
	p.AddMetadata("refund", o.Refund)
	r, err := g.refunds.New(p)
	if err != nil {
		return payments.RefundFact{}, changed(err)
	}
	return refundFact(r, c)
}

// FindRefund asks for the refund, by its id or among those of its payment intent.
func (g *Gateway) FindRefund(ctx context.Context, c gateways.Call, o payments.RefundOrder) (
	payments.RefundFact, error) {
	if o.GatewayID != "" {
		p := &stripego.RefundParams{}
		p.Context = ctx
		r, err := g.refunds.Get(o.GatewayID, p)
		if err != nil {
			return payments.RefundFact{}, asked(err)
		}
		return refundFact(r, c)
	}
	p := &stripego.RefundListParams{PaymentIntent: stripego.String(o.GatewayPayment)}
	p.Context, p.Limit = ctx, stripego.Int64(100)
	i := g.refunds.List(p)
	for i.Next() {
		if r := i.Refund(); o.Refund != "" && r.Metadata["refund"] == o.Refund {
			return refundFact(r, c)
		}
	}
	if err := i.Err(); err != nil {
		return payments.RefundFact{}, asked(err)
	}
	return payments.RefundFact{}, &gateways.Error{Class: gateways.Absent, Gateway: Name}
}

// FindDispute asks for the dispute, and for the payment intent it disputes: disputes carry no
// metadata of ours.
func (g *Gateway) FindDispute(ctx context.Context, c gateways.Call, id string) (
	payments.DisputeFact, gateways.Owner, error) {
	p := &stripego.DisputeParams{}
	p.Context = ctx
	d, err := g.disputes.Get(id, p)
	if err != nil {
		return payments.DisputeFact{}, gateways.Owner{}, asked(err)
	}
	f, err := disputeFact(d, c)
	if err != nil || f.GatewayPayment == "" {
		return f, gateways.Owner{}, err
	}
	owner, err := g.owner(ctx, f.GatewayPayment)
	return f, owner, err
}

// owner returns whose a payment intent is.
func (g *Gateway) owner(ctx context.Context, intent string) (gateways.Owner, error) {
	p := &stripego.PaymentIntentParams{}
	p.Context = ctx
	pi, err := g.intents.Get(intent, p)
	if err != nil {
		return gateways.Owner{}, asked(err)
	}
	return ownerOf(pi.Metadata), nil
}

func ownerOf(metadata map[string]string) gateways.Owner {
	return gateways.Owner{Tenant: metadata["tenant"], Payment: metadata["payment"],
		Refund: metadata["refund"]}
}
