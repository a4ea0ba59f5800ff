package settlement

import (
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// Offline is the gateway of payments that no gateway carries.
const Offline = "offline"

// How long money may take until it counts as missing.
const (
	gatewayDeadline = 10 * 24 * time.Hour
	offlineDeadline = 14 * 24 * time.Hour
	payoutDeadline  = 5 * 24 * time.Hour
)

// A NewPayment says what a payment is to be.
type NewPayment struct {
	ID            string // "pay_…", the caller's
	Invoice       string
	Gateway       string       // the gateway's name, or Offline
	Method        string       // a gateway's token; offline "cash", "cheque" or "transfer"
	Reference     string       // what a person wrote; how a statement's entry may name it
	Amount        money.Amount // the zero Amount is all that is due and not under way
	CaptureManual bool         // only authorise: see CapturePayment
	ReturnURL     string       // where the customer is sent after an action
	Expires       time.Time    // when it is given up without money; zero is never
}

// CreatePayment makes a payment of an open invoice. At a gateway it wants the first attempt, whose
// outcome comes by ApplyPayment; offline it succeeds at once: undeposited → receivable.
//
// Refusals: ErrGateway, ErrMethod, ErrExists, ErrNotFound, ErrNotOpen, *UnderWayError where
// payments under way would bring all that is due, *DueError, payments.ErrAmount,
// *money.MismatchError.
func CreatePayment(tx *compaction.Tx, tenant string, n NewPayment) (payments.Payment, error) {
	p, inv, err := newPayment(tx, tenant, n)
	if err != nil {
		return p, err
	}
	if p.Gateway != Offline {
		e, err := p.CreateEffect(n.ReturnURL)
		if err != nil {
			return p, err
		}
		return ask(tx, p, e)
	}
	c := begin(tx, tenant, "payment.announce")
	p, _, err = p.Apply(payments.Fact{Gateway: Offline, GatewayID: p.ID,
		State: payments.Succeeded, Amount: p.Amount, Received: p.Amount, Succeeded: tx.Now(),
		Observed: tx.Now()}, tx.Now())
	if err != nil {
		return p, err
	}
	if err := c.took(p, inv, p.Amount); err != nil {
		return p, err
	}
	payments.Payments.Put(tx, compaction.Key(tenant, p.ID), p)
	return p, c.write()
}

// newPayment checks what is asked for and returns the payment, and its invoice.
func newPayment(tx *compaction.Tx, tenant string, n NewPayment) (
	payments.Payment, quoting.Invoice, error) {
	var none payments.Payment
	switch {
	case n.Gateway == "":
		return none, quoting.Invoice{}, ErrGateway
	case n.Gateway == Offline && n.Method != "cash" && n.Method != "cheque" &&
		n.Method != "transfer":
		return none, quoting.Invoice{}, ErrMethod
	}
	if err := fresh(tx, payments.Payments, tenant, n.ID); err != nil {
		return none, quoting.Invoice{}, err
	}
	inv, err := openInvoice(tx, tenant, n.Invoice)
	if err != nil {
		return none, inv, err
	}
	left, others, err := available(tx, inv)
	switch {
	case err != nil:
		return none, inv, err
	case left.Sign() == 0 && len(others) > 0:
		return none, inv, underWay(others[0])
	}
	amount := n.Amount
	if amount == (money.Amount{}) {
		amount = left
	}
	over, err := amount.Cmp(left)
	if err != nil {
		return none, inv, err
	}
	if over > 0 || left.Sign() <= 0 {
		return none, inv, &DueError{Needed: amount, Available: left}
	}
	p, err := payments.New(payments.Payment{ID: n.ID, Tenant: tenant, Invoice: inv.ID,
		Customer: inv.Customer, Amount: amount, CaptureManual: n.CaptureManual,
		Gateway: n.Gateway, Method: n.Method, Reference: n.Reference, Expires: n.Expires},
		tx.Now())
	return p, inv, err
}

// Available returns what may still be paid of an invoice: what is due less what payments under way
// would bring. It is never below zero.
func Available(s compaction.State, inv quoting.Invoice) (money.Amount, error) {
	left, _, err := available(s, inv)
	return left, err
}

// available is Available, and the payments that are under way.
func available(s compaction.State, inv quoting.Invoice) (
	left money.Amount, others []payments.Payment, err error) {
	left = inv.AmountDue()
	made, err := all(s, payments.Payments, "invoice", inv.Tenant, inv.ID)
	if err != nil {
		return left, nil, err
	}
	for _, p := range made {
		if !p.State.Open() && p.State != payments.Conflicted || p.AmountReceived.Sign() > 0 {
			continue
		}
		if left, err = left.Sub(p.Amount); err != nil {
			return left, nil, err
		}
		others = append(others, p)
	}
	if left.Sign() < 0 {
		left = money.New(0, left.Currency())
	}
	return left, others, nil
}

func underWay(p payments.Payment) error { return &UnderWayError{p.ID, p.Status()} }

// RetryPayment wants another attempt of a payment whose last one was declined, with another method
// or, if that is empty, the same. Refusals: ErrNotFound, ErrAttempt, *payments.MoveError.
func RetryPayment(tx *compaction.Tx, tenant, payment, method, returnURL string) (
	payments.Payment, error) {
	p, err := openPayment(tx, tenant, payment)
	if err != nil {
		return p, err
	}
	if p.State != payments.RequiresPaymentMethod {
		return p, &payments.MoveError{Subject: "payment", From: p.State.String(), On: "process"}
	}
	if method != "" {
		p.Method = method
	}
	e, err := p.CreateEffect(returnURL)
	if err != nil {
		return p, err
	}
	_, waiting, err := compaction.Outbox.Get(tx, compaction.Key(tenant, e.ID))
	if err != nil {
		return p, err
	}
	if waiting {
		return p, ErrAttempt
	}
	return ask(tx, p, e)
}

// ask wants the next attempt of a payment: its status is processing from now on.
func ask(tx *compaction.Tx, p payments.Payment, e compaction.Effect) (payments.Payment, error) {
	p = p.Ask(tx.Now())
	payments.Payments.Put(tx, compaction.Key(p.Tenant, p.ID), p)
	return p, compaction.Emit(tx, e)
}

// CapturePayment wants an authorised payment captured: the amount, or all of it for the zero
// Amount. Refusals: ErrNotFound, *payments.MoveError, *DueError, payments.ErrAmount.
func CapturePayment(tx *compaction.Tx, tenant, payment string, amount money.Amount) (
	payments.Payment, error) {
	p, err := openPayment(tx, tenant, payment)
	if err != nil {
		return p, err
	}
	if p.State != payments.RequiresCapture {
		return p, &payments.MoveError{Subject: "payment", From: p.State.String(), On: "capture"}
	}
	if amount == (money.Amount{}) {
		amount = p.Amount
	}
	over, err := amount.Cmp(p.Amount)
	switch {
	case err != nil:
		return p, err
	case amount.Sign() <= 0:
		return p, payments.ErrAmount
	case over > 0:
		return p, &DueError{Needed: amount, Available: p.Amount}
	}
	p.CaptureAmount, p.Updated = amount, tx.Now()
	payments.Payments.Put(tx, compaction.Key(tenant, p.ID), p)
	e, err := p.CaptureEffect(amount)
	if err != nil {
		return p, err
	}
	return p, compaction.Emit(tx, e)
}

// CancelPayment cancels a payment that holds no money: at once when no attempt has begun, else by
// asking the gateway, whose answer comes by ApplyPayment. Refusals: ErrNotFound,
// *payments.MoveError.
func CancelPayment(tx *compaction.Tx, tenant, payment string) (payments.Payment, error) {
	p, err := openPayment(tx, tenant, payment)
	if err != nil {
		return p, err
	}
	if p.Attempts > 0 {
		if _, err := p.State.Next(payments.Cancel); err != nil {
			return p, err
		}
		e, err := p.CancelEffect()
		if err != nil {
			return p, err
		}
		return p, compaction.Emit(tx, e)
	}
	if p, err = p.Move(payments.Cancel, tx.Now()); err != nil {
		return p, err
	}
	c := begin(tx, tenant, "payment.cancel")
	payments.Payments.Put(tx, c.key(p.ID), p)
	if err := c.endPayment(p, "payment.canceled"); err != nil {
		return p, err
	}
	return p, c.write()
}

// moneyAt returns the account that has the payment's money until the bank shows it.
func moneyAt(p payments.Payment) ledger.AccountID {
	if p.Gateway == Offline {
		return Undeposited(p.Method)
	}
	return Clearing(p.Gateway)
}
