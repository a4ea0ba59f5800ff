package ledger

import (
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// The functions of this file are called in the Decide of a command. Each writes one journal entry
// if it changes anything; an error of theirs must fail the command, which rolls back what it wrote.
// Their errors are refusals of the package comment, or failures of the store as they are.

// Record posts transactions of the money path, all or none, and keeps facts, in one journal entry
// of a kind. Control accounts are allowed. With neither transactions nor facts it writes nothing.
// The returned transactions are in the order given, and not to be changed.
func Record(
	tx *compaction.Tx, tenant, kind string, transactions []Transaction, facts []Fact,
) ([]Posted, error) {
	return postAll(tx, tenant, kind, MoneyPath, transactions, facts)
}

// Post posts transactions of a caller of the general ledger, all or none.
func Post(tx *compaction.Tx, tenant string, transactions ...Transaction) ([]Posted, error) {
	return postAll(tx, tenant, KindTransactions, Anyone, transactions, nil)
}

func postAll(
	tx *compaction.Tx, tenant, kind string, by Caller, transactions []Transaction, facts []Fact,
) ([]Posted, error) {
	postings, err := refuseMany(transactions)
	if err != nil {
		return nil, err
	}
	s, err := openSheet(tx, tenant, kind, len(transactions), postings)
	if err != nil {
		return nil, err
	}
	for i := range transactions {
		if err := s.post(&transactions[i], by); err != nil {
			return nil, err
		}
	}
	s.write(facts)
	return s.entry.Transactions, nil
}

// An Outcome is what became of one of several transactions: it was posted, or refused.
type Outcome struct {
	Posted  *Posted // nil if refused
	Refused error   // nil if posted
}

// PostEach posts transactions of a caller of the general ledger, each by itself, in their order:
// one that is refused changes nothing and does not stop the others. Those posted share a journal
// entry. The error is a *TooManyPostingsError for all of them together, or a failure that is no
// refusal; then none is posted.
func PostEach(tx *compaction.Tx, tenant string, transactions []Transaction) ([]Outcome, error) {
	postings, err := refuseMany(transactions)
	if err != nil {
		return nil, err
	}
	s, err := openSheet(tx, tenant, KindTransactions, len(transactions), postings)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(transactions))
	for i := range transactions {
		err := s.post(&transactions[i], Anyone)
		if s.failed != nil {
			return nil, s.failed
		}
		if err != nil {
			outcomes[i].Refused = err
			continue
		}
		// The entry has room for all, so its slice never moves.
		outcomes[i].Posted = &s.entry.Transactions[len(s.entry.Transactions)-1]
	}
	s.write(nil)
	return outcomes, nil
}

// Hold holds the amounts of a transaction of a caller of the general ledger until PostHeld,
// VoidHeld or expires; the zero time is never. Its id names what is held.
func Hold(
	tx *compaction.Tx, tenant string, t Transaction, expires time.Time,
) (Posted, error) {
	s, err := openSheet(tx, tenant, KindHeld, 1, len(t.Postings))
	if err != nil {
		return Posted{}, err
	}
	expires = instant(nanoseconds(expires)) // as it will be read back
	change, err := DecideHold(s, t, expires, Anyone, s.entry.At)
	if err != nil {
		return Posted{}, err
	}
	p := s.take(change, Posted{Phase: PhaseHeld, Metadata: t.Metadata, Reference: t.Reference})
	Holds.Put(tx, compaction.Key(tenant, p.ID), Held{
		Tenant: tenant, Transaction: p.ID, Postings: t.Postings, Reference: t.Reference,
		Created: s.entry.At, Expires: expires,
	})
	s.write(nil)
	return *p, nil
}

// PostHeld posts amounts that a transaction holds: one for each of its postings, or none given for
// all of them. What is not posted is let go. It fails as DecidePost does, and with ErrNotHeld.
func PostHeld(
	tx *compaction.Tx, tenant, transaction string, amounts ...money.Amount,
) (Posted, error) {
	return resolve(tx, tenant, transaction, KindHeldPosted, PhasePostedHeld,
		func(s *sheet, h Held) (Change, error) { return DecidePost(s, h, amounts, s.entry.At) })
}

// VoidHeld lets go the amounts that a transaction holds. It fails with ErrNotHeld.
func VoidHeld(tx *compaction.Tx, tenant, transaction string) (Posted, error) {
	return resolve(tx, tenant, transaction, KindHeldVoided, PhaseVoided,
		func(s *sheet, h Held) (Change, error) { return DecideVoid(s, h, s.entry.At) })
}

// expire lets go what is held too long.
func expire(tx *compaction.Tx, h Held) error {
	_, err := resolve(tx, h.Tenant, h.Transaction, KindHeldExpired, PhaseExpired,
		func(s *sheet, h Held) (Change, error) { return DecideVoid(s, h, s.entry.At) })
	return err
}

// resolve ends a hold.
func resolve(
	tx *compaction.Tx, tenant, transaction, kind string, phase Phase,
	decide func(*sheet, Held) (Change, error),
) (Posted, error) {
	h, ok, err := Holds.Get(tx, compaction.Key(tenant, transaction))
	if err != nil {
		return Posted{}, err
	}
	if !ok {
		return Posted{}, ErrNotHeld
	}
	s, err := openSheet(tx, tenant, kind, 1, len(h.Postings))
	if err != nil {
		return Posted{}, err
	}
	change, err := decide(s, h)
	if err != nil {
		return Posted{}, err
	}
	p := s.take(change, Posted{Phase: phase, Held: h.Transaction})
	Holds.Delete(tx, compaction.Key(tenant, transaction))
	s.write(nil)
	return *p, nil
}

// Configure sets the settings of an account in a currency, which need not exist yet. It refuses, in
// this order: *AccountIDError, *ControlAccountError, *money.CurrencyError, *RuleError, ErrSettings.
// Settings that the account has already are not written again.
func Configure(
	tx *compaction.Tx, tenant string, id AccountID, c money.Currency, settings Settings,
) (Account, error) {
	switch {
	case !id.valid():
		return Account{}, &AccountIDError{string(id)}
	case id.MoneyPath():
		return Account{}, &ControlAccountError{id}
	case c.IsZero():
		return Account{}, &money.CurrencyError{}
	}
	if err := settings.check(); err != nil {
		return Account{}, err
	}
	s, err := openSheet(tx, tenant, KindConfigured, 0, 0)
	if err != nil {
		return Account{}, err
	}
	a, found, err := s.Account(id, c)
	if err != nil {
		return Account{}, err
	}
	if !found {
		a = born(id, c, s.entry.At)
	} else if a.Settings() == settings {
		return a, nil
	}
	a.Rule, a.Ephemeral, a.Closed = settings.Rule, settings.Ephemeral, settings.Closed
	a.Version++
	stored, err := EncodeAccount(a)
	if err != nil {
		return Account{}, err
	}
	Accounts.Put(tx, AccountKey(tenant, id, c), a)
	s.write([]Fact{{Kind: KindConfigured, Subject: string(id), Record: stored,
		Message: string(accountMessage)}})
	return a, nil
}
