package ledger

import (
	"slices"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// A sheet is the books of one tenant within one command: the View of its decisions, over what the
// command has decided so far. Nothing is written before write.
type sheet struct {
	tx         *compaction.Tx
	head       Head
	entry      Entry
	accounts   map[accountKey]Account
	touched    []accountKey // the keys of accounts, in the order of their first change
	references map[string]string
	failed     error // the first failure to read: no refusal
}

// openSheet reads the head of the journal and begins its next entry.
func openSheet(tx *compaction.Tx, tenant, kind string) (*sheet, error) {
	head, _, err := Heads.Get(tx, HeadKey)
	if err != nil {
		return nil, err
	}
	return &sheet{
		tx: tx, head: head, accounts: map[accountKey]Account{},
		entry: Entry{Shard: tx.Shard(), Sequence: head.Sequence + 1, At: tx.Now(), Tenant: tenant,
			Kind: kind},
	}, nil
}

// Account is as View says.
func (s *sheet) Account(id AccountID, c money.Currency) (Account, bool, error) {
	if a, ok := s.accounts[accountKey{id, c}]; ok {
		return a, true, nil
	}
	a, ok, err := Accounts.Get(s.tx, AccountKey(s.entry.Tenant, id, c))
	if err != nil {
		s.failed = err
	}
	return a, ok, err
}

// Reference is as View says.
func (s *sheet) Reference(reference string) (string, bool, error) {
	if id, ok := s.references[reference]; ok {
		return id, true, nil
	}
	r, ok, err := References.Get(s.tx, compaction.Key(s.entry.Tenant, reference))
	if err != nil {
		s.failed = err
	}
	return r.Transaction, ok && r.Expires.After(s.entry.At), err
}

// post decides a transaction and, if it is not refused, takes it into the entry.
func (s *sheet) post(t *Transaction, by Caller) error {
	change, err := decide(s, t, PhasePosted, by, s.entry.At)
	if err != nil {
		return err
	}
	s.take(change, Posted{Phase: PhasePosted, Metadata: t.Metadata, Reference: t.Reference})
	return nil
}

// refuseMany refuses more postings than a command may have.
func refuseMany(transactions []Transaction) error {
	postings := 0
	for i := range transactions {
		postings += len(transactions[i].Postings)
	}
	if postings > MaxCommandPostings {
		return &TooManyPostingsError{postings, MaxCommandPostings}
	}
	return nil
}

// take adds what was decided to the books, under the next id.
func (s *sheet) take(change Change, p Posted) *Posted {
	e := &s.entry
	p.ID = TransactionID(e.Shard, e.Sequence, len(e.Transactions))
	p.At, p.Lines = e.At, change.Lines
	for i := range change.Accounts {
		a := &change.Accounts[i]
		key := accountKey{a.ID, a.Currency}
		if _, ok := s.accounts[key]; !ok {
			s.touched = append(s.touched, key)
		}
		s.accounts[key] = *a
	}
	if p.Reference != "" && p.Held == "" {
		if s.references == nil {
			s.references = map[string]string{}
		}
		s.references[p.Reference] = p.ID
	}
	e.Transactions = append(e.Transactions, p)
	return &e.Transactions[len(e.Transactions)-1]
}

// write writes the accounts, the references and the entry; nothing if nothing happened. Ephemeral
// accounts that are empty end here, after the last transaction: between two they are only at zero.
func (s *sheet) write(facts []Fact) {
	e := &s.entry
	if len(e.Transactions) == 0 && len(facts) == 0 {
		return
	}
	for _, key := range s.touched {
		a := s.accounts[key]
		if stored := AccountKey(e.Tenant, a.ID, a.Currency); a.ended() {
			e.Closed = append(e.Closed, ClosedAccount{a.ID, a.Currency})
			Accounts.Delete(s.tx, stored)
		} else {
			Accounts.Put(s.tx, stored, a)
		}
	}
	for _, t := range e.Transactions {
		if t.Reference != "" && t.Held == "" {
			References.Put(s.tx, compaction.Key(e.Tenant, t.Reference),
				Reference{t.ID, e.At.Add(ReferenceRetention)})
		}
	}
	e.Facts = slices.Clip(facts)
	chain(s.tx, s.head, e)
}
