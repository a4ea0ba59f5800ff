package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// A Fold makes the books of one shard anew from its journal, and checks every entry as it goes. It
// reads the stored bytes alone and shares no code with the posting of transactions but the decoding
// of entries. It is not for several goroutines.
//
//	NewFold → Add, Add, Add … → Compare with the accounts as they are
type Fold struct {
	shard    int
	head     Head
	at       time.Time
	accounts map[foldKey]*folded
	postings int
}

type foldKey struct {
	tenant   string
	id       AccountID
	currency money.Currency
}

// folded are the sums of an account since it came into being.
type folded struct{ posted, pending Sums }

// NewFold returns the fold of an empty journal.
func NewFold(shard int) *Fold {
	return &Fold{shard: shard, accounts: map[foldKey]*folded{}}
}

// Head returns the number and hash of the last entry added.
func (f *Fold) Head() Head { return f.head }

// Postings returns how many postings were added.
func (f *Fold) Postings() int { return f.postings }

// Add adds the next entry, by its stored bytes. It fails, naming the entry, if the entry does not
// decode, does not continue the chain, moves nothing or less than nothing, lets go more than is
// held, states another balance than the fold has, or ends an account that is not empty. The fold
// can go on after an error: what could be added was.
func (f *Fold) Add(stored []byte) error {
	e, err := DecodeEntry(stored)
	if err != nil {
		return fmt.Errorf("ledger: the entry after %d of shard %d: %w", f.head.Sequence, f.shard, err)
	}
	errs := []error{f.chained(&e)}
	f.head, f.at = Head{e.Sequence, sha256.Sum256(stored)}, e.At
	for i := range e.Transactions {
		if err := f.transaction(e.Tenant, &e.Transactions[i]); err != nil {
			errs = append(errs, fmt.Errorf("transaction %s: %w", e.Transactions[i].ID, err))
		}
	}
	for _, c := range e.Closed {
		key := foldKey{e.Tenant, c.Account, c.Currency}
		a := f.accounts[key]
		if a == nil || a.posted.Debits != a.posted.Credits || a.pending != (Sums{}) {
			errs = append(errs, fmt.Errorf("account %s of %s ended, and is not empty", c.Account,
				e.Tenant))
		}
		delete(f.accounts, key)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("ledger: journal entry %d of shard %d: %w", e.Sequence, f.shard, err)
	}
	return nil
}

// chained checks that an entry follows the one before.
func (f *Fold) chained(e *Entry) error {
	switch {
	case e.Shard != f.shard:
		return fmt.Errorf("it says that it is of shard %d", e.Shard)
	case e.Sequence != f.head.Sequence+1:
		return fmt.Errorf("it follows entry %d", f.head.Sequence)
	case e.PreviousHash != f.head.Hash:
		return errors.New("it does not continue the hash chain: an entry was changed")
	case e.At.Before(f.at):
		return errors.New("it is older than the entry before")
	case e.Tenant == "" || e.Kind == "":
		return errors.New("it names no tenant or no kind")
	case len(e.Transactions) == 0 && len(e.Facts) == 0:
		return errors.New("it says nothing")
	}
	return nil
}

// transaction adds a transaction and checks it.
func (f *Fold) transaction(tenant string, t *Posted) error {
	if len(t.Lines) == 0 {
		return errors.New("it has no postings")
	}
	var errs []error
	for i := range t.Lines {
		errs = append(errs, f.line(tenant, t.Phase, &t.Lines[i]))
	}
	return errors.Join(errs...)
}

// line adds a posting: the same amounts on both of its sides, so that the books stay in balance.
func (f *Fold) line(tenant string, phase Phase, l *Line) error {
	if !l.Debit.valid() || !l.Credit.valid() || l.Debit == l.Credit || l.Amount.Currency().IsZero() {
		return errors.New("a posting has no two accounts or no currency")
	}
	f.postings++
	amount, released := l.Amount.Minor(), l.Released.Minor()
	posted, pending, err := phase.effect(amount, released)
	if err != nil {
		return err
	}
	d := f.account(tenant, l.Debit, l.Amount.Currency())
	c := f.account(tenant, l.Credit, l.Amount.Currency())
	d.posted.Debits += posted
	c.posted.Credits += posted
	d.pending.Debits += pending
	c.pending.Credits += pending
	switch {
	case min(d.posted.Debits, d.pending.Debits, c.posted.Credits, c.pending.Credits) < 0:
		return fmt.Errorf("a sum of %s or %s is below zero", l.Debit, l.Credit)
	case d.posted.Debits-d.posted.Credits != l.DebitBalance.Minor():
		return fmt.Errorf("%s is stated to be at %s afterwards, and is not", l.Debit, l.DebitBalance)
	case c.posted.Debits-c.posted.Credits != l.CreditBalance.Minor():
		return fmt.Errorf("%s is stated to be at %s afterwards, and is not", l.Credit, l.CreditBalance)
	}
	return nil
}

// effect returns what a posting of a phase adds to what is posted and to what is pending. It fails
// on amounts that the phase cannot have.
func (p Phase) effect(amount, released int64) (posted, pending int64, err error) {
	ok := false
	switch p {
	case PhasePosted:
		posted, pending, ok = amount, 0, amount > 0 && released == 0
	case PhaseHeld:
		posted, pending, ok = 0, amount, amount > 0 && released == 0
	case PhasePostedHeld:
		posted, pending, ok = amount, -released, amount >= 0 && amount <= released && released > 0
	case PhaseVoided, PhaseExpired:
		posted, pending, ok = 0, -released, amount == 0 && released > 0
	}
	if !ok {
		return 0, 0, fmt.Errorf("a posting (%s) has the amount %d and releases %d", p, amount, released)
	}
	return posted, pending, nil
}

func (f *Fold) account(tenant string, id AccountID, c money.Currency) *folded {
	key := foldKey{tenant, id, c}
	a := f.accounts[key]
	if a == nil {
		a = &folded{}
		f.accounts[key] = a
	}
	return a
}
