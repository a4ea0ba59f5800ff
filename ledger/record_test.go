package ledger

import (
	"bytes"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// currencies are of each number of digits that there is.
var currencies = []money.Currency{money.MustParseCurrency("EUR"), money.MustParseCurrency("JPY"),
	money.MustParseCurrency("KWD"), money.MustParseCurrency("CLF")}

func ids() *rapid.Generator[AccountID] {
	return rapid.Map(rapid.StringMatching(`[a-z]{1,3}(:[A-Za-z0-9_.-]{1,60}){0,2}`),
		func(s string) AccountID { return AccountID(s) })
}

func accounts() *rapid.Generator[Account] {
	sum := rapid.Int64Range(0, 1<<62-1)
	return rapid.Custom(func(t *rapid.T) Account {
		return Account{
			ID: ids().Draw(t, "id"), Currency: rapid.SampledFrom(currencies).Draw(t, "c"),
			Rule: Rule(rapid.Uint8Range(0, 2).Draw(t, "rule")), Ephemeral: rapid.Bool().Draw(t, "e"),
			Closed:  rapid.Bool().Draw(t, "closed"),
			Posted:  Sums{sum.Draw(t, "dp"), sum.Draw(t, "cp")},
			Pending: Sums{sum.Draw(t, "dh"), sum.Draw(t, "ch")},
			Created: instant(rapid.Int64().Draw(t, "created")), Version: rapid.Uint64().Draw(t, "v"),
		}
	})
}

func entries() *rapid.Generator[Entry] {
	text := rapid.String()
	minor := rapid.Int64Range(-1000, 1<<62)
	return rapid.Custom(func(t *rapid.T) Entry {
		e := Entry{
			Shard: rapid.IntRange(0, 1000).Draw(t, "shard"), At: instant(rapid.Int64().Draw(t, "at")),
			Sequence: rapid.Uint64Range(1, 1<<50-1).Draw(t, "sequence"), Tenant: "acme",
			Kind: text.Draw(t, "kind"), Transactions: []Posted{},
		}
		copy(e.PreviousHash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		for i := range rapid.IntRange(0, 3).Draw(t, "transactions") {
			p := Posted{ID: TransactionID(e.Shard, e.Sequence, i), At: e.At,
				Phase:     Phase(rapid.Uint8Range(1, 5).Draw(t, "phase")),
				Reference: text.Draw(t, "reference"), Held: text.Draw(t, "held")}
			for range rapid.IntRange(0, 3).Draw(t, "lines") {
				c := rapid.SampledFrom(currencies).Draw(t, "currency")
				amount := func(name string) money.Amount { return money.New(minor.Draw(t, name), c) }
				p.Lines = append(p.Lines, Line{
					Posting{ids().Draw(t, "debit"), ids().Draw(t, "credit"), amount("amount")},
					amount("released"), amount("debit balance"), amount("credit balance")})
			}
			for range rapid.IntRange(0, 2).Draw(t, "pairs") {
				p.Metadata = append(p.Metadata, Pair{text.Draw(t, "key"), text.Draw(t, "value")})
			}
			e.Transactions = append(e.Transactions, p)
		}
		for range rapid.IntRange(0, 2).Draw(t, "facts") {
			e.Facts = append(e.Facts, Fact{text.Draw(t, "k"), text.Draw(t, "s"), text.Draw(t, "m"),
				rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(t, "record")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "closed") {
			e.Closed = append(e.Closed, ClosedAccount{ids().Draw(t, "closed id"), eur})
		}
		return e
	})
}

// generated returns the message of an entry, by the generated code.
func generated(e Entry) *ledgerv1.JournalEntry {
	m := &ledgerv1.JournalEntry{
		Sequence: e.Sequence, PreviousHash: e.PreviousHash[:], TimeUnixNano: nanoseconds(e.At),
		Tenant: e.Tenant, Kind: e.Kind, Shard: uint32(e.Shard),
	}
	for _, t := range e.Transactions {
		p := &ledgerv1.JournalTransaction{Phase: ledgerv1.Phase(t.Phase), Reference: t.Reference,
			Held: t.Held}
		for _, l := range t.Lines {
			p.Postings = append(p.Postings, &ledgerv1.JournalPosting{
				Debit: string(l.Debit), Credit: string(l.Credit), AmountMinor: l.Amount.Minor(),
				Currency: l.Amount.Currency().String(), ReleasedMinor: l.Released.Minor(),
				DebitBalanceMinor:  l.DebitBalance.Minor(),
				CreditBalanceMinor: l.CreditBalance.Minor(),
			})
		}
		for _, pair := range t.Metadata {
			p.Metadata = append(p.Metadata, &ledgerv1.Pair{Key: pair.Key, Value: pair.Value})
		}
		m.Transactions = append(m.Transactions, p)
	}
	for _, f := range e.Facts {
		m.Facts = append(m.Facts, &ledgerv1.JournalFact{Kind: f.Kind, Subject: f.Subject,
			Message: f.Message, Record: f.Record})
	}
	for _, c := range e.Closed {
		m.Closed = append(m.Closed, &ledgerv1.ClosedAccount{Account: string(c.Account),
			Currency: c.Currency.String()})
	}
	return m
}

func marshal(t interface{ Fatal(...any) }, m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The journal is written by hand for speed; any reader of protobuf must read the same.
func TestEncodeEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entries().Draw(t, "entry")
		stored := encodeEntry(&e)
		if want := marshal(t, generated(e)); !bytes.Equal(stored, want) {
			t.Fatalf("got  %x\nwant %x", stored, want)
		}
		got, err := DecodeEntry(stored)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("got  %+v, %v\nwant %+v", got, err, e)
		}
		if n, err := Sequence(stored); n != e.Sequence || err != nil {
			t.Fatalf("Sequence is %d, %v; want %d", n, err, e.Sequence)
		}
	})
}

// So are accounts.
func TestEncodeAccount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := accounts().Draw(t, "account")
		stored, err := EncodeAccount(a)
		want := marshal(t, &ledgerv1.AccountRecord{
			Account: string(a.ID), Currency: a.Currency.String(), Rule: ledgerv1.AccountRule(a.Rule),
			DebitsPostedMinor: a.Posted.Debits, CreditsPostedMinor: a.Posted.Credits,
			DebitsPendingMinor: a.Pending.Debits, CreditsPendingMinor: a.Pending.Credits,
			Ephemeral: a.Ephemeral, Closed: a.Closed, Version: a.Version,
			CreatedUnixNano: nanoseconds(a.Created),
		})
		if err != nil || !bytes.Equal(stored, want) {
			t.Fatalf("got  %x, %v\nwant %x", stored, err, want)
		}
		if got, err := DecodeAccount(stored); got != a || err != nil {
			t.Fatalf("got %+v, %v; want %+v", got, err, a)
		}
	})
}

