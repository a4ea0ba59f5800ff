package settlement

import (
	"errors"
	"fmt"

	"github.com/quittance/quittance/ledger/money"
)

// Refusals without numbers. Their texts may be shown to who made the request.
var (
	// ErrNotFound reports an id that nothing of the tenant has.
	ErrNotFound = errors.New("there is nothing with this id")
	// ErrExists refuses an id that is taken.
	ErrExists = errors.New("there is a record with this id already")
	// ErrNotOpen refuses to pay an invoice that is not open.
	ErrNotOpen = errors.New("the invoice is not open")
	// ErrPaid refuses to void an invoice of which something was paid.
	ErrPaid = errors.New("something was paid of the invoice: refund it first")
	// ErrUnderWay refuses what must wait until payments of the invoice have ended.
	ErrUnderWay = errors.New("a payment of the invoice is under way")
	// ErrAttempt refuses another attempt while one is under way.
	ErrAttempt = errors.New("an attempt of the payment is under way")
	// ErrMethod refuses an offline payment by another method than cash, cheque and transfer.
	ErrMethod = errors.New("money that no gateway carries comes by cash, cheque or transfer")
	// ErrGateway refuses a payment that names no gateway.
	ErrGateway = errors.New("the payment names no gateway")
	// ErrMatched refuses to match what is matched already.
	ErrMatched = errors.New("it is matched already")
	// ErrMatch refuses to match an entry by hand whose amount differs: force it.
	ErrMatch = errors.New("the amounts differ: accept the difference to match them")
	// ErrReference refuses a statement entry without an id or with no amount.
	ErrReference = errors.New("an entry of a statement needs an id and an amount")
	// ErrStale reports records that were settled again while they were read. Try again.
	ErrStale = errors.New("settlement: the records were settled again meanwhile")
)

// A DueError refuses a payment of more than is due and not under way.
type DueError struct {
	Needed, Available money.Amount
}

// Error names both amounts.
func (e *DueError) Error() string {
	return fmt.Sprintf("the payment of %s is more than the %s %s that is due and not under way",
		e.Needed, e.Available, e.Available.Currency())
}

// A CreditNoteError refuses a refund that names a credit note which the payment's invoice does not
// have.
type CreditNoteError struct {
	Payment string // the payment's id
}

// Error says what is not there.
func (e *CreditNoteError) Error() string {
	return "the invoice of the payment has no such credit note"
}

// A SettledError reports an id whose record is no longer open. Engine brings it back; it is never a
// refusal to be remembered.
type SettledError struct {
	ID string
}

// Error says that it is settled.
func (e *SettledError) Error() string { return "it is settled" }

// A LineError refuses a payout line that the books cannot take now.
type LineError struct {
	Line string // the line's id
	Code string // "unknown_payment", "unknown_refund"
}

// Error names the line and the reason.
func (e *LineError) Error() string {
	return fmt.Sprintf("the payout line %s cannot be settled: %s", e.Line, e.Code)
}
