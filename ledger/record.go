package ledger

import (
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// The functions of this file and of record_journal.go are the only ones that know both forms.

// EncodeAccount returns the stored form of an account. It never fails.
func EncodeAccount(a Account) ([]byte, error) {
	b := make([]byte, 0, 64+len(a.ID))
	b = putText(b, 1, string(a.ID))
	b = putText(b, 2, a.Currency.String())
	b = putInt(b, 3, uint64(a.Posted.Debits))
	b = putInt(b, 4, uint64(a.Posted.Credits))
	b = putInt(b, 5, uint64(a.Pending.Debits))
	b = putInt(b, 6, uint64(a.Pending.Credits))
	b = putInt(b, 7, uint64(a.Rule))
	b = putBool(b, 8, a.Ephemeral)
	b = putBool(b, 9, a.Closed)
	b = putInt(b, 10, uint64(nanoseconds(a.Created)))
	b = putInt(b, 11, a.Version)
	return b, nil
}

// DecodeAccount returns the account of a stored form. It fails on bytes that are none.
func DecodeAccount(b []byte) (Account, error) {
	var a Account
	var f field
	for len(b) > 0 {
		var err error
		if b, err = next(b, &f); err != nil {
			return Account{}, err
		}
		switch {
		case f.holds(1):
			a.ID = AccountID(f.b)
		case f.holds(2):
			if a.Currency, err = money.ParseCurrency(string(f.b)); err != nil {
				return Account{}, err
			}
		case f.is(3):
			a.Posted.Debits = int64(f.n)
		case f.is(4):
			a.Posted.Credits = int64(f.n)
		case f.is(5):
			a.Pending.Debits = int64(f.n)
		case f.is(6):
			a.Pending.Credits = int64(f.n)
		case f.is(7):
			if f.n > uint64(CreditsMustNotExceedDebits) {
				return Account{}, errAccount
			}
			a.Rule = Rule(f.n)
		case f.is(8):
			a.Ephemeral = f.n != 0
		case f.is(9):
			a.Closed = f.n != 0
		case f.is(10):
			a.Created = instant(int64(f.n))
		case f.is(11):
			a.Version = f.n
		}
	}
	if err := a.checkStored(); err != nil {
		return Account{}, err
	}
	return a, nil
}

// accountMessage is the full name of the message of stored accounts.
var accountMessage = (*ledgerv1.AccountRecord)(nil).ProtoReflect().Descriptor().FullName()

var errAccount = errors.New("ledger: the stored account cannot be one")

// checkStored refuses what no account can be: posting to it could not be trusted.
func (a *Account) checkStored() error {
	least := min(a.Posted.Debits, a.Posted.Credits, a.Pending.Debits, a.Pending.Credits)
	if !a.ID.valid() || a.Currency.IsZero() || least < 0 ||
		a.Posted.Debits+a.Pending.Debits < 0 || a.Posted.Credits+a.Pending.Credits < 0 {
		return errAccount
	}
	return nil
}

func encodeHeld(h Held) ([]byte, error) {
	m := &ledgerv1.HeldRecord{
		Tenant: h.Tenant, Transaction: h.Transaction, Reference: h.Reference,
		CreatedUnixNano: nanoseconds(h.Created), ExpiresUnixNano: nanoseconds(h.Expires),
	}
	for _, p := range h.Postings {
		m.Postings = append(m.Postings, &ledgerv1.HeldPosting{
			Debit: string(p.Debit), Credit: string(p.Credit),
			AmountMinor: p.Amount.Minor(), Currency: p.Amount.Currency().String(),
		})
	}
	return proto.Marshal(m)
}

func decodeHeld(b []byte) (Held, error) {
	var m ledgerv1.HeldRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Held{}, err
	}
	h := Held{
		Tenant: m.Tenant, Transaction: m.Transaction, Reference: m.Reference,
		Created: instant(m.CreatedUnixNano), Expires: instant(m.ExpiresUnixNano),
	}
	for _, p := range m.Postings {
		c, err := money.ParseCurrency(p.Currency)
		if err != nil {
			return Held{}, err
		}
		h.Postings = append(h.Postings, Posting{
			AccountID(p.Debit), AccountID(p.Credit), money.New(p.AmountMinor, c)})
	}
	return h, nil
}

func encodeReference(r Reference) ([]byte, error) {
	return proto.Marshal(&ledgerv1.ReferenceRecord{
		Transaction: r.Transaction, ExpiresUnixNano: nanoseconds(r.Expires)})
}

func decodeReference(b []byte) (Reference, error) {
	var m ledgerv1.ReferenceRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Reference{}, err
	}
	return Reference{m.Transaction, instant(m.ExpiresUnixNano)}, nil
}

func encodePointer(p Pointer) ([]byte, error) {
	return proto.Marshal(&ledgerv1.SettledRecord{
		Sequence: p.Sequence, Kind: p.Kind, Subject: p.Subject,
		SettledUnixNano: nanoseconds(p.Settled), ExpiresUnixNano: nanoseconds(p.Expires)})
}

func decodePointer(b []byte) (Pointer, error) {
	var m ledgerv1.SettledRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Pointer{}, err
	}
	return Pointer{Sequence: m.Sequence, Kind: m.Kind, Subject: m.Subject,
		Settled: instant(m.SettledUnixNano), Expires: instant(m.ExpiresUnixNano)}, nil
}

func encodeHead(h Head) ([]byte, error) {
	b := make([]byte, 0, 48)
	return putBytes(putInt(b, 1, h.Sequence), 2, h.Hash[:]), nil
}

var errHead = errors.New("ledger: the stored journal head has no hash")

func decodeHead(b []byte) (Head, error) {
	var m ledgerv1.JournalHead
	if err := proto.Unmarshal(b, &m); err != nil {
		return Head{}, err
	}
	h := Head{Sequence: m.Sequence}
	if copy(h.Hash[:], m.Hash) != len(m.Hash) || len(m.Hash) != HashSize {
		return Head{}, errHead
	}
	return h, nil
}
