package payments

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// The kinds of effects that concern payments. The first four have a ledgerv1.PaymentEffect as their
// payload, then come those with a RefundEffect, a DisputeEffect, a PayoutFetchEffect and a
// PayoutLineEffect.
const (
	EffectCreate      = "payment.create"  // an attempt: take or authorise the money
	EffectCapture     = "payment.capture" // capture what is authorised
	EffectCancel      = "payment.cancel"  // cancel what holds no money
	EffectFind        = "payment.find"    // ask the gateway where the payment stands
	EffectRefund      = "refund.create"   // give money back
	EffectRefundFind  = "refund.find"     // ask the gateway where the refund stands
	EffectDisputeFind = "dispute.find"    // ask the gateway where the dispute stands
	EffectPayoutFetch = "payout.fetch"    // ask the gateway for a payout and its lines
	EffectPayoutLine  = "payout.line"     // tell the owner's shard of a payout line
)

// CreateEffect returns the effect that makes the attempt p.Attempts + 1: it is counted when it
// begins. Each attempt has an id of its own, and the same attempt always the same one.
// returnURL is where the customer is sent after an action, empty for nowhere.
func (p Payment) CreateEffect(returnURL string) (compaction.Effect, error) {
	m := p.payload(p.Amount)
	m.Attempt, m.ReturnUrl = uint32(p.Attempts+1), returnURL
	return p.effect(EffectCreate, fmt.Sprintf("%s-%d", p.ID, p.Attempts+1), m)
}

// CaptureEffect returns the effect that captures the amount. A payment is captured at most once.
func (p Payment) CaptureEffect(amount money.Amount) (compaction.Effect, error) {
	return p.effect(EffectCapture, p.ID+"-capture", p.payload(amount))
}

// CancelEffect returns the effect that cancels the payment at its gateway.
func (p Payment) CancelEffect() (compaction.Effect, error) {
	return p.effect(EffectCancel, p.ID+"-cancel", p.payload(p.Amount))
}

// FindEffect returns the effect that asks the gateway where the payment stands. The cause tells one
// asking from the next: the id of an event, a time. One that is emitted again while it waits changes
// nothing.
func (p Payment) FindEffect(cause string) (compaction.Effect, error) {
	return p.effect(EffectFind, p.ID+"-find-"+cause, p.payload(p.Amount))
}

func (p Payment) payload(amount money.Amount) *ledgerv1.PaymentEffect {
	return &ledgerv1.PaymentEffect{
		Payment: p.ID, Gateway: p.Gateway, GatewayId: p.GatewayID,
		Currency: amount.Currency().String(), AmountMinor: amount.Minor(),
		Method: p.Method, CaptureManual: p.CaptureManual, Reference: p.Reference,
		CreatedEffect: p.ID + "-1",
	}
}

func (p Payment) effect(kind, id string, m *ledgerv1.PaymentEffect) (compaction.Effect, error) {
	return newEffect(p.Tenant, id, kind, p.ID, m)
}

// Effect returns the effect that asks the gateway of p for the refund.
func (r Refund) Effect(p Payment) (compaction.Effect, error) {
	return r.effect(EffectRefund, r.ID, p)
}

// FindEffect returns the effect that asks the gateway where the refund of p stands. The cause tells
// one asking from the next.
func (r Refund) FindEffect(p Payment, cause string) (compaction.Effect, error) {
	return r.effect(EffectRefundFind, r.ID+"-find-"+cause, p)
}

func (r Refund) effect(kind, id string, p Payment) (compaction.Effect, error) {
	return newEffect(r.Tenant, id, kind, p.ID, &ledgerv1.RefundEffect{
		Refund: r.ID, Payment: p.ID, Gateway: p.Gateway, GatewayId: r.GatewayID,
		GatewayPayment: p.GatewayID, Currency: r.Amount.Currency().String(),
		AmountMinor: r.Amount.Minor(), Reason: r.Reason,
	})
}

// FetchEffect returns the effect that asks the gateway for the payout and its lines. The cause tells
// one asking from the next.
func (p Payout) FetchEffect(cause string) (compaction.Effect, error) {
	return newEffect(p.Tenant, p.ID+"-fetch-"+cause, EffectPayoutFetch, p.ID,
		&ledgerv1.PayoutFetchEffect{Payout: p.ID, Gateway: p.Gateway, GatewayId: p.GatewayID})
}

// LineEffect returns the effect that tells the owner's shard of the line. Lines do not wait for
// each other.
func (p Payout) LineEffect(l PayoutLine) (compaction.Effect, error) {
	return newEffect(p.Tenant, p.ID+"-"+l.ID, EffectPayoutLine, p.ID+"-"+l.ID,
		&ledgerv1.PayoutLineEffect{
			Payout: p.ID, PayoutTenant: p.Tenant, Line: l.ID, Gateway: p.Gateway,
			Record: lineRecord(l), PayoutState: ledgerv1.PayoutState(p.State),
			ArrivalUnixNano: nanoseconds(p.Arrival),
		})
}

// A LineNotice is what the owner's shard is told of a payout line.
type LineNotice struct {
	Gateway string
	State   PayoutState // where the payout stood when the line was sent
	Line    PayoutLine
}

// DecodeLine returns the notice of an effect of kind EffectPayoutLine.
func DecodeLine(payload []byte) (LineNotice, error) {
	var m ledgerv1.PayoutLineEffect
	if err := proto.Unmarshal(payload, &m); err != nil {
		return LineNotice{}, err
	}
	l, err := lineOf(m.Record)
	if err != nil {
		return LineNotice{}, err
	}
	return LineNotice{Gateway: m.Gateway, State: PayoutState(m.PayoutState), Line: l}, nil
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