// And the rows of the history store, and the journal's head.
func TestEncodeMovement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entries().Filter(func(e Entry) bool {
			return len(e.Transactions) > 0 && len(e.Transactions[0].Lines) > 0
		}).Draw(t, "entry")
		p := e.Transactions[0]
		l, credit := p.Lines[0], rapid.Bool().Draw(t, "credit")
		balance, counterpart := l.DebitBalance, l.Credit
		if credit {
			balance, counterpart = l.CreditBalance, l.Debit
		}
		stored := encodeMovement(nil, &p, &l, credit)
		want := marshal(t, &ledgerv1.HistoryLine{
			Transaction: p.ID, TimeUnixNano: nanoseconds(p.At), Credit: credit,
			Phase: ledgerv1.Phase(p.Phase), AmountMinor: l.Amount.Minor(),
			ReleasedMinor: l.Released.Minor(), BalanceMinor: balance.Minor(),
			Counterpart: string(counterpart),
		})
		if !bytes.Equal(stored, want) {
			t.Fatalf("got  %x\nwant %x", stored, want)
		}
		got, err := decodeMovement(stored, l.Amount.Currency())
		if m := (Movement{p.ID, p.At, credit, p.Phase, l.Amount, l.Released, balance,
			counterpart}); got != m || err != nil {
			t.Fatalf("got %+v, %v; want %+v", got, err, m)
		}
		h := Head{e.Sequence, e.PreviousHash}
		head, err := encodeHead(h)
		want = marshal(t, &ledgerv1.JournalHead{Sequence: h.Sequence, Hash: h.Hash[:]})
		if err != nil || !bytes.Equal(head, want) {
			t.Fatalf("got  %x, %v\nwant %x", head, err, want)
		}
	})
}
