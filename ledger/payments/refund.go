package payments

import (
	"fmt"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A RefundState is where a refund stands.
type RefundState uint8

// The states of a refund.
const (
	RefundRequested RefundState = iota + 1 // not taken by the gateway
	RefundPending                          // taken, not decided
	RefundSucceeded                        // the money was given back
	RefundFailed                           // nothing was given back, or it came back
	RefundCanceled                         // canceled
	refundEnd
)

var refundNames = [...]string{"?", "requested", "pending", "succeeded", "failed", "canceled"}

// String returns Stripe's word for s where it has one.
func (s RefundState) String() string { return nameOf(refundNames[:], s) }

// Undecided reports whether the refund's money may still go out.
func (s RefundState) Undecided() bool { return s == RefundRequested || s == RefundPending }

// Next reports whether a refund may go from s to the state given; if not it returns a *MoveError.
func (s RefundState) Next(to RefundState) error {
	if refundMoves[[2]RefundState{s, to}] {
		return nil
	}
	return &MoveError{"refund", s.String(), "become " + to.String()}
}

// A Refund is money given back to the customer of a payment.
type Refund struct {
	ID         string
	Tenant     string
	Payment    string
	CreditNote string // the credit note it pays out, empty for none
	Amount     money.Amount
	Gateway    string
	GatewayID  string // empty until known
	Reason     string // Stripe's word, empty for none
	State      RefundState
	Code       string // why it failed
	Conflict   string // what the gateway echoed differently
	Created    time.Time
	Updated    time.Time
	Observed   time.Time
	Sequence   uint64
	SettledBy  string // what cleared it: a payout line or a statement entry
}

// A RefundError refuses a refund of more than is left of the payment.
type RefundError struct {
	Needed, Available money.Amount
}

// Error names both amounts.
func (e *RefundError) Error() string {
	return fmt.Sprintf("the refund of %s is more than the %s %s that is left of the payment",
		e.Needed, e.Available, e.Available.Currency())
}

// Request returns r as a new refund of p, and p with its amount set aside. It fails with
// ErrAmount, a *MoveError for a payment that holds no money, a *money.MismatchError for another
// currency and a *RefundError for more than is left.
func (p Payment) Request(r Refund, at time.Time) (Payment, Refund, error) {
	switch {
	case r.Amount.Sign() <= 0:
		return p, r, ErrAmount
	case p.State != Succeeded:
		return p, r, &MoveError{"payment", p.State.String(), "be refunded"}
	}
	left, err := p.Refundable()
	if err != nil {
		return p, r, err
	}
	after, err := left.Sub(r.Amount)
	if err != nil {
		return p, r, err
	}
	if after.Sign() < 0 {
		return p, r, &RefundError{Needed: r.Amount, Available: left}
	}
	if p.AmountRefunding, err = p.AmountRefunding.Add(r.Amount); err != nil {
		return p, r, err
	}
	r.Tenant, r.Payment, r.Gateway = p.Tenant, p.ID, p.Gateway
	r.State, r.Created, r.Updated, p.Updated = RefundRequested, at, at, at
	return p, r, nil
}

// A RefundFact is what a gateway said about a refund when it was asked. One without a GatewayID
// says that the gateway refused it or has no such refund: its State is then RefundFailed.
type RefundFact struct {
	Gateway        string
	GatewayID      string
	GatewayPayment string // the gateway's id of the payment
	State          RefundState
	Amount         money.Amount
	Code           string // why it failed
	Observed       time.Time
	Sequence       uint64
}

// A RefundChange is what a fact did to a refund.
type RefundChange struct {
	Result   Result
	From, To RefundState
}

// ApplyRefund returns p and its refund r as the fact leaves them. An echo of another amount leaves
// r as it is with its Conflict named. It fails with a *FactError for a fact that no gateway can
// have told. Only an Applied or Contradict leaves something to be stored.
func (p Payment) ApplyRefund(r Refund, f RefundFact, at time.Time) (
	Payment, Refund, RefundChange, error) {
	c := RefundChange{Result: Duplicate, From: r.State, To: r.State}
	if f.State <= RefundRequested || f.State >= refundEnd ||
		f.GatewayID == "" && f.State != RefundFailed {
		return p, r, c, &FactError{"refund"}
	}
	if what := r.contradiction(f); what != "" {
		if r.Conflict == what {
			return p, r, c, nil
		}
		c.Result, r.Conflict, r.Updated = Contradict, what, at
		return p, r, c, nil
	}
	if f.State == r.State {
		return p, r, c, nil
	}
	if r.State.Next(f.State) != nil || f.Sequence > 0 && f.Sequence < r.Sequence {
		c.Result = Older // every legal move goes forward, so what is not legal is from before
		return p, r, c, nil
	}
	p, err := p.release(r, f.State)
	if err != nil {
		return p, r, c, err
	}
	c.Result, c.To = Applied, f.State
	r.State, r.GatewayID, r.Code = f.State, first(f.GatewayID, r.GatewayID), f.Code
	r.Updated, r.Observed, r.Sequence, p.Updated = at, f.Observed, f.Sequence, at
	return p, r, c, nil
}

func (r Refund) contradiction(f RefundFact) string {
	switch {
	case r.GatewayID != "" && f.GatewayID != "" && r.GatewayID != f.GatewayID:
		return "gateway_id"
	case f.Amount.Currency() != r.Amount.Currency():
		return "currency"
	case f.Amount != r.Amount:
		return "amount"
	}
	return ""
}

// release moves the refund's amount from where its state has it to where the next one does.
func (p Payment) release(r Refund, to RefundState) (Payment, error) {
	q, err := p, error(nil)
	switch {
	case r.State.Undecided() && !to.Undecided():
		q.AmountRefunding, err = q.AmountRefunding.Sub(r.Amount)
		if err == nil && to == RefundSucceeded {
			q.AmountRefunded, err = q.AmountRefunded.Add(r.Amount)
		}
	case r.State == RefundSucceeded:
		q.AmountRefunded, err = q.AmountRefunded.Sub(r.Amount)
	}
	if err != nil {
		return p, err
	}
	return q, nil
}
