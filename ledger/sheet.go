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
	places     places
	slots      []slot // by place
	recent     []int  // the places of the accounts that the decision under way has read, in order
	working    working
	references map[string]string
	failed     error // the first failure to read: no refusal
}

// A slot is an account as the command has it.
type slot struct {
	account        Account
	key            string // of its record
	found, changed bool
}

// openSheet reads the head of the journal and begins its next entry, with room for so many
// transactions and postings.
func openSheet(
	tx *compaction.Tx, tenant, kind string, transactions, postings int,
) (*sheet, error) {
	head, _, err := Heads.Get(tx, HeadKey)
	if err != nil {
		return nil, err
	}
	s := &sheet{
		tx: tx, head: head, slots: make([]slot, 0, 2*postings),
		recent: make([]int, 0, 2*min(postings, few)),
		entry: Entry{Shard: tx.Shard(), Sequence: head.Sequence + 1, At: tx.Now(), Tenant: tenant,
			Kind: kind, Transactions: make([]Posted, 0, transactions)},
	}
	s.places.keys = make([]accountKey, 0, 2*postings)
	s.working.room = make([]Line, 0, postings)
	return s, nil
}

// Account is as View says.
func (s *sheet) Account(id AccountID, c money.Currency) (Account, bool, error) {
	i, ok := s.places.find(id, c)
	if !ok {
		key := AccountKey(s.entry.Tenant, id, c)
		a, found, err := Accounts.Get(s.tx, key)
		if err != nil {
			s.failed = err
			return Account{}, false, err
		}
		i = s.places.add(id, c)
		s.slots = append(s.slots, slot{account: a, key: key, found: found})
	}
	s.recent = append(s.recent, i)
	return s.slots[i].account, s.slots[i].found, nil
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
	s.recent = s.recent[:0]
	change, err := s.working.decide(s, t, PhasePosted, by, s.entry.At)
	if err != nil {
		return err
	}
	s.working.room = s.working.room[:len(s.working.room)+len(change.Lines)]
	s.take(change, Posted{Phase: PhasePosted, Metadata: t.Metadata, Reference: t.Reference})
	return nil
}

// refuseMany counts postings, and refuses more than a command may have.
func refuseMany(transactions []Transaction) (postings int, err error) {
	for i := range transactions {
		postings += len(transactions[i].Postings)
	}
	if postings > MaxCommandPostings {
		return 0, &TooManyPostingsError{postings, MaxCommandPostings}
	}
	return postings, nil
}

// take adds what was decided to the books, under the next id. A decision reads each account that it
// changes once and in the order of the change, so recent has their places.
func (s *sheet) take(change Change, p Posted) *Posted {
	e := &s.entry
	p.ID = TransactionID(e.Shard, e.Sequence, len(e.Transactions))
	p.At, p.Lines = e.At, slices.Clip(change.Lines)
	for i, place := range s.recent {
		at := &s.slots[place]
		at.account, at.found, at.changed = change.Accounts[i], true, true
	}
	if p.Reference != "" {
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
	for i := range s.slots {
		switch at := &s.slots[i]; {
		case !at.changed:
		case at.account.ended():
			e.Closed = append(e.Closed, ClosedAccount{at.account.ID, at.account.Currency})
			Accounts.Delete(s.tx, at.key)
		default:
			Accounts.Put(s.tx, at.key, at.account)
		}
	}
	for i := range e.Transactions {
		if t := &e.Transactions[i]; t.Reference != "" {
			References.Put(s.tx, compaction.Key(e.Tenant, t.Reference),
				Reference{t.ID, e.At.Add(ReferenceRetention)})
		}
	}
	e.Facts = slices.Clip(facts)
	chain(s.tx, s.head, e)
}
