package ledger

import (
	"errors"
	"fmt"
	"math"

	"github.com/quittance/quittance/ledger/money"
)

// Refusals without numbers. Their texts may be shown to who made the request.
var (
	// ErrReference refuses a reference that is too long or not plain text.
	ErrReference = errors.New(
		"a reference is up to 255 bytes of text without control characters")
	// ErrNoPostings refuses a transaction that moves nothing.
	ErrNoPostings = errors.New("a transaction needs at least one posting")
	// ErrSettings refuses an ephemeral account that has a rule or is closed.
	ErrSettings = errors.New("an ephemeral account can neither have a rule nor be closed")
	// ErrExpiry refuses to hold amounts until a time that is past.
	ErrExpiry = errors.New("the time at which held amounts are let go must lie ahead")
	// ErrNotHeld refuses to resolve a transaction that holds nothing.
	ErrNotHeld = errors.New(
		"no amounts are held by this transaction: they were posted, voided or have expired, " +
			"or there is no such transaction")
	// ErrNothingPosted refuses to post nothing at all of what is held.
	ErrNothingPosted = errors.New("at least one of the held amounts must be posted: void them instead")
	// ErrNoTransaction reports an id that no transaction of the tenant has.
	ErrNoTransaction = errors.New("there is no transaction with this id")
	// ErrNoAccount reports an account that nothing was posted to, or not since it last ended.
	ErrNoAccount = errors.New("there is no such account")
)

// A DuplicateReferenceError refuses a reference that the tenant has used before.
type DuplicateReferenceError struct {
	Reference   string
	Transaction string // the id of the transaction that has it
}

// Error names the transaction that has the reference.
func (e *DuplicateReferenceError) Error() string {
	return fmt.Sprintf("transaction %s already has this reference", e.Transaction)
}

// A TooManyPostingsError refuses a transaction or a command with too many postings.
type TooManyPostingsError struct{ Postings, Limit int }

// Error says how many there may be.
func (e *TooManyPostingsError) Error() string {
	return fmt.Sprintf("%d postings at once are too many: the limit is %d", e.Postings, e.Limit)
}

// A MetadataError refuses metadata.
type MetadataError struct{ Reason string }

// Error says what is wrong with it.
func (e *MetadataError) Error() string { return "metadata: " + e.Reason }

// An AccountIDError refuses a text that is not the id of an account.
type AccountIDError struct{ ID string }

// Error quotes the beginning of the text and says what ids look like.
func (e *AccountIDError) Error() string {
	return fmt.Sprintf("%.40q is not the id of an account: 1 to 255 characters, parts of letters, "+
		"digits, \"_\", \".\" and \"-\" separated by \":\"", e.ID)
}

// A ControlAccountError refuses to post to an account that only the money path posts to, and to
// change the settings of one that it posts to.
type ControlAccountError struct{ Account AccountID }

// Error names the account.
func (e *ControlAccountError) Error() string {
	if !e.Account.Control() {
		return fmt.Sprintf("payments and invoices post to %.60q: it stays open and has no rule",
			string(e.Account))
	}
	return fmt.Sprintf("%.60q is a control account: payments and invoices post to it, nobody else",
		string(e.Account))
}

// A SameAccountError refuses a posting from an account to itself.
type SameAccountError struct{ Account AccountID }

// Error names the account.
func (e *SameAccountError) Error() string {
	return fmt.Sprintf("a posting cannot debit and credit the same account, %.60q", string(e.Account))
}

// An AmountError refuses a posting of nothing or less.
type AmountError struct{ Amount money.Amount }

// Error names the amount.
func (e *AmountError) Error() string {
	return fmt.Sprintf("the amount of a posting must be above zero: %s %s", e.Amount,
		e.Amount.Currency())
}

// A ClosedAccountError refuses to post to an account that was closed.
type ClosedAccountError struct {
	Account  AccountID
	Currency money.Currency
}

// Error names the account and its currency.
func (e *ClosedAccountError) Error() string {
	return fmt.Sprintf("the account %.60q is closed in %s", string(e.Account), e.Currency)
}

// A LimitError refuses a posting of a caller of the general ledger of more than MaxAmount. It is a
// money.ErrOverflow.
type LimitError struct{ Amount, Limit money.Amount }

// Error names both amounts.
func (e *LimitError) Error() string {
	c := e.Limit.Currency()
	return fmt.Sprintf("one posting moves %s %s at most, and %s were needed: post less at once",
		e.Limit, c, e.Amount)
}

// Unwrap returns money.ErrOverflow.
func (e *LimitError) Unwrap() error { return money.ErrOverflow }

// An OverflowError refuses a posting that would make the debits or credits of an account, with what
// is pending, more than an account can have. It is a money.ErrOverflow.
type OverflowError struct {
	Account   AccountID
	Credits   bool         // the credits would be too much, else the debits
	Needed    money.Amount // what was to be posted
	Available money.Amount // what still could be
}

// Error names the account, what it can have and what is left of it.
func (e *OverflowError) Error() string {
	side := map[bool]string{true: "credits", false: "debits"}[e.Credits]
	c := e.Available.Currency()
	return fmt.Sprintf("the %s of the account %.60q are at most %s %s in all, of which %s are left "+
		"and %s were needed: use another account", side, string(e.Account),
		money.New(math.MaxInt64, c), c, e.Available, e.Needed)
}

// Unwrap returns money.ErrOverflow.
func (e *OverflowError) Unwrap() error { return money.ErrOverflow }

// An OverdrawnError refuses a posting that would break the rule of an account.
type OverdrawnError struct {
	Account   AccountID
	Rule      Rule
	Needed    money.Amount // what was to be taken
	Available money.Amount // what could be; below zero for an account that is beyond its rule
}

// Error says how much was needed and how much there is.
func (e *OverdrawnError) Error() string {
	return fmt.Sprintf("the account %.60q has %s %s available and %s were needed",
		string(e.Account), e.Available, e.Available.Currency(), e.Needed)
}

// A RuleError refuses a text or a number that is not a rule.
type RuleError struct{ Rule string }

// Error lists the rules.
func (e *RuleError) Error() string {
	return fmt.Sprintf("%.40q is not a rule: use %s, %s or %s", e.Rule, NoRule,
		DebitsMustNotExceedCredits, CreditsMustNotExceedDebits)
}

// A HeldAmountsError refuses to post held amounts that are not one for each posting.
type HeldAmountsError struct{ Amounts, Postings int }

// Error says how many there should be.
func (e *HeldAmountsError) Error() string {
	return fmt.Sprintf("%d amounts were given for the %d postings that are held: give one for each, "+
		"or none to post all", e.Amounts, e.Postings)
}

// A HeldAmountError refuses to post more than is held, or less than nothing.
type HeldAmountError struct {
	Posting      int // which of the postings that are held, from 0
	Amount, Held money.Amount
}

// Error says how much is held.
func (e *HeldAmountError) Error() string {
	return fmt.Sprintf("%s %s cannot be posted of %s %s that are held", e.Amount,
		e.Amount.Currency(), e.Held, e.Held.Currency())
}
