package ledger

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// The history store has a family "account", made from the journal alone:
//
//	tenant/account/currency/<sequence, 12 digits>-<posting in the entry, 4 digits> → Movement
const accountFamily = "account"

// A Movement is a posting as one of its accounts sees it.
type Movement struct {
	Transaction string
	At          time.Time
	Credit      bool // the account was credited, not debited
	Phase       Phase
	Amount      money.Amount // posted or held
	Released    money.Amount // what was held and no longer is
	Balance     money.Amount // posted debits less posted credits, after the movement
	Counterpart AccountID    // the account on the other side
}

// History returns a page of an account's movements in one currency, oldest first, or newest first
// if the page is reversed. It is level with everything that was committed before the call. The
// page's prefix is not used. Errors are those of Shards.History.
func History(
	ctx context.Context, s *compaction.Shards, tenant string, id AccountID, c money.Currency,
	p compaction.Page,
) ([]compaction.Row[Movement], error) {
	p.Prefix = AccountKey(tenant, id, c) + "/"
	found, err := s.History(ctx, tenant, accountFamily, p)
	if err != nil {
		return nil, err
	}
	rows := make([]compaction.Row[Movement], 0, len(found))
	for _, r := range found {
		m, err := decodeMovement(r.Value, c)
		if err != nil {
			return nil, err
		}
		rows = append(rows, compaction.Row[Movement]{Key: r.Key, Cursor: r.Cursor, Value: m})
	}
	return rows, nil
}

// Recall returns the journal entry of a tenant with a sequence number, such as a Pointer has.
// Errors are compaction.ErrNoEntry, also for an entry of another tenant, and those of Shards.Entry.
func Recall(
	ctx context.Context, s *compaction.Shards, tenant string, sequence uint64,
) (Entry, error) {
	stored, err := s.Entry(ctx, tenant, Journal, sequence)
	if err != nil {
		return Entry{}, err
	}
	e, err := DecodeEntry(stored.Value)
	if err != nil {
		return Entry{}, err
	}
	if e.Tenant != tenant {
		return Entry{}, compaction.ErrNoEntry
	}
	return e, nil
}

// Find returns a transaction of a tenant by its id. Errors are ErrNoTransaction and those of
// Shards.Entry.
func Find(
	ctx context.Context, s *compaction.Shards, tenant, id string,
) (Posted, error) {
	_, sequence, index, err := ParseTransactionID(id)
	if err != nil {
		return Posted{}, err
	}
	e, err := Recall(ctx, s, tenant, sequence)
	if errors.Is(err, compaction.ErrNoEntry) {
		return Posted{}, ErrNoTransaction
	}
	if err != nil {
		return Posted{}, err
	}
	if index >= len(e.Transactions) || e.Transactions[index].ID != id { // the id of another shard
		return Posted{}, ErrNoTransaction
	}
	return e.Transactions[index], nil
}

// project makes the history rows of a journal entry: one for each side of each posting, then one
// for each fact.
func project(stored compaction.Entry) ([]compaction.Projection, error) {
	e, err := DecodeEntry(stored.Value)
	if err != nil {
		return nil, err
	}
	postings := 0
	for i := range e.Transactions {
		postings += len(e.Transactions[i].Lines)
	}
	rows := make([]compaction.Projection, 0, 2*postings)
	for i := range e.Transactions {
		t := &e.Transactions[i]
		for j := range t.Lines {
			l, place := &t.Lines[j], len(rows)/2
			rows = append(rows,
				compaction.Projection{
					Family: accountFamily, Key: movementKey(&e, l.Debit, l.Amount.Currency(), place),
					Value: encodeMovement(t, l, false),
				},
				compaction.Projection{
					Family: accountFamily, Key: movementKey(&e, l.Credit, l.Amount.Currency(), place),
					Value: encodeMovement(t, l, true),
				})
		}
	}
	return e.factRows(rows), nil
}

func movementKey(e *Entry, id AccountID, c money.Currency, place int) string {
	b := make([]byte, 0, len(e.Tenant)+len(id)+24)
	b = append(append(b, e.Tenant...), '/')
	b = append(append(b, id...), '/')
	b = append(append(b, c.String()...), '/')
	b = appendPadded(b, e.Sequence, 12)
	return string(appendPadded(append(b, '-'), uint64(place), 4))
}

// appendPadded appends n with at least so many digits.
func appendPadded(b []byte, n uint64, digits int) []byte {
	for rest := n / 10; digits > 1 && rest > 0; rest /= 10 {
		digits--
	}
	for ; digits > 1; digits-- {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, n, 10)
}

func encodeMovement(t *Posted, l *Line, credit bool) []byte {
	balance, counterpart := l.DebitBalance, l.Credit
	if credit {
		balance, counterpart = l.CreditBalance, l.Debit
	}
	b := make([]byte, 0, 64+len(counterpart))
	b = putText(b, 1, t.ID)
	b = putInt(b, 2, uint64(nanoseconds(t.At)))
	b = putBool(b, 3, credit)
	b = putInt(b, 4, uint64(t.Phase))
	b = putInt(b, 5, uint64(l.Amount.Minor()))
	b = putInt(b, 6, uint64(l.Released.Minor()))
	b = putSigned(b, 7, balance.Minor())
	return putText(b, 8, string(counterpart))
}

func decodeMovement(b []byte, c money.Currency) (Movement, error) {
	m := Movement{Amount: money.New(0, c), Released: money.New(0, c), Balance: money.New(0, c)}
	var f field
	for len(b) > 0 {
		var err error
		if b, err = next(b, &f); err != nil {
			return Movement{}, err
		}
		switch {
		case f.holds(1):
			m.Transaction = string(f.b)
		case f.is(2):
			m.At = instant(int64(f.n))
		case f.is(3):
			m.Credit = f.n != 0
		case f.is(4):
			m.Phase = Phase(f.n)
		case f.is(5):
			m.Amount = money.New(int64(f.n), c)
		case f.is(6):
			m.Released = money.New(int64(f.n), c)
		case f.is(7):
			m.Balance = money.New(protowire.DecodeZigZag(f.n), c)
		case f.holds(8):
			m.Counterpart = AccountID(f.b)
		}
	}
	return m, nil
}
