package ledger

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// The history store has a family "account", made from the journal alone:
//
//	tenant/account/currency/<sequence, 12 digits> → the movements of that entry on the account
//
// A row for each movement made the history of a batch of a hundred transactions cost eight times
// what deciding them did, most of it merging the rows' tables.
const accountFamily = "account"

// historyDigits is how long a sequence number is in the keys of history, at least.
const historyDigits = 12

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
// page's prefix is not used. Errors are those of Shards.History, and ErrCursor.
func History(
	ctx context.Context, s *compaction.Shards, tenant string, id AccountID, c money.Currency,
	p compaction.Page,
) ([]compaction.Row[Movement], error) {
	entries, err := entriesOf(AccountKey(tenant, id, c)+"/", p)
	if err != nil {
		return nil, err
	}
	found, err := s.History(ctx, tenant, accountFamily, entries)
	if err != nil {
		return nil, err
	}
	var rows []compaction.Row[Movement]
	for _, r := range found {
		all, err := decodeMovements(r.Key, r.Value, c)
		if err != nil {
			return nil, err
		}
		if p.Reverse {
			slices.Reverse(all)
		}
		for _, m := range all {
			past := p.After == "" || (m.Cursor > p.After) != p.Reverse && m.Cursor != p.After
			if past && (p.Limit == 0 || len(rows) < p.Limit) {
				rows = append(rows, m)
			}
		}
	}
	return rows, nil
}

// ErrCursor refuses a cursor that no page of the list gave.
var ErrCursor = errors.New("the cursor is not one that a page of this list gave")

// entriesOf returns the page of an account's rows that holds a page of its movements: it begins
// with the entry of the movement after which the page begins, which may have more of them.
func entriesOf(prefix string, p compaction.Page) (compaction.Page, error) {
	entries := compaction.Page{Prefix: prefix, Reverse: p.Reverse}
	if p.Limit > 0 {
		entries.Limit = p.Limit + 1
	}
	if p.After == "" {
		return entries, nil
	}
	rest, ok := strings.CutPrefix(p.After, prefix)
	digits, _, found := strings.Cut(rest, "-")
	n, err := strconv.ParseUint(digits, 10, 63)
	if !ok || !found || err != nil || n == 0 {
		return entries, ErrCursor
	}
	if n--; p.Reverse {
		n += 2
	}
	entries.After = string(appendPadded([]byte(prefix), n, historyDigits))
	return entries, nil
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

// project makes the history rows of a journal entry: one for each account that it moved, then one
// for each fact.
func project(stored compaction.Entry) ([]compaction.Projection, error) {
	e, err := DecodeEntry(stored.Value)
	if err != nil {
		return nil, err
	}
	var rows []compaction.Projection
	at := map[accountKey]int{} // the place of each account's row
	place := 0
	for i := range e.Transactions {
		t := &e.Transactions[i]
		for j := range t.Lines {
			l := &t.Lines[j]
			for _, credit := range [...]bool{false, true} {
				key := accountKey{l.Debit, l.Amount.Currency()}
				if credit {
					key.id = l.Credit
				}
				n, ok := at[key]
				if !ok {
					n = len(rows)
					at[key] = n
					rows = append(rows, compaction.Projection{Family: accountFamily,
						Key: movementsKey(&e, key)})
				}
				rows[n].Value = appendMovement(rows[n].Value, t, l, place, credit)
			}
			place++
		}
	}
	return e.factRows(rows), nil
}

func movementsKey(e *Entry, a accountKey) string {
	b := make([]byte, 0, len(e.Tenant)+len(a.id)+24)
	b = append(append(b, e.Tenant...), '/')
	b = append(append(b, a.id...), '/')
	b = append(append(b, a.currency.String()...), '/')
	return string(appendPadded(b, e.Sequence, historyDigits))
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

// appendMovement adds a movement to the value of its row: its place in the entry, and its fields
// after their length.
func appendMovement(row []byte, t *Posted, l *Line, place int, credit bool) []byte {
	var room [256]byte
	row = protowire.AppendVarint(row, uint64(place))
	return protowire.AppendBytes(row, encodeMovement(room[:0], t, l, credit))
}

// encodeMovement appends the fields of a movement, as ledger.v1.HistoryLine has them.
func encodeMovement(b []byte, t *Posted, l *Line, credit bool) []byte {
	balance, counterpart := l.DebitBalance, l.Credit
	if credit {
		balance, counterpart = l.CreditBalance, l.Debit
	}
	b = putText(b, 1, t.ID)
	b = putInt(b, 2, uint64(nanoseconds(t.At)))
	b = putBool(b, 3, credit)
	b = putInt(b, 4, uint64(t.Phase))
	b = putInt(b, 5, uint64(l.Amount.Minor()))
	b = putInt(b, 6, uint64(l.Released.Minor()))
	b = putSigned(b, 7, balance.Minor())
	return putText(b, 8, string(counterpart))
}

// decodeMovements reads the value of a row; each movement's cursor is the row's key and its place.
func decodeMovements(key string, b []byte, c money.Currency) ([]compaction.Row[Movement], error) {
	var rows []compaction.Row[Movement]
	for len(b) > 0 {
		place, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		stored, k := protowire.ConsumeBytes(b[n:])
		if k < 0 {
			return nil, protowire.ParseError(k)
		}
		b = b[n+k:]
		m, err := decodeMovement(stored, c)
		if err != nil {
			return nil, err
		}
		cursor := string(appendPadded(append([]byte(key), '-'), place, 4))
		rows = append(rows, compaction.Row[Movement]{Key: cursor, Cursor: cursor, Value: m})
	}
	return rows, nil
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
			if f.n > uint64(PhaseExpired) {
				return Movement{}, errEntry
			}
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
