package ledger

import (
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A Held is a transaction whose amounts are held: pending on their accounts until they are posted,
// in full or in part, voided, or expire. It is resolved once.
type Held struct {
	Tenant      string
	Transaction string // the id of the transaction that holds them
	Postings    []Posting
	Reference   string
	Created     time.Time
	Expires     time.Time // when they are let go by themselves; zero is never
}

// DecideHold returns what a transaction changes when its amounts are held until expires (zero is
// for ever) instead of posted. It refuses as Decide does, and before all else, with ErrExpiry, a
// time that does not lie ahead.
func DecideHold(v View, t Transaction, expires time.Time, by Caller, at time.Time) (Change, error) {
	if !expires.IsZero() && !expires.After(at) {
		return Change{}, ErrExpiry
	}
	return new(working).decide(v, &t, PhaseHeld, by, at)
}

// DecidePost returns what changes when held amounts are posted: amounts is one for each posting,
// from nothing to what is held, or empty for all. What is not posted is let go. It refuses, in this
// order, with ErrNotHeld after the amounts expired; *HeldAmountsError; for the first amount that
// gives cause, *money.MismatchError and *HeldAmountError; ErrNothingPosted; *ClosedAccountError.
func DecidePost(v View, h Held, amounts []money.Amount, at time.Time) (Change, error) {
	if !h.Expires.IsZero() && !h.Expires.After(at) {
		return Change{}, ErrNotHeld
	}
	if err := h.check(amounts); err != nil {
		return Change{}, err
	}
	w := new(working)
	w.begin(v, len(h.Postings), at)
	for i, p := range h.Postings {
		held := p.Amount
		if len(amounts) > 0 {
			p.Amount = amounts[i]
		}
		debit, credit, err := w.pair(&p)
		if err != nil {
			return Change{}, err
		}
		d, c := &w.change.Accounts[debit], &w.change.Accounts[credit]
		if d.Closed {
			return Change{}, &ClosedAccountError{d.ID, d.Currency}
		}
		if c.Closed {
			return Change{}, &ClosedAccountError{c.ID, c.Currency}
		}
		w.release(d, c, held)
		// It fits and breaks no rule: it was counted while it was held.
		d.Posted.Debits += p.Amount.Minor()
		c.Posted.Credits += p.Amount.Minor()
		w.line(debit, credit, p, held)
	}
	return w.change, nil
}

// DecideVoid returns what changes when held amounts are let go. It refuses nothing: the only errors
// are those of v.
func DecideVoid(v View, h Held, at time.Time) (Change, error) {
	w := new(working)
	w.begin(v, len(h.Postings), at)
	for _, p := range h.Postings {
		debit, credit, err := w.pair(&p)
		if err != nil {
			return Change{}, err
		}
		held := p.Amount
		p.Amount = money.New(0, held.Currency())
		w.release(&w.change.Accounts[debit], &w.change.Accounts[credit], held)
		w.line(debit, credit, p, held)
	}
	return w.change, nil
}

// release takes a held amount from what is pending.
func (w *working) release(debit, credit *Account, held money.Amount) {
	debit.Pending.Debits -= held.Minor()
	credit.Pending.Credits -= held.Minor()
}

// check refuses amounts that do not go with what is held.
func (h *Held) check(amounts []money.Amount) error {
	if len(amounts) == 0 {
		return nil
	}
	if len(amounts) != len(h.Postings) {
		return &HeldAmountsError{len(amounts), len(h.Postings)}
	}
	nothing := true
	for i, a := range amounts {
		held := h.Postings[i].Amount
		above, err := a.Cmp(held)
		if err != nil {
			return err
		}
		if above > 0 || a.Sign() < 0 {
			return &HeldAmountError{i, a, held}
		}
		nothing = nothing && a.IsZero()
	}
	if nothing {
		return ErrNothingPosted
	}
	return nil
}
