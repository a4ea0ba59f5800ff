package ledger

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quittance/quittance/ledger/money"
)

// Limits of one transaction and of one command.
const (
	MaxPostings        = 1000  // of a transaction
	MaxCommandPostings = 10000 // of all transactions of a command
	MaxMetadata        = 50    // pairs of a transaction
	MaxMetadataKey     = 40    // bytes of a key
	MaxMetadataValue   = 500   // bytes of a value
	MaxReference       = 255   // bytes of a reference
)

// MaxAmount is how many minor units a caller of the general ledger may post at once, as a document
// may come to. A posting that filled an account to 64 bits would leave no room for the money path.
const MaxAmount = 1_000_000_000_000_000

// A Posting moves an amount above zero: it debits one account and credits another. Nothing that is
// made of postings can be out of balance.
type Posting struct {
	Debit, Credit AccountID
	Amount        money.Amount
}

// A Pair is a name and a value that the maker of a transaction attaches to it.
type Pair struct{ Key, Value string }

// A Transaction is what is asked for: postings that are applied in their order, all or none.
type Transaction struct {
	Postings []Posting
	Metadata []Pair
	// Reference is the maker's own name for it, which no other transaction of the tenant may have
	// for ReferenceRetention. Empty for none.
	Reference string
}

// A Phase says which sums a transaction changed. The numbers are those of the stored form.
type Phase uint8

// The phases.
const (
	PhasePosted     Phase = iota + 1 // amounts were posted
	PhaseHeld                        // amounts became pending
	PhasePostedHeld                  // held amounts were posted, in full or in part
	PhaseVoided                      // held amounts were let go
	PhaseExpired                     // held amounts were let go because their time was over
)

// String returns the phase as the API names it.
func (p Phase) String() string {
	if p > PhaseExpired {
		p = 0
	}
	return [...]string{"?", "posted", "held", "posted_held", "voided", "expired"}[p]
}

// A Line is a posting as it stands in the books.
type Line struct {
	Posting
	// Released is what was held for the posting and no longer is.
	Released money.Amount
	// DebitBalance and CreditBalance are those of the two accounts after the posting: posted debits
	// less posted credits.
	DebitBalance, CreditBalance money.Amount
}

// A Posted is a transaction as it stands in the books.
type Posted struct {
	ID        string
	At        time.Time
	Phase     Phase
	Lines     []Line
	Metadata  []Pair
	Reference string
	Held      string // the transaction whose held amounts this one resolves
}

// checkReference refuses what cannot be a reference; empty is none.
func checkReference(s string) error {
	if len(s) > MaxReference || !plain(s) {
		return ErrReference
	}
	return nil
}

// plain reports whether s is text without control characters.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// checkMetadata refuses metadata that is too much, not text, or names a key twice.
func checkMetadata(pairs []Pair) error {
	if len(pairs) > MaxMetadata {
		return &MetadataError{"there may be up to 50 pairs"}
	}
	for i, p := range pairs {
		switch {
		case p.Key == "" || len(p.Key) > MaxMetadataKey || !plain(p.Key):
			return &MetadataError{"a key is 1 to 40 bytes of text without control characters"}
		case len(p.Value) > MaxMetadataValue || !utf8.ValidString(p.Value):
			return &MetadataError{"a value is up to 500 bytes of text"}
		}
		for _, before := range pairs[:i] {
			if before.Key == p.Key {
				return &MetadataError{"a key may be there only once"}
			}
		}
	}
	return nil
}

// check refuses a posting for what can be seen without looking at its accounts.
func (p *Posting) check(by Caller) error {
	switch {
	case !p.Debit.valid():
		return &AccountIDError{string(p.Debit)}
	case !p.Credit.valid():
		return &AccountIDError{string(p.Credit)}
	case by != MoneyPath && p.Debit.Control():
		return &ControlAccountError{p.Debit}
	case by != MoneyPath && p.Credit.Control():
		return &ControlAccountError{p.Credit}
	case p.Debit == p.Credit:
		return &SameAccountError{p.Debit}
	case p.Amount.Sign() <= 0:
		return &AmountError{p.Amount}
	case p.Amount.Currency().IsZero():
		return &money.CurrencyError{}
	case by != MoneyPath && p.Amount.Minor() > MaxAmount:
		return &LimitError{p.Amount, money.New(MaxAmount, p.Amount.Currency())}
	}
	return nil
}
