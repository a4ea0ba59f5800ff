package payments

import (
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A DisputeState is where a dispute stands.
type DisputeState uint8

// The states of a dispute.
const (
	DisputeNeedsResponse DisputeState = iota + 1 // waits for evidence
	DisputeUnderReview                           // waits for the customer's bank
	DisputeWon                                   // decided for the business
	DisputeLost                                  // decided for the customer
	disputeEnd
)

var disputeNames = [...]string{"?", "needs_response", "under_review", "won", "lost"}

// String returns Stripe's word for s.
func (s DisputeState) String() string { return nameOf(disputeNames[:], s) }

// Next reports whether a dispute may go from s to the state given; if not it returns a *MoveError.
func (s DisputeState) Next(to DisputeState) error {
	if disputeMoves[[2]DisputeState{s, to}] {
		return nil
	}
	return &MoveError{"dispute", s.String(), "become " + to.String()}
}

// A Dispute is a customer's bank contesting a payment. Its amounts are in the payment's currency.
type Dispute struct {
	ID          string
	Tenant      string
	Payment     string
	Gateway     string
	GatewayID   string
	Amount      money.Amount // disputed
	Withdrawn   money.Amount // what the gateway has taken from the balance, in all
	Reinstated  money.Amount // what the gateway has given back, in all
	Fee         money.Amount // the gateway's, as far as it is known
	Reason      string
	State       DisputeState
	Conflict    string
	EvidenceDue time.Time
	Created     time.Time
	Updated     time.Time
	Observed    time.Time
	Sequence    uint64
}

// A DisputeFact is what a gateway said about a dispute when it was asked. Withdrawn and Reinstated
// are totals, so that a fact told twice moves nothing twice.
type DisputeFact struct {
	Gateway        string
	GatewayID      string
	GatewayPayment string // the gateway's id of the payment
	State          DisputeState
	Amount         money.Amount
	Withdrawn      money.Amount // in all so far; the zero Amount is nothing
	Reinstated     money.Amount // in all so far; the zero Amount is nothing
	Fee            money.Amount // in all so far; the zero Amount is nothing
	Reason         string
	EvidenceDue    time.Time
	Created        time.Time // by the gateway's clock
	Observed       time.Time
	Sequence       uint64
}

// A DisputeChange is what a fact did to a dispute. The amounts are what is new since the last
// fact.
type DisputeChange struct {
	Result     Result
	From, To   DisputeState // From is 0 when the fact opened the dispute
	Withdrawn  money.Amount
	Reinstated money.Amount
	Fee        money.Amount
}

// ApplyDispute returns p and its dispute as the fact leaves them. The first fact of a dispute
// opens it: d is then a Dispute with no state whose ID the caller chose. It fails with a
// *FactError for a fact that no gateway can have told. Only an Applied or Contradict leaves
// something to be stored.
func (p Payment) ApplyDispute(d Dispute, f DisputeFact, at time.Time) (
	Payment, Dispute, DisputeChange, error) {
	zero := money.New(0, p.Amount.Currency())
	c := DisputeChange{Duplicate, d.State, d.State, zero, zero, zero}
	if f.GatewayID == "" || f.State == 0 || f.State >= disputeEnd {
		return p, d, c, &FactError{"dispute"}
	}
	if d.State == 0 {
		d = p.open(d, f, zero, at)
	}
	if d.GatewayID != f.GatewayID || f.Amount != d.Amount {
		if d.Conflict == "amount" {
			return p, d, c, nil
		}
		c.Result, d.Conflict, d.Updated = Contradict, "amount", at
		return p, d, c, nil
	}
	if f.Sequence < d.Sequence || f.Sequence == 0 && f.Observed.Before(d.Observed) {
		c.Result = Older
		return p, d, c, nil
	}
	return p.takeDispute(d, f.orZero(zero), c, at)
}

func (p Payment) open(d Dispute, f DisputeFact, zero money.Amount, at time.Time) Dispute {
	d.Tenant, d.Payment, d.Gateway, d.GatewayID = p.Tenant, p.ID, f.Gateway, f.GatewayID
	d.Amount, d.Withdrawn, d.Reinstated, d.Fee = f.Amount, zero, zero, zero
	if f.Amount.Currency() != p.Amount.Currency() {
		d.Amount = zero // so that the fact contradicts it
	}
	d.Created, d.Updated = at, at
	return d
}

// orZero fills in the amounts that the fact does not know.
func (f DisputeFact) orZero(zero money.Amount) DisputeFact {
	for _, a := range []*money.Amount{&f.Withdrawn, &f.Reinstated, &f.Fee} {
		if *a == (money.Amount{}) {
			*a = zero
		}
	}
	return f
}

func (p Payment) takeDispute(d Dispute, f DisputeFact, c DisputeChange, at time.Time) (
	Payment, Dispute, DisputeChange, error) {
	if d.State != 0 && d.State != f.State && d.State.Next(f.State) != nil {
		c.Result = Older
		return p, d, c, nil
	}
	var errs [5]error
	c.Withdrawn, errs[0] = f.Withdrawn.Sub(d.Withdrawn)
	c.Reinstated, errs[1] = f.Reinstated.Sub(d.Reinstated)
	c.Fee, errs[2] = f.Fee.Sub(d.Fee)
	held, err := p.AmountDisputed.Add(c.Withdrawn)
	errs[3] = err
	held, errs[4] = held.Sub(c.Reinstated)
	for _, err := range errs {
		if err != nil {
			return p, d, c, err
		}
	}
	if c.Withdrawn.Sign() < 0 || c.Reinstated.Sign() < 0 { // totals do not shrink
		c.Result, c.Withdrawn, c.Reinstated, c.Fee = Older, zeroOf(p), zeroOf(p), zeroOf(p)
		return p, d, c, nil
	}
	if d.State == f.State && c.Withdrawn.IsZero() && c.Reinstated.IsZero() && c.Fee.IsZero() {
		return p, d, c, nil
	}
	c.Result, c.To = Applied, f.State
	d.State, d.Reason, d.EvidenceDue = f.State, f.Reason, f.EvidenceDue
	d.Withdrawn, d.Reinstated, d.Fee = f.Withdrawn, f.Reinstated, f.Fee
	d.Updated, d.Observed, d.Sequence = at, f.Observed, f.Sequence
	p.AmountDisputed, p.Updated = held, at
	return p, d, c, nil
}

func zeroOf(p Payment) money.Amount { return money.New(0, p.Amount.Currency()) }
