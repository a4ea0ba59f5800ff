package payments

import (
	"errors"
	"fmt"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A PayoutState is where a payout stands.
type PayoutState uint8

// The states of a payout.
const (
	PayoutPending   PayoutState = iota + 1 // made, not sent
	PayoutInTransit                        // sent
	PayoutPaid                             // should have reached the bank, and may still fail
	PayoutFailed                           // came back
	PayoutCanceled                         // canceled
	payoutEnd
)

var payoutNames = [...]string{"?", "pending", "in_transit", "paid", "failed", "canceled"}

// String returns Stripe's word for s.
func (s PayoutState) String() string { return nameOf(payoutNames[:], s) }

// Next reports whether a payout may go from s to the state given; if not it returns a *MoveError.
func (s PayoutState) Next(to PayoutState) error {
	if payoutMoves[[2]PayoutState{s, to}] {
		return nil
	}
	return &MoveError{"payout", s.String(), "become " + to.String()}
}

// A Payout is money that a gateway sends to the bank. It belongs to the tenant that holds the
// gateway's account and may pay for many tenants: its lines say whom.
type Payout struct {
	ID        string
	Tenant    string
	Gateway   string
	GatewayID string
	Amount    money.Amount // what reaches the bank; negative where the bank is debited
	State     PayoutState
	Fetched   bool         // its lines were fetched
	Lines     int          // how many there are, once fetched
	Answered  int          // how many have been answered
	LinesSum  money.Amount // the sum of their net amounts
	Trace     string       // the bank's reference
	Code      string       // why it failed
	Conflict  string
	Arrival   time.Time // when it should be, or was, at the bank
	Created   time.Time // by the gateway's clock
	Updated   time.Time
	Observed  time.Time
	Sequence  uint64
}

// Reconciled reports whether the lines were fetched, sum to the payout, and have all been
// answered.
func (p Payout) Reconciled() bool {
	return p.Fetched && p.Conflict == "" && p.Answered == p.Lines && p.LinesSum == p.Amount
}

// A PayoutFact is what a gateway said about a payout when it was asked.
type PayoutFact struct {
	Gateway   string
	GatewayID string
	State     PayoutState
	Amount    money.Amount
	Trace     string
	Code      string
	Arrival   time.Time
	Created   time.Time
	Observed  time.Time
	Sequence  uint64
}

// A PayoutChange is what a fact did to a payout.
type PayoutChange struct {
	Result   Result
	From, To PayoutState // From is 0 when the fact opened the payout
}

// Apply returns p as the fact leaves it. The first fact of a payout opens it: p is then a Payout
// with no state whose ID and Tenant the caller chose. It fails with a *FactError for a fact that
// no gateway can have told. Only an Applied or Contradict leaves something to be stored.
func (p Payout) Apply(f PayoutFact, at time.Time) (Payout, PayoutChange, error) {
	c := PayoutChange{Duplicate, p.State, p.State}
	if f.GatewayID == "" || f.State == 0 || f.State >= payoutEnd {
		return p, c, &FactError{"payout"}
	}
	if p.State == 0 {
		p.Gateway, p.GatewayID, p.Amount = f.Gateway, f.GatewayID, f.Amount
		p.LinesSum, p.Created = money.New(0, f.Amount.Currency()), f.Created
	}
	switch {
	case p.GatewayID != f.GatewayID || p.Amount != f.Amount:
		if p.Conflict == "amount" {
			return p, c, nil
		}
		c.Result, p.Conflict, p.Updated = Contradict, "amount", at
		return p, c, nil
	case p.State == f.State && p.Trace == f.Trace && p.Arrival.Equal(f.Arrival):
		return p, c, nil
	case p.State != 0 && p.State != f.State && p.State.Next(f.State) != nil,
		f.Sequence < p.Sequence, f.Sequence == 0 && f.Observed.Before(p.Observed):
		c.Result = Older
		return p, c, nil
	}
	c.Result, c.To = Applied, f.State
	p.State, p.Trace, p.Code, p.Arrival = f.State, first(f.Trace, p.Trace), f.Code, f.Arrival
	p.Updated, p.Observed, p.Sequence = at, f.Observed, f.Sequence
	return p, c, nil
}

// A LineKind is what a movement of a payout is.
type LineKind uint8

// The kinds of payout lines.
const (
	LinePayment         LineKind = iota + 1 // a captured payment
	LineRefund                              // a refund
	LineRefundFailure                       // a refund that came back
	LineDispute                             // money withdrawn by a dispute
	LineDisputeReversal                     // money reinstated after a dispute
	LineFee                                 // a fee that belongs to no payment
	LinePayoutFailure                       // an earlier payout that came back
	LineOther                               // labelled with nothing that is known
	lineKindEnd
)

var lineKindNames = [...]string{"?", "payment", "refund", "refund_failure", "dispute",
	"dispute_reversal", "fee", "payout_failure", "other"}

// String returns the kind's name.
func (k LineKind) String() string { return nameOf(lineKindNames[:], k) }

// A LineState is what the owner's books said of a payout line.
type LineState uint8

// The states of a payout line.
const (
	LineWaiting LineState = iota + 1 // not answered
	LineSettled                      // settled
	LineRefused                      // refused; a person must look
)

var lineStateNames = [...]string{"?", "waiting", "settled", "refused"}

// String returns the state's name.
func (s LineState) String() string { return nameOf(lineStateNames[:], s) }

// A PayoutLine is one movement that a payout is made of. Net is always Gross less Fee.
type PayoutLine struct {
	ID             string // the gateway's id of the movement
	Tenant         string // the payout's tenant
	Payout         string // our id
	Owner          string // the tenant whose money it is; the payout's own for what has no other
	Kind           LineKind
	Payment        string // our id, empty for none
	Refund         string // our id, empty for none
	GatewayPayment string // the gateway's id of the payment, empty for none
	Source         string // the gateway's id of what moved: a charge, a refund, a dispute
	Gross          money.Amount
	Fee            money.Amount
	Net            money.Amount
	State          LineState
	Code           string // why it was refused
	Created        time.Time
	Answered       time.Time
}

// ErrFetched reports lines of a payout whose lines are known.
var ErrFetched = errors.New("the payout's lines are already known")

// A LinesError reports lines that do not make up their payout.
type LinesError struct {
	Line      string // the line that is wrong in itself, empty when it is the sum
	Sum, Want money.Amount
}

// Error names the line, or both sums.
func (e *LinesError) Error() string {
	if e.Line != "" {
		return "the payout line " + e.Line + " does not add up"
	}
	return fmt.Sprintf("the payout's lines sum to %s and the payout is %s", e.Sum, e.Want)
}

// WithLines returns p with its lines fetched, and the lines waiting to be answered. The lines must
// each add up, and sum to the payout to the last minor unit: otherwise it fails with a
// *LinesError. It fails with ErrFetched when they are already known.
func (p Payout) WithLines(lines []PayoutLine, at time.Time) (Payout, []PayoutLine, error) {
	if p.Fetched {
		return p, nil, ErrFetched
	}
	sum := money.New(0, p.Amount.Currency())
	out := make([]PayoutLine, 0, len(lines))
	for _, l := range lines {
		net, err := l.Gross.Sub(l.Fee)
		if err != nil || net != l.Net || l.ID == "" || l.Kind == 0 || l.Kind >= lineKindEnd {
			return p, nil, &LinesError{Line: l.ID}
		}
		if sum, err = sum.Add(l.Net); err != nil {
			return p, nil, &LinesError{Line: l.ID}
		}
		l.Tenant, l.Payout, l.State = p.Tenant, p.ID, LineWaiting
		out = append(out, l)
	}
	if sum != p.Amount {
		return p, nil, &LinesError{Sum: sum, Want: p.Amount}
	}
	p.Fetched, p.Lines, p.Answered, p.LinesSum, p.Updated = true, len(out), 0, sum, at
	return p, out, nil
}

// Answer returns p and its line after the owner's books answered. code is empty when the line was
// settled, else why it was refused. A line that was settled stays so: a second answer changes
// nothing. A refused line may still be settled later.
func (p Payout) Answer(l PayoutLine, code string, at time.Time) (Payout, PayoutLine) {
	if l.State == LineSettled || l.State == LineRefused && code != "" {
		return p, l
	}
	if code != "" {
		l.State, l.Code = LineRefused, code
		return p, l
	}
	l.State, l.Code, l.Answered = LineSettled, "", at
	p.Answered, p.Updated = p.Answered+1, at
	return p, l
}
