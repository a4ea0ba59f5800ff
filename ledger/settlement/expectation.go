package settlement

import (
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// An ExpectationKind is what is to be seen. The numbers of all kinds here are those of the stored
// form; zero is not set.
type ExpectationKind uint8

// The kinds of expectations: what is offline and payouts are seen at the bank, by an entry of a
// statement, all others at the gateway, by a line of a payout.
const (
	ExpectPayment ExpectationKind = iota + 1
	ExpectRefund
	ExpectRefundFailure
	ExpectDispute
	ExpectDisputeReversal
	ExpectOffline
	ExpectPayout
	ExpectReturnedPayout
)

var expectationKindNames = [...]string{"?", "payment", "refund", "refund_failure", "dispute",
	"dispute_reversal", "offline", "payout", "returned_payout"}

// String returns the kind's name.
func (k ExpectationKind) String() string { return nameOf(expectationKindNames[:], k) }

// Bank reports whether the money is to be seen on the bank's statement.
func (k ExpectationKind) Bank() bool { return k == ExpectOffline || k == ExpectPayout }

// A Status is how what was seen compares with what is expected.
type Status uint8

// The statuses of an expectation.
const (
	Expected         Status = iota + 1 // not seen
	Matched                            // seen, or accepted by a person
	Over                               // seen with more
	Under                              // seen with less
	CurrencyMismatch                   // seen in another currency
	DataMismatch                       // seen, and something else about it differs
	PartiallyMatched                   // seen in several parts, and not all of it
	Void                               // not expected any more
	Missing                            // not seen by its deadline; never stored
)

var statusNames = [...]string{"?", "expected", "matched", "over", "under", "currency_mismatch",
	"data_mismatch", "partially_matched", "void", "missing"}

// String returns the status's name.
func (s Status) String() string { return nameOf(statusNames[:], s) }

// A Match is who found that an expectation and what was seen belong together.
type Match uint8

// The kinds of matches; zero is nobody so far.
const (
	Auto   Match = iota + 1 // the program, by amount and reference
	Manual                  // a person, for equal amounts
	Forced                  // a person who accepted a difference
)

var matchNames = [...]string{"", "auto", "manual", "forced"}

// String returns the match's name, empty for none.
func (m Match) String() string { return nameOf(matchNames[:], m) }

// An Expectation is money that the books say must be seen. It ends when what it belongs to is
// settled; each change of it is a fact in the journal.
type Expectation struct {
	ID         string // the payment's, refund's or payout's; the dispute's and what moved
	Tenant     string
	Kind       ExpectationKind
	Subject    string // the payment or payout it belongs to
	Source     string // the refund or dispute that moves the money; empty for the subject itself
	Gateway    string
	Method     string   // how it comes without a gateway: "cash", "cheque", "transfer"
	References []string // by which a statement's entry names it, in normal form; personal data
	Amount     money.Amount
	Fee        money.Amount // the part of the gateway's fee that the books have
	Seen       money.Amount // so far
	Sightings  int          // how many lines or entries showed it
	Status     Status
	Match      Match
	MatchedBy  string // the last line or entry that showed it
	Deadline   time.Time
	Created    time.Time
	Updated    time.Time
}

// Open reports whether the money must still be seen, or a person must look.
func (e Expectation) Open() bool { return e.Status != Matched && e.Status != Void }

// StatusAt returns the status at a time: Missing for what was not seen by its deadline.
func (e Expectation) StatusAt(at time.Time) Status {
	if e.Status == Expected && !e.Deadline.IsZero() && at.After(e.Deadline) {
		return Missing
	}
	return e.Status
}

// See returns e after an amount was seen by a line or entry. The status compares what was seen in
// all: equal is matched, less is under, or partially matched from the second sighting on.
func (e Expectation) See(amount money.Amount, by string, m Match, at time.Time) (
	Expectation, error) {
	e.Updated, e.MatchedBy = at, by
	if amount.Currency() != e.Amount.Currency() {
		e.Status, e.Match = CurrencyMismatch, 0
		return e, nil
	}
	var err error
	if e.Seen, err = e.Seen.Add(amount); err != nil {
		return e, err
	}
	e.Sightings++
	less, err := e.short()
	switch {
	case err != nil:
		return e, err
	case less.IsZero():
		e.Status, e.Match = Matched, m
	case less.Sign() != e.Amount.Sign():
		e.Status, e.Match = Over, 0
	case e.Sightings > 1:
		e.Status, e.Match = PartiallyMatched, 0
	default:
		e.Status, e.Match = Under, 0
	}
	return e, nil
}

// short returns what is missing: of the amount's sign if less was seen, of the other if more.
func (e Expectation) short() (money.Amount, error) { return e.Amount.Sub(e.Seen) }

// Expectations holds what must be seen, under Key(tenant, expectation). Its indexes read
// "tenant/subject/expectation", "tenant/status/expectation", "tenant/currency/amount/expectation"
// (what the bank must show and did not) and "tenant/reference/expectation" (the same).
var Expectations = compaction.NewTable(compaction.TableSpec[Expectation]{
	Message: (*ledgerv1.ExpectationRecord)(nil),
	Encode:  EncodeExpectation,
	Decode:  DecodeExpectation,
	Indexes: []compaction.Index[Expectation]{
		{Name: "subject", Keys: func(_ string, e Expectation) []string {
			return []string{compaction.Key(e.Tenant, e.Subject, e.ID)}
		}},
		{Name: "status", Keys: func(_ string, e Expectation) []string {
			return []string{compaction.Key(e.Tenant, e.Status.String(), e.ID)}
		}},
		{Name: "amount", Keys: func(_ string, e Expectation) []string {
			if !e.Kind.Bank() || !e.Open() {
				return nil
			}
			return []string{compaction.Key(amountPrefix(e.Tenant, e.Amount), e.ID)}
		}},
		{Name: "reference", Keys: func(_ string, e Expectation) []string {
			if !e.Kind.Bank() || !e.Open() {
				return nil
			}
			var keys []string
			for _, r := range e.References {
				keys = append(keys, compaction.Key(e.Tenant, r, e.ID))
			}
			return keys
		}},
	},
})

// amountPrefix is where the index "amount" has the expectations of an amount.
func amountPrefix(tenant string, a money.Amount) string {
	return compaction.Key(tenant, a.Currency().String(), a.String())
}

func nameOf[T ~uint8](names []string, v T) string {
	if int(v) >= len(names) {
		return names[0]
	}
	return names[v]
}
