package ledger

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quittance/quittance/ledger/money"
)

// encodeEntry returns the stored form of an entry. The slice is the caller's.
func encodeEntry(e *Entry) []byte {
	size := 128 + len(e.Kind)
	for i := range e.Transactions {
		size += 32 + 112*len(e.Transactions[i].Lines)
	}
	for i := range e.Facts {
		size += 128 + len(e.Facts[i].Record)
	}
	b := make([]byte, 0, size)
	b = putInt(b, 1, e.Sequence)
	b = putBytes(b, 2, e.PreviousHash[:])
	b = putInt(b, 3, uint64(nanoseconds(e.At)))
	b = putText(b, 4, e.Tenant)
	b = putText(b, 5, e.Kind)
	b = putInt(b, 6, uint64(e.Shard))
	for i := range e.Transactions {
		var mark int
		b, mark = open(b, 7)
		b = shut(putTransaction(b, &e.Transactions[i]), mark)
	}
	for i := range e.Facts {
		var mark int
		f := &e.Facts[i]
		b, mark = open(b, 8)
		b = putText(putText(putText(b, 1, f.Kind), 2, f.Subject), 3, f.Message)
		b = shut(putBytes(b, 4, f.Record), mark)
	}
	for _, c := range e.Closed {
		var mark int
		b, mark = open(b, 9)
		b = shut(putText(putText(b, 1, string(c.Account)), 2, c.Currency.String()), mark)
	}
	return b
}

func putTransaction(b []byte, t *Posted) []byte {
	var mark int
	b = putInt(b, 1, uint64(t.Phase))
	for i := range t.Lines {
		l := &t.Lines[i]
		b, mark = open(b, 2)
		b = putText(b, 1, string(l.Debit))
		b = putText(b, 2, string(l.Credit))
		b = putInt(b, 3, uint64(l.Amount.Minor()))
		b = putText(b, 4, l.Amount.Currency().String())
		b = putInt(b, 5, uint64(l.Released.Minor()))
		b = putSigned(b, 6, l.DebitBalance.Minor())
		b = shut(putSigned(b, 7, l.CreditBalance.Minor()), mark)
	}
	for _, p := range t.Metadata {
		b, mark = open(b, 3)
		b = shut(putText(putText(b, 1, p.Key), 2, p.Value), mark)
	}
	return putText(putText(b, 4, t.Reference), 5, t.Held)
}

var errEntry = errors.New("ledger: the stored journal entry cannot be one")

// Sequence returns the number of a journal entry, by its stored form.
func Sequence(stored []byte) (uint64, error) {
	var f field
	for b := stored; len(b) > 0; {
		var err error
		if b, err = next(b, &f); err != nil {
			return 0, err
		}
		if f.is(1) { // the first field, as it is written
			return f.n, nil
		}
	}
	return 0, errEntry
}

// DecodeEntry returns the entry of a stored form. It fails on bytes that are none; whether the
// entry is right is for a Fold to say.
func DecodeEntry(stored []byte) (Entry, error) {
	var e Entry
	var f field
	var transactions [][]byte
	for b := stored; len(b) > 0; {
		var err error
		if b, err = next(b, &f); err != nil {
			return Entry{}, err
		}
		switch {
		case f.is(1):
			e.Sequence = f.n
		case f.holds(2):
			if len(f.b) != HashSize {
				return Entry{}, errEntry
			}
			copy(e.PreviousHash[:], f.b)
		case f.is(3):
			e.At = instant(int64(f.n))
		case f.holds(4):
			e.Tenant = string(f.b)
		case f.holds(5):
			e.Kind = string(f.b)
		case f.is(6):
			e.Shard = int(uint32(f.n))
		case f.holds(7):
			transactions = append(transactions, f.b)
		case f.holds(8):
			err = e.readFact(f.b)
		case f.holds(9):
			err = e.readClosed(f.b)
		}
		if err != nil {
			return Entry{}, err
		}
	}
	e.Transactions = make([]Posted, len(transactions))
	for i, b := range transactions { // after all else: their ids need the entry's sequence
		t := &e.Transactions[i]
		t.ID, t.At = TransactionID(e.Shard, e.Sequence, i), e.At
		if err := t.read(b); err != nil {
			return Entry{}, err
		}
	}
	return e, nil
}

func (e *Entry) readFact(b []byte) error {
	var fact Fact
	var f field
	for len(b) > 0 {
		var err error
		if b, err = next(b, &f); err != nil {
			return err
		}
		switch {
		case f.holds(1):
			fact.Kind = string(f.b)
		case f.holds(2):
			fact.Subject = string(f.b)
		case f.holds(3):
			fact.Message = string(f.b)
		case f.holds(4):
			fact.Record = append([]byte(nil), f.b...)
		}
	}
	e.Facts = append(e.Facts, fact)
	return nil
}

func (e *Entry) readClosed(b []byte) error {
	var c ClosedAccount
	var f field
	for len(b) > 0 {
		var err error
		if b, err = next(b, &f); err != nil {
			return err
		}
		switch {
		case f.holds(1):
			c.Account = AccountID(f.b)
		case f.holds(2):
			if c.Currency, err = money.ParseCurrency(string(f.b)); err != nil {
				return err
			}
		}
	}
	e.Closed = append(e.Closed, c)
	return nil
}

func (t *Posted) read(b []byte) error {
	var f field
	for len(b) > 0 {
		var err error
		if b, err = next(b, &f); err != nil {
			return err
		}
		switch {
		case f.is(1):
			if f.n > uint64(PhaseExpired) {
				return errEntry
			}
			t.Phase = Phase(f.n)
		case f.holds(2):
			err = t.readLine(f.b)
		case f.holds(3):
			err = t.readPair(f.b)
		case f.holds(4):
			t.Reference = string(f.b)
		case f.holds(5):
			t.Held = string(f.b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Posted) readLine(b []byte) error {
	var l Line
	var c money.Currency
	var amount, released, debit, credit int64
	var f field
	for len(b) > 0 {
		var err error
		if b, err = next(b, &f); err != nil {
			return err
		}
		switch {
		case f.holds(1):
			l.Debit = AccountID(f.b)
		case f.holds(2):
			l.Credit = AccountID(f.b)
		case f.is(3):
			amount = int64(f.n)
		case f.holds(4):
			if c, err = money.ParseCurrency(string(f.b)); err != nil {
				return err
			}
		case f.is(5):
			released = int64(f.n)
		case f.is(6):
			debit = protowire.DecodeZigZag(f.n)
		case f.is(7):
			credit = protowire.DecodeZigZag(f.n)
		}
	}
	l.Amount, l.Released = money.New(amount, c), money.New(released, c)
	l.DebitBalance, l.CreditBalance = money.New(debit, c), money.New(credit, c)
	t.Lines = append(t.Lines, l)
	return nil
}

func (t *Posted) readPair(b []byte) error {
	var p Pair
	var f field
	for len(b) > 0 {
		var err error
		if b, err = next(b, &f); err != nil {
			return err
		}
		switch {
		case f.holds(1):
			p.Key = string(f.b)
		case f.holds(2):
			p.Value = string(f.b)
		}
	}
	t.Metadata = append(t.Metadata, p)
	return nil
}
