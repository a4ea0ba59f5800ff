package offline

import (
	"context"
	"slices"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// Name is the gateway's name in records.
const Name = "offline"

// The methods of payment.
const (
	Cash     = "cash"
	Cheque   = "cheque"
	Transfer = "transfer"
)

// Methods are the methods a payment may be announced with.
var Methods = []string{Cash, Cheque, Transfer}

// A Gateway takes what a person announces. It holds nothing and is safe for concurrent use.
type Gateway struct{}

// New returns the gateway.
func New() Gateway { return Gateway{} }

// Name returns "offline".
func (Gateway) Name() string { return Name }

// Create takes an announced payment. A method that is none of Methods is refused for good.
func (Gateway) Create(_ context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	if !slices.Contains(Methods, o.Method) {
		return payments.Fact{}, refused("method")
	}
	if o.Amount.Sign() <= 0 {
		return payments.Fact{}, refused("amount")
	}
	return announced(c, o), nil
}

func announced(c gateways.Call, o payments.Order) payments.Fact {
	return payments.Fact{Gateway: Name, GatewayID: o.Payment,
		State: payments.Succeeded, Amount: o.Amount, Received: o.Amount, Succeeded: c.At,
		Observed: c.At}
}

// Find returns a payment whose id of this gateway is known. What is known elsewhere is all there
// is to know: any other payment is absent.
func (Gateway) Find(_ context.Context, c gateways.Call, o payments.Order) (payments.Fact, error) {
	if o.GatewayID == "" || o.GatewayID != o.Payment {
		return payments.Fact{}, &gateways.Error{Class: gateways.Absent, Gateway: Name}
	}
	return announced(c, o), nil
}

// Cancel ends a payment that was never announced. One that was holds money.
func (g Gateway) Cancel(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	if o.GatewayID == "" {
		return payments.Fact{Gateway: Name, State: payments.Canceled, Amount: o.Amount,
			Observed: c.At}, nil
	}
	return g.Find(ctx, c, o)
}

// Refund takes money that a person hands back.
func (Gateway) Refund(_ context.Context, c gateways.Call, o payments.RefundOrder) (
	payments.RefundFact, error) {
	if o.GatewayPayment == "" || o.GatewayPayment != o.Payment {
		return payments.RefundFact{}, refused("payment")
	}
	if o.Amount.Sign() <= 0 {
		return payments.RefundFact{}, refused("amount")
	}
	return payments.RefundFact{Gateway: Name, GatewayID: o.Refund,
		GatewayPayment: o.GatewayPayment, State: payments.RefundSucceeded, Amount: o.Amount,
		Observed: c.At}, nil
}

func refused(code string) error {
	return &gateways.Error{Class: gateways.Permanent, Gateway: Name, Code: code}
}
