package settlement

import (
	"errors"
	"fmt"

	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
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
	// ErrAttempt refuses another attempt while one is under way.
	ErrAttempt = errors.New("an attempt of the payment is under way")
	// ErrMethod refuses an offline payment by another method than cash, cheque and transfer.
	ErrMethod = errors.New("money that no gateway carries comes by cash, cheque or transfer")
	// ErrGateway refuses a payment that names no gateway.
	ErrGateway = errors.New("the payment names no gateway")
	// ErrRefunded refuses to refund what is left of a payment of which nothing is left.
	ErrRefunded = errors.New("nothing is left of the payment: all of it was given back, is being " +
		"given back or is disputed")
	// ErrMatched refuses to match what is matched already.
	ErrMatched = errors.New("it is matched already")
	// ErrMatch refuses to match an entry by hand whose amount differs: force it.
	ErrMatch = errors.New("the amounts differ: accept the difference to match them")
	// ErrReference refuses a statement entry without an id or with no amount.
	ErrReference = errors.New("an entry of a statement needs an id of the bank's and an amount that " +
		"is not zero")
	// ErrStale reports records that were settled again while they were read. Try again.
	ErrStale = errors.New("settlement: the records were settled again meanwhile")
)

// An UnderWayError refuses what must wait until a payment of the invoice has ended.
type UnderWayError struct {
	Payment string // its id; the first, where there are several
	Status  payments.State
}

// Error names the payment and says how it may be ended.
func (e *UnderWayError) Error() string {
	return fmt.Sprintf("the payment %s of the invoice is under way, it is %s: %s", e.Payment,
		e.Status, endings[e.Status])
}

// endings says how a payment that is under way may come to its end.
var endings = map[payments.State]string{
	payments.RequiresPaymentMethod: "confirm it with another method, or cancel it",
	payments.RequiresAction:        "have the customer complete it, or cancel it",
	payments.Processing:            "wait for its outcome, or cancel it",
	payments.RequiresCapture:       "capture it, or cancel it",
	payments.Conflicted:            "resolve it, or cancel it",
}

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
