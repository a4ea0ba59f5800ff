package payments

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// The kinds of effects that concern payments. The first four have a ledgerv1.PaymentEffect as
// their payload, then come those with a RefundEffect, a DisputeEffect, a PayoutFetchEffect and a
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
	o := p.order(p.Amount)
	o.Attempt, o.ReturnURL = p.Attempts+1, returnURL
	return o.Effect(EffectCreate, p.Tenant, fmt.Sprintf("%s-%d", p.ID, o.Attempt))
}

// CaptureEffect returns the effect that captures the amount. A payment is captured at most once.
func (p Payment) CaptureEffect(amount money.Amount) (compaction.Effect, error) {
	return p.order(amount).Effect(EffectCapture, p.Tenant, p.ID+"-capture")
}

// CancelEffect returns the effect that cancels the payment at its gateway.
func (p Payment) CancelEffect() (compaction.Effect, error) {
	return p.order(p.Amount).Effect(EffectCancel, p.Tenant, p.ID+"-cancel")
}

// FindEffect returns the effect that asks the gateway where the payment stands. The cause tells
// one asking from the next: the id of an event, a time. One that is emitted again while it waits
// changes nothing.
func (p Payment) FindEffect(cause string) (compaction.Effect, error) {
	return p.order(p.Amount).Effect(EffectFind, p.Tenant, p.ID+"-find-"+cause)
}

func (p Payment) order(amount money.Amount) Order {
	return Order{
		Payment: p.ID, Gateway: p.Gateway, GatewayID: p.GatewayID, Amount: amount,
		Method: p.Method, CaptureManual: p.CaptureManual, Reference: p.Reference,
		Charge: p.Charge,
	}
}

// Effect returns the effect that asks the gateway of p for the refund.
func (r Refund) Effect(p Payment) (compaction.Effect, error) {
	return r.order(p).Effect(EffectRefund, r.Tenant, r.ID)
}

// FindEffect returns the effect that asks the gateway where the refund of p stands. The cause
// tells one asking from the next.
func (r Refund) FindEffect(p Payment, cause string) (compaction.Effect, error) {
	return r.order(p).Effect(EffectRefundFind, r.Tenant, r.ID+"-find-"+cause)
}

func (r Refund) order(p Payment) RefundOrder {
	return RefundOrder{
		Refund: r.ID, Payment: p.ID, Gateway: p.Gateway, GatewayID: r.GatewayID,
		GatewayPayment: p.GatewayID, Amount: r.Amount, Reason: r.Reason,
	}
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
	Arrival time.Time   // when the payout should be, or was, at the bank
	Line    PayoutLine
}

// DecodeLine returns the notice of an effect of kind EffectPayoutLine.
func DecodeLine(payload []byte) (LineNotice, error) {
	var m ledgerv1.PayoutLineEffect
	if err := proto.Unmarshal(payload, &m); err != nil {
		return LineNotice{}, err
	}
	l, err := lineOf(m.Record)
	state := compaction.Enum[PayoutState](m.PayoutState, &err)
	if err != nil {
		return LineNotice{}, err
	}
	return LineNotice{Gateway: m.Gateway, State: state,
		Arrival: instant(m.ArrivalUnixNano), Line: l}, nil
}
