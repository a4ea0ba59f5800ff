package payments

import (
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// An Order is what an effect asks a gateway to do with a payment: the payload of EffectCreate,
// EffectCapture, EffectCancel and EffectFind.
type Order struct {
	Payment       string // our id; empty in a find of what only the gateway's id is known of
	Gateway       string // the gateway's name
	GatewayID     string // the gateway's id, where known; a create with one is another attempt on it
	Amount        money.Amount
	Method        string
	CaptureManual bool
	Attempt       int    // of a create, from 1
	ReturnURL     string // where the customer is sent after an action, empty for nowhere
	Reference     string // what a person wrote; personal data
	Charge        string // the gateway's id of the latest charge before it, empty for none
}

// Effect returns the effect of a kind that carries the order. Its aggregate is the payment.
func (o Order) Effect(kind, tenant, id string) (compaction.Effect, error) {
	return newEffect(tenant, id, kind, first(o.Payment, o.GatewayID), &ledgerv1.PaymentEffect{
		Payment: o.Payment, Gateway: o.Gateway, GatewayId: o.GatewayID,
		Currency: o.Amount.Currency().String(), AmountMinor: o.Amount.Minor(),
		Method: o.Method, CaptureManual: o.CaptureManual, Attempt: uint32(o.Attempt),
		ReturnUrl: o.ReturnURL, Reference: o.Reference, Charge: o.Charge,
	})
}

// DecodeOrder returns the order that the payload of an effect carries.
func DecodeOrder(payload []byte) (Order, error) {
	var m ledgerv1.PaymentEffect
	if err := proto.Unmarshal(payload, &m); err != nil {
		return Order{}, err
	}
	a, err := optional(m.AmountMinor, m.Currency)
	if err != nil {
		return Order{}, err
	}
	return Order{
		Payment: m.Payment, Gateway: m.Gateway, GatewayID: m.GatewayId, Amount: a,
		Method: m.Method, CaptureManual: m.CaptureManual, Attempt: int(m.Attempt),
		ReturnURL: m.ReturnUrl, Reference: m.Reference, Charge: m.Charge,
	}, nil
}

// A RefundOrder is what an effect asks a gateway to do with a refund: the payload of EffectRefund
// and EffectRefundFind.
type RefundOrder struct {
	Refund         string // our id; empty in a find of what only the gateway's id is known of
	Payment        string // our id of the payment
	Gateway        string
	GatewayID      string // the gateway's id of the refund, where known
	GatewayPayment string // the gateway's id of the payment
	Amount         money.Amount
	Reason         string // Stripe's word, empty for none
}

// Effect returns the effect of a kind that carries the order. Its aggregate is the payment, so
// that refunds of a payment follow each other.
func (o RefundOrder) Effect(kind, tenant, id string) (compaction.Effect, error) {
	return newEffect(tenant, id, kind, first(o.Payment, o.GatewayID), &ledgerv1.RefundEffect{
		Refund: o.Refund, Payment: o.Payment, Gateway: o.Gateway, GatewayId: o.GatewayID,
		GatewayPayment: o.GatewayPayment, Currency: o.Amount.Currency().String(),
		AmountMinor: o.Amount.Minor(), Reason: o.Reason,
	})
}

// DecodeRefundOrder returns the order that the payload of an effect carries.
func DecodeRefundOrder(payload []byte) (RefundOrder, error) {
	var m ledgerv1.RefundEffect
	if err := proto.Unmarshal(payload, &m); err != nil {
		return RefundOrder{}, err
	}
	a, err := optional(m.AmountMinor, m.Currency)
	if err != nil {
		return RefundOrder{}, err
	}
	return RefundOrder{
		Refund: m.Refund, Payment: m.Payment, Gateway: m.Gateway, GatewayID: m.GatewayId,
		GatewayPayment: m.GatewayPayment, Amount: a, Reason: m.Reason,
	}, nil
}

// A Query asks a gateway for a dispute or a payout: the payload of EffectDisputeFind and
// EffectPayoutFetch.
type Query struct {
	Gateway        string
	GatewayID      string // the gateway's id of the dispute or payout
	GatewayPayment string // of a dispute: the gateway's id of the payment, where known
	Payout         string // of a payout: our id, where known
}

// Effect returns the effect of a kind that carries the query. Its aggregate is what it asks for.
func (q Query) Effect(kind, tenant, id string) (compaction.Effect, error) {
	if kind == EffectDisputeFind {
		return newEffect(tenant, id, kind, q.GatewayID, &ledgerv1.DisputeEffect{
			Gateway: q.Gateway, GatewayId: q.GatewayID, GatewayPayment: q.GatewayPayment,
		})
	}
	return newEffect(tenant, id, kind, q.GatewayID, &ledgerv1.PayoutFetchEffect{
		Payout: q.Payout, Gateway: q.Gateway, GatewayId: q.GatewayID,
	})
}

// DecodeQuery returns the query that the payload of an effect of a kind carries.
func DecodeQuery(kind string, payload []byte) (Query, error) {
	if kind == EffectDisputeFind {
		var m ledgerv1.DisputeEffect
		if err := proto.Unmarshal(payload, &m); err != nil {
			return Query{}, err
		}
		return Query{Gateway: m.Gateway, GatewayID: m.GatewayId,
			GatewayPayment: m.GatewayPayment}, nil
	}
	var m ledgerv1.PayoutFetchEffect
	if err := proto.Unmarshal(payload, &m); err != nil {
		return Query{}, err
	}
	return Query{Gateway: m.Gateway, GatewayID: m.GatewayId, Payout: m.Payout}, nil
}

// errAmount reports an amount that is not nothing and has no currency.
var errAmount = errors.New("payments: the order has an amount of no currency")

// optional returns an amount, or the zero Amount where there is neither one nor a currency.
func optional(minor int64, code string) (money.Amount, error) {
	switch {
	case code == "" && minor != 0:
		return money.Amount{}, errAmount
	case code == "":
		return money.Amount{}, nil
	}
	c, err := money.ParseCurrency(code)
	return money.New(minor, c), err
}

func newEffect(tenant, id, kind, aggregate string, m proto.Message) (compaction.Effect, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return compaction.Effect{}, err
	}
	return compaction.Effect{
		Tenant: tenant, ID: id, Kind: kind, Aggregate: aggregate, Payload: b,
	}, nil
}
