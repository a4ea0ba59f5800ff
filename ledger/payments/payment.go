package payments

import (
	"errors"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A Payment is one intent to take an amount from a customer, over all its attempts. Its amounts
// are in one currency, that of Amount.
type Payment struct {
	ID       string
	Tenant   string
	Invoice  string // the invoice it is for, empty for none
	Customer string

	Amount        money.Amount // to be taken; positive
	CaptureAmount money.Amount // to be captured when less than Amount; zero is all of it
	CaptureManual bool         // an authorised amount waits for a capture of its own

	Gateway    string // the gateway's name
	Method     string // a gateway's token, or "cash", "cheque", "transfer"
	GatewayID  string // the gateway's id of it, empty until known
	Charge     string // the gateway's id of the charge that took the money
	Reference  string // what a person wrote about a payment no gateway carries; personal data
	State      State
	Attempts   int    // attempts begun
	Asked      int    // the last attempt that was asked for; above Attempts it has not begun
	Code       string // why the last attempt was declined; empty once another one began
	NextAction string // where the customer completes the payment
	Conflict   string // what the gateway echoed differently

	AmountReceived  money.Amount // captured
	AmountRefunded  money.Amount // given back by refunds that succeeded
	AmountRefunding money.Amount // would be given back by refunds not yet decided
	AmountDisputed  money.Amount // withdrawn by disputes at present
	Fee             money.Amount // the gateway's, as far as it is known

	Created   time.Time
	Updated   time.Time
	Expires   time.Time // when a payment without money may be given up; zero is never
	Observed  time.Time // when the last applied fact was asked for
	Sequence  uint64    // the gateway's version of the last applied fact; 0 without one
	Succeeded time.Time // when the money was captured, by the gateway's clock
	Settled   time.Time // when it last cleared
	SettledBy string    // what cleared it: a payout line or a statement entry
}

// ErrAmount reports a payment or refund of nothing or less.
var ErrAmount = errors.New("the amount must be more than zero")

// New returns p as a new payment at the time given: requires_payment_method, with its amounts zero
// in its currency. Its ids, amount, gateway and method are the caller's. It fails with ErrAmount.
func New(p Payment, at time.Time) (Payment, error) {
	if p.Amount.Sign() <= 0 {
		return Payment{}, ErrAmount
	}
	zero := money.New(0, p.Amount.Currency())
	p.AmountReceived, p.AmountRefunded, p.AmountRefunding = zero, zero, zero
	p.AmountDisputed, p.Fee, p.CaptureAmount = zero, zero, zero
	p.State, p.Created, p.Updated = RequiresPaymentMethod, at, at
	return p, nil
}

// Move returns p after an event that no gateway told: Settle, Reopen, Cancel, Expire, Resolve, or
// Process when an attempt begins, which counts it. It fails with a *MoveError.
func (p Payment) Move(e Event, at time.Time) (Payment, error) {
	to, err := p.State.Next(e)
	if err != nil {
		return p, err
	}
	p.State, p.Updated = to, at
	switch e {
	case Process: // what was asked before an attempt began says nothing about it
		p.Attempts, p.Observed, p.NextAction, p.Code = p.Attempts+1, at, "", ""
	case Settle:
		p.Settled = at
	case Resolve, Cancel:
		p.Conflict = ""
	}
	return p, nil
}

// Ask returns p with another attempt asked for. It begins by a Move of its own, when the gateway is
// about to be called; until then p waits for it.
func (p Payment) Ask(at time.Time) Payment {
	p.Asked, p.Updated = p.Attempts+1, at
	return p
}

// Waits reports whether an attempt was asked for that has not begun.
func (p Payment) Waits() bool {
	return p.State == RequiresPaymentMethod && p.Asked > p.Attempts
}

// Status returns where p stands for who pays: its State, and Processing from when an attempt is
// asked for, before it begins. Nobody has to bring another method then.
func (p Payment) Status() State {
	if p.Waits() {
		return Processing
	}
	return p.State
}

// Refundable returns what may still be refunded: what was captured less refunds, those not yet
// decided included, and less what disputes hold. It is never negative.
func (p Payment) Refundable() (money.Amount, error) {
	left := p.AmountReceived
	for _, a := range []money.Amount{p.AmountRefunded, p.AmountRefunding, p.AmountDisputed} {
		var err error
		if left, err = left.Sub(a); err != nil {
			return left, err
		}
	}
	if left.Sign() < 0 {
		return money.New(0, left.Currency()), nil
	}
	return left, nil
}

// Net returns what was captured less what refunds gave back: what the invoice has been paid.
func (p Payment) Net() (money.Amount, error) { return p.AmountReceived.Sub(p.AmountRefunded) }
