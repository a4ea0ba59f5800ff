package stripe

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// FindPayout asks for the payout.
func (g *Gateway) FindPayout(ctx context.Context, c gateways.Call, id string) (
	payments.PayoutFact, error) {
	p := &stripego.PayoutParams{}
	p.Context = ctx
	po, err := g.payouts.Get(id, p)
	if err != nil {
		return payments.PayoutFact{}, asked(err)
	}
	return payoutFact(po, c)
}

var payoutStates = map[stripego.PayoutStatus]payments.PayoutState{
	stripego.PayoutStatusPending:   payments.PayoutPending,
	stripego.PayoutStatusInTransit: payments.PayoutInTransit,
	stripego.PayoutStatusPaid:      payments.PayoutPaid,
	stripego.PayoutStatusFailed:    payments.PayoutFailed,
	stripego.PayoutStatusCanceled:  payments.PayoutCanceled,
}

func payoutFact(po *stripego.Payout, c gateways.Call) (payments.PayoutFact, error) {
	amount, err := fromStripe(po.Amount, po.Currency)
	if err != nil {
		return payments.PayoutFact{}, err
	}
	var more struct { // stripe-go of this version has no field for it
		Trace struct {
			Value string `json:"value"`
		} `json:"trace_id"`
	}
	if po.LastResponse != nil {
		if err := json.Unmarshal(po.LastResponse.RawJSON, &more); err != nil {
			return payments.PayoutFact{}, senseless("trace_id")
		}
	}
	state, ok := payoutStates[po.Status]
	if !ok {
		return payments.PayoutFact{}, senseless("status")
	}
	return payments.PayoutFact{
		Gateway: Name, GatewayID: po.ID, State: state, Amount: amount, Trace: more.Trace.Value,
		Code: word(string(po.FailureCode)), Arrival: instant(po.ArrivalDate),
		Created: instant(po.Created), Observed: c.At,
	}, nil
}

// PayoutLines lists the balance transactions of the payout with their sources, the oldest first.
func (g *Gateway) PayoutLines(ctx context.Context, c gateways.Call, id string) (
	[]payments.PayoutLine, error) {
	p := &stripego.BalanceTransactionListParams{Payout: stripego.String(id)}
	p.Context, p.Limit = ctx, stripego.Int64(100)
	p.AddExpand("data.source")
	owners := map[string]gateways.Owner{}
	var lines []payments.PayoutLine
	i := g.balance.List(p)
	for i.Next() {
		t := i.BalanceTransaction()
		if t.Type == stripego.BalanceTransactionTypePayout {
			continue // the payout itself
		}
		l, err := line(t)
		if err != nil {
			return nil, err
		}
		owner := ownerOf(metadata(t.Source))
		if owner.Tenant == "" && l.GatewayPayment != "" {
			if owner, err = g.ownerOnce(ctx, owners, l.GatewayPayment); err != nil {
				return nil, err
			}
		}
		l.Owner, l.Payment, l.Refund = owner.Tenant, owner.Payment, owner.Refund
		if l.Owner == "" {
			l.Owner = c.Tenant
		}
		lines = append(lines, l)
	}
	if err := i.Err(); err != nil {
		return nil, asked(err)
	}
	slices.Reverse(lines) // Stripe lists the newest first
	return lines, nil
}

// ownerOnce asks for the owner of each payment intent once. One that is gone belongs to nobody.
func (g *Gateway) ownerOnce(ctx context.Context, known map[string]gateways.Owner, intent string) (
	gateways.Owner, error) {
	if o, ok := known[intent]; ok {
		return o, nil
	}
	o, err := g.owner(ctx, intent)
	if err != nil && gateways.ClassOf(err) != gateways.Absent {
		return o, err
	}
	known[intent] = o
	return o, nil
}

var lineKinds = map[stripego.BalanceTransactionReportingCategory]payments.LineKind{
	"charge": payments.LinePayment, "refund": payments.LineRefund,
	"refund_failure": payments.LineRefundFailure, "dispute": payments.LineDispute,
	"dispute_reversal": payments.LineDisputeReversal, "fee": payments.LineFee,
	"payout_reversal": payments.LinePayoutFailure,
}

func line(t *stripego.BalanceTransaction) (payments.PayoutLine, error) {
	l := payments.PayoutLine{ID: t.ID, Kind: lineKinds[t.ReportingCategory],
		Created: instant(t.Created)}
	if l.Kind == 0 {
		l.Kind = payments.LineOther
	}
	var err error
	if l.Gross, err = fromStripe(t.Amount, t.Currency); err != nil {
		return l, err
	}
	if l.Fee, err = fromStripe(t.Fee, t.Currency); err != nil {
		return l, err
	}
	if l.Net, err = fromStripe(t.Net, t.Currency); err != nil {
		return l, err
	}
	if t.Source == nil {
		return l, nil
	}
	l.Source = t.Source.ID
	intent := (*stripego.PaymentIntent)(nil)
	switch {
	case t.Source.Charge != nil:
		intent = t.Source.Charge.PaymentIntent
	case t.Source.Refund != nil:
		intent = t.Source.Refund.PaymentIntent
	case t.Source.Dispute != nil:
		intent = t.Source.Dispute.PaymentIntent
	}
	if intent != nil {
		l.GatewayPayment = intent.ID
	}
	return l, nil
}

// metadata returns what the source of a balance transaction carries of ours.
func metadata(s *stripego.BalanceTransactionSource) map[string]string {
	switch {
	case s == nil:
		return nil
	case s.Charge != nil:
		return s.Charge.Metadata
	case s.Refund != nil:
		return s.Refund.Metadata
	case s.Dispute != nil:
		return s.Dispute.Metadata
	}
	return nil
}

// instant is the time of Stripe's seconds; 0 is no time.
func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
