package ledger

import (
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A Rule is what the balance of an account must not do. The numbers are those of the stored form.
type Rule uint8

// The rules. What is held counts against the account that it would be taken from, and not for the
// one that it would be given to: a rule that holds while amounts are held holds whatever becomes of
// them. A rule holds from the moment it is set; an account that is beyond it by then takes only
// postings to its other side.
const (
	NoRule                     Rule = iota
	DebitsMustNotExceedCredits      // for what is owed to others: it cannot be overdrawn
	CreditsMustNotExceedDebits      // for what is owned: it cannot fall below nothing
)

// String returns the rule as the API names it.
func (r Rule) String() string {
	switch r {
	case NoRule:
		return "none"
	case DebitsMustNotExceedCredits:
		return "debits_must_not_exceed_credits"
	case CreditsMustNotExceedDebits:
		return "credits_must_not_exceed_debits"
	}
	return "?"
}

// ParseRule returns the rule that String names. It fails with a *RuleError.
func ParseRule(s string) (Rule, error) {
	for r := NoRule; r <= CreditsMustNotExceedDebits; r++ {
		if r.String() == s {
			return r, nil
		}
	}
	return NoRule, &RuleError{Rule: s}
}

// Sums are what was ever debited and credited, in minor units, each zero or more.
type Sums struct{ Debits, Credits int64 }

// An Account is what one account of a tenant holds in one currency. The sums are those since the
// account came into being.
type Account struct {
	ID       AccountID
	Currency money.Currency
	Rule     Rule
	// Ephemeral accounts end, with their settings, when they are empty.
	Ephemeral bool
	// Closed accounts take no postings; what is held on them can only be let go.
	Closed  bool
	Posted  Sums
	Pending Sums // what is held
	Created time.Time
	Version uint64 // counts the transactions and settings that changed the account
}

// Balance returns the posted debits less the posted credits: above zero for what is owned or was
// spent, below zero for what is owed or was earned.
func (a Account) Balance() money.Amount {
	return money.New(a.Posted.Debits-a.Posted.Credits, a.Currency)
}

// Empty reports whether nothing is on the account: its posted debits and credits are equal and
// nothing is held.
func (a Account) Empty() bool {
	return a.Posted.Debits == a.Posted.Credits && a.Pending == Sums{}
}

// born returns a new account of a name that nothing was posted to, or not since it last ended.
func born(id AccountID, c money.Currency, at time.Time) Account {
	return Account{
		ID: id, Currency: c, Created: at,
		Ephemeral: controls(id.First()) == ephemeral,
	}
}

// ended reports whether the account is over.
func (a Account) ended() bool { return a.Ephemeral && a.Empty() }

// Settings are what is decided about an account, and not posted to it.
type Settings struct {
	Rule      Rule
	Ephemeral bool
	Closed    bool
}

// Settings returns the account's.
func (a Account) Settings() Settings { return Settings{a.Rule, a.Ephemeral, a.Closed} }

// check refuses settings that contradict each other: an account that ends when it is empty forgets
// a rule and that it was closed, and would begin anew without them.
func (s Settings) check() error {
	if s.Rule > CreditsMustNotExceedDebits {
		return &RuleError{Rule: s.Rule.String()}
	}
	if s.Ephemeral && (s.Rule != NoRule || s.Closed) {
		return ErrSettings
	}
	return nil
}
