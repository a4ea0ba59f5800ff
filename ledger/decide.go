package ledger

import (
	"math"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A Caller says on whose behalf a transaction is decided.
type Caller uint8

// The callers: Anyone may not post to control accounts, nor more than MaxAmount at once. MoneyPath
// is the program itself, which posts what happened to payments and invoices, whatever an account's
// settings are.
const (
	Anyone Caller = iota
	MoneyPath
)

// A View is what a decision reads: the accounts and references of one tenant. Its errors are passed
// on as they are; they are no refusals.
type View interface {
	// Account returns an account, and whether there is one.
	Account(AccountID, money.Currency) (Account, bool, error)
	// Reference returns the id of the transaction that has a reference, and whether one has.
	Reference(string) (transaction string, found bool, err error)
}

// A Change is what a transaction does to the accounts: the accounts as they are after it, each
// once, in the order of their first posting; and its postings as they stand in the books.
type Change struct {
	Accounts []Account
	Lines    []Line
}

// Decide returns what a transaction changes when it is posted at a time, or the first reason, in
// the order of the package comment, not to post it. It is pure: it only reads, and through v alone.
func Decide(v View, t Transaction, by Caller, at time.Time) (Change, error) {
	return new(working).decide(v, &t, PhasePosted, by, at)
}

// decide is Decide and DecideHold. The accounts of the change are good until w is used again.
func (w *working) decide(
	v View, t *Transaction, phase Phase, by Caller, at time.Time,
) (Change, error) {
	if err := refuse(v, t, by); err != nil {
		return Change{}, err
	}
	w.begin(v, len(t.Postings), at)
	for i := range t.Postings {
		p := &t.Postings[i]
		debit, credit, err := w.pair(p)
		if err != nil {
			return Change{}, err
		}
		if err := w.move(debit, credit, p, phase, by); err != nil {
			return Change{}, err
		}
		w.line(debit, credit, *p, money.New(0, p.Amount.Currency()))
	}
	return w.change, nil
}

// refuse looks at everything but the accounts, from the cheapest to undo a mistake to the dearest:
// whether the command was given before, then its form.
func refuse(v View, t *Transaction, by Caller) error {
	if t.Reference != "" {
		if err := checkReference(t.Reference); err != nil {
			return err
		}
		id, found, err := v.Reference(t.Reference)
		if err != nil {
			return err
		}
		if found {
			return &DuplicateReferenceError{t.Reference, id}
		}
	}
	if len(t.Postings) == 0 {
		return ErrNoPostings
	}
	if len(t.Postings) > MaxPostings {
		return &TooManyPostingsError{len(t.Postings), MaxPostings}
	}
	if err := checkMetadata(t.Metadata); err != nil {
		return err
	}
	for i := range t.Postings {
		if err := t.Postings[i].check(by); err != nil {
			return err
		}
	}
	return nil
}

// working holds the accounts that one transaction touches.
type working struct {
	v      View
	at     time.Time
	change Change
	places places // of the accounts in change
	room   []Line // for lines of several transactions, made at once
}

// begin readies w for a transaction.
func (w *working) begin(v View, postings int, at time.Time) {
	w.v, w.at = v, at
	w.places.reset()
	if w.change.Accounts == nil {
		w.change.Accounts = make([]Account, 0, min(2*postings, postings+few))
	}
	if cap(w.room)-len(w.room) < postings {
		w.room = make([]Line, 0, postings)
	}
	w.change.Accounts = w.change.Accounts[:0]
	w.change.Lines = w.room[len(w.room):len(w.room):cap(w.room)]
}

// pair returns the places of a posting's accounts.
func (w *working) pair(p *Posting) (debit, credit int, err error) {
	if debit, err = w.place(p.Debit, p.Amount.Currency()); err != nil {
		return 0, 0, err
	}
	credit, err = w.place(p.Credit, p.Amount.Currency())
	return debit, credit, err
}

// place returns where in the change an account is, reading it at its first use.
func (w *working) place(id AccountID, c money.Currency) (int, error) {
	if i, ok := w.places.find(id, c); ok {
		return i, nil
	}
	a, found, err := w.v.Account(id, c)
	if err != nil {
		return 0, err
	}
	if !found {
		a = born(id, c, w.at)
	}
	a.Version++
	w.change.Accounts = append(w.change.Accounts, a)
	return w.places.add(id, c), nil
}

// move refuses a posting for what its accounts are, or changes them.
func (w *working) move(debit, credit int, p *Posting, phase Phase, by Caller) error {
	d, c := &w.change.Accounts[debit], &w.change.Accounts[credit]
	amount := p.Amount.Minor()
	switch {
	case d.Closed && by != MoneyPath:
		return &ClosedAccountError{d.ID, d.Currency}
	case c.Closed && by != MoneyPath:
		return &ClosedAccountError{c.ID, c.Currency}
	case amount > room(d.Posted.Debits, d.Pending.Debits):
		return overflow(d, false, amount, room(d.Posted.Debits, d.Pending.Debits))
	case amount > room(c.Posted.Credits, c.Pending.Credits):
		return overflow(c, true, amount, room(c.Posted.Credits, c.Pending.Credits))
	}
	if by != MoneyPath {
		if err := d.refuseDebit(amount); err != nil {
			return err
		}
		if err := c.refuseCredit(amount); err != nil {
			return err
		}
	}
	if phase == PhaseHeld {
		d.Pending.Debits += amount
		c.Pending.Credits += amount
	} else {
		d.Posted.Debits += amount
		c.Posted.Credits += amount
	}
	return nil
}

// room returns what can be added to what is posted and pending on a side without leaving 64 bits,
// now or when what is pending is posted.
func room(posted, pending int64) int64 { return math.MaxInt64 - posted - pending }

func overflow(a *Account, credits bool, needed, available int64) error {
	return &OverflowError{a.ID, credits, money.New(needed, a.Currency),
		money.New(available, a.Currency)}
}

// refuseDebit refuses a debit that would break the account's rule.
func (a *Account) refuseDebit(amount int64) error {
	if a.Rule != DebitsMustNotExceedCredits {
		return nil
	}
	return a.overdrawn(amount, a.Posted.Credits-a.Posted.Debits-a.Pending.Debits)
}

// refuseCredit refuses a credit that would break the account's rule.
func (a *Account) refuseCredit(amount int64) error {
	if a.Rule != CreditsMustNotExceedDebits {
		return nil
	}
	return a.overdrawn(amount, a.Posted.Debits-a.Posted.Credits-a.Pending.Credits)
}

func (a *Account) overdrawn(needed, available int64) error {
	if needed <= available {
		return nil
	}
	return &OverdrawnError{a.ID, a.Rule, money.New(needed, a.Currency),
		money.New(available, a.Currency)}
}

// line adds a posting as it stands after it was applied.
func (w *working) line(debit, credit int, p Posting, released money.Amount) {
	w.change.Lines = append(w.change.Lines, Line{
		Posting: p, Released: released,
		DebitBalance:  w.change.Accounts[debit].Balance(),
		CreditBalance: w.change.Accounts[credit].Balance(),
	})
}
