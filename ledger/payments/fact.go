package payments

import (
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A Fact is what a gateway said about a payment when it was asked. A fact without a GatewayID says
// that the gateway has no such payment: its State is then RequiresPaymentMethod, for an attempt
// that never happened, or Canceled.
type Fact struct {
	Gateway   string
	GatewayID string
	State     State        // any but Settled, Expired and Conflicted
	Amount    money.Amount // of the payment, as the gateway has it
	Received  money.Amount // captured; the zero Amount is nothing
	Fee       money.Amount // of the captured amount; the zero Amount is not yet known
	Charge    string       // the gateway's id of the charge, empty for none
	Code      string       // why the last attempt was declined
	Action    string       // where the customer completes the payment
	Succeeded time.Time    // when it was captured, by the gateway's clock; zero if it was not
	Observed  time.Time    // when the gateway was asked, by our clock
	Sequence  uint64       // the gateway's version of the object, 0 where it has none
}

// A Result says what applying a fact did.
type Result uint8

// The results of applying a fact.
const (
	Applied    Result = iota + 1 // the record changed
	Duplicate                    // it says nothing new
	Older                        // it is older than what is known
	Contradict                   // it echoes something else: the record is conflicted
)

var resultNames = [...]string{"?", "applied", "duplicate", "older", "contradict"}

// String returns the result's name.
func (r Result) String() string { return nameOf(resultNames[:], r) }

// A Change is what a fact did to a payment.
type Change struct {
	Result   Result
	From, To State
	Received money.Amount // what was captured by it; zero unless To is Succeeded now
	Fee      money.Amount // what the known fee changed by; zero if it did not
	Declined bool         // the fact tells of a declined attempt
}

// Money reports whether the payment holds captured money since this fact.
func (c Change) Money() bool {
	return c.Result == Applied && c.From != c.To && c.To == Succeeded
}

// Apply returns p as the fact leaves it, and what changed. It fails with a *FactError for a fact
// that no gateway can have told. On a settled or conflicted payment every fact is Older: reopen or
// resolve it first. Only an Applied or Contradict leaves something to be stored.
func (p Payment) Apply(f Fact, at time.Time) (Payment, Change, error) {
	zero := money.New(0, p.Amount.Currency())
	c := Change{Result: Duplicate, From: p.State, To: p.State, Received: zero, Fee: zero}
	if err := f.check(); err != nil {
		return p, c, err
	}
	if p.State == Conflicted || p.State == Settled {
		c.Result = Older
		return p, c, nil
	}
	if what := p.contradiction(f); what != "" {
		return p.conflicted(f, what, c, at)
	}
	if p.older(f) {
		c.Result = Older
		return p, c, nil
	}
	e, moved := p.event(f)
	if moved {
		to, err := p.State.Next(e)
		if err != nil { // a state that the known one has left for good
			c.Result = Older
			return p, c, nil
		}
		c.To = to
	}
	return p.take(f, c, moved, at)
}

// contradiction names what the fact echoes differently, empty for nothing.
func (p Payment) contradiction(f Fact) string {
	holds := f.State == Succeeded || f.State == RequiresCapture
	switch {
	case p.GatewayID != "" && f.GatewayID != "" && p.GatewayID != f.GatewayID:
		if !holds {
			return "" // an object of an earlier attempt that took nothing
		}
		return "gateway_id"
	case f.Amount.Currency() != p.Amount.Currency():
		return "currency"
	case f.Amount != p.Amount:
		return "amount"
	case f.State == Succeeded && f.Received != p.expected():
		return "amount_received"
	case f.State == Succeeded && p.State == Canceled,
		f.State == Canceled && p.State == Succeeded:
		return "state"
	}
	return ""
}

// expected is what a capture brings.
func (p Payment) expected() money.Amount {
	if p.CaptureAmount.Sign() > 0 {
		return p.CaptureAmount
	}
	return p.Amount
}

func (p Payment) conflicted(f Fact, what string, c Change, at time.Time) (Payment, Change, error) {
	to, err := p.State.Next(Conflict)
	if err != nil {
		return p, c, err
	}
	c.Result, c.To = Contradict, to
	p.State, p.Conflict, p.Updated, p.Observed = to, what, at, f.Observed
	return p, c, nil
}

// older reports whether f is from before what is known. What a gateway calls final counts whatever
// its age: two askings may be answered in the other order than they were sent.
func (p Payment) older(f Fact) bool {
	if p.GatewayID != "" && f.GatewayID != "" && f.GatewayID != p.GatewayID {
		return true
	}
	if f.Sequence > 0 && p.Sequence > 0 && f.Sequence < p.Sequence {
		return true
	}
	final := f.State == Succeeded || f.State == Canceled
	return !final && f.Sequence == 0 && f.Observed.Before(p.Observed)
}

// event returns the event by which p comes to the fact's state, and whether there is one.
func (p Payment) event(f Fact) (Event, bool) {
	switch f.State {
	case p.State:
		// Waiting for a method again, with another reason: the next attempt was declined as well.
		return Decline, f.State == RequiresPaymentMethod && f.Code != "" && f.Code != p.Code
	case RequiresPaymentMethod:
		return Decline, true
	case RequiresAction:
		return Act, true
	case Processing:
		return Process, true
	case RequiresCapture:
		return Authorize, true
	case Succeeded:
		return Succeed, true
	case Canceled:
		return Cancel, true
	default:
		panic("payments: event of a fact that was not checked")
	}
}

// take copies what the fact tells. The move, if any, is legal.
func (p Payment) take(f Fact, c Change, moved bool, at time.Time) (Payment, Change, error) {
	before := p
	p.State, p.NextAction = c.To, f.Action
	p.GatewayID, p.Charge = first(f.GatewayID, p.GatewayID), first(f.Charge, p.Charge)
	p.Sequence = max(p.Sequence, f.Sequence)
	if f.Observed.After(p.Observed) {
		p.Observed = f.Observed
	}
	switch c.To {
	case RequiresPaymentMethod:
		p.Code, c.Declined = f.Code, moved
	case RequiresAction, Processing, RequiresCapture:
		p.Code = "" // it was of an attempt before
	case Succeeded:
		p.Code = ""
		if moved {
			p.AmountReceived, c.Received = f.Received, f.Received
			p.Succeeded = f.Succeeded
			if p.Succeeded.IsZero() {
				p.Succeeded = at
			}
		}
		var err error
		if p, c.Fee, err = p.withFee(f.Fee); err != nil {
			return before, c, err
		}
	}
	if p == withObserved(before, p) && !moved {
		return p, c, nil
	}
	c.Result, p.Updated = Applied, at
	return p, c, nil
}

// withFee sets the fee when it is known, and returns what it changed by.
func (p Payment) withFee(fee money.Amount) (Payment, money.Amount, error) {
	zero := money.New(0, p.Amount.Currency())
	if fee == (money.Amount{}) || fee == p.Fee {
		return p, zero, nil
	}
	delta, err := fee.Sub(p.Fee)
	if err != nil {
		return p, zero, err
	}
	p.Fee = fee
	return p, delta, nil
}

// withObserved returns p with the observation of q: what a fact that says nothing new changes.
func withObserved(p, q Payment) Payment {
	p.Observed, p.Sequence = q.Observed, q.Sequence
	return p
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A FactError reports a fact that no gateway can have told: the adapter is wrong, or the gateway.
type FactError struct {
	Field string
}

// Error names the field.
func (e *FactError) Error() string { return "the gateway's answer makes no sense: " + e.Field }

func (f Fact) check() error {
	switch {
	case f.GatewayID == "" && f.State != RequiresPaymentMethod && f.State != Canceled:
		return &FactError{"gateway_id"}
	case !f.State.Open() && f.State != Succeeded && f.State != Canceled:
		return &FactError{"state"}
	case f.Amount.Sign() <= 0:
		return &FactError{"amount"}
	case f.Fee != (money.Amount{}) && f.Fee.Currency() != f.Amount.Currency():
		return &FactError{"fee"} // converted funds: the account settles in another currency
	}
	return nil
}
