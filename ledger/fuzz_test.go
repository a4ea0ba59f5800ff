package ledger

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// Bytes of any kind are an account or an error, and an account that is written again reads the
// same.
func FuzzDecodeAccount(f *testing.F) {
	for _, r := range golden() {
		b, _ := r.encode()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeAccount(b)
		if err != nil {
			if a != (Account{}) {
				t.Errorf("%x is refused (%v), and gives %+v", b, err, a)
			}
			return
		}
		stored, err := EncodeAccount(a)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := DecodeAccount(stored); again != a || err != nil {
			t.Errorf("%+v became %+v, %v", a, again, err)
		}
		var m ledgerv1.AccountRecord
		if err := proto.Unmarshal(b, &m); err == nil && (m.Account != string(a.ID) ||
			m.DebitsPostedMinor != a.Posted.Debits || int(m.Rule) != int(a.Rule) || m.Version != a.Version) {
			t.Errorf("%+v, and by the generated code %v", a, &m)
		}
	})
}

// Bytes of any kind are an entry or an error, and every reader agrees on which.
func FuzzDecodeEntry(f *testing.F) {
	for _, r := range golden() {
		b, _ := r.encode()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEntry(b)
		if err != nil {
			return
		}
		stored := encodeEntry(&e)
		again, err := DecodeEntry(stored)
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
		if err := NewFold(0).Add(b); err == nil && e.Sequence != 1 {
			t.Errorf("entry %d begins a journal", e.Sequence)
		}
	})
}

// Bytes of any kind are one of the other records, and then are written again with bytes that say
// the same, or are refused whole.
func FuzzDecodeRecords(f *testing.F) {
	t, l := Posted{ID: "t", At: day, Phase: PhaseHeld}, Line{Posting: post("a", "b", 300)}
	f.Add(byte(4), appendMovement(appendMovement(nil, &t, &l, 0, false), &t, &l, 0, true))
	compactiontest.FuzzForms(f,
		compactiontest.FormOf(&ledgerv1.HeldRecord{}, encodeHeld, decodeHeld),
		compactiontest.FormOf(&ledgerv1.ReferenceRecord{}, encodeReference, decodeReference),
		compactiontest.FormOf(&ledgerv1.SettledRecord{}, encodePointer, decodePointer),
		compactiontest.FormOf(&ledgerv1.JournalHead{}, encodeHead, decodeHead),
		compactiontest.ShownForm("movements", encodeRows, decodeRows, nil),
	)
}

type rows []compaction.Row[Movement]

// rowsKey is the key of a row of an account's history.
const rowsKey = "acme/a/EUR/000000000001"

func decodeRows(b []byte) (rows, error) {
	all, err := decodeMovements(rowsKey, b, eur)
	return all, err
}

// encodeRows writes a row of movements as the journal's projection does.
func encodeRows(all rows) ([]byte, error) {
	var b []byte
	for _, r := range all {
		place, err := strconv.ParseUint(strings.TrimPrefix(r.Key, rowsKey+"-"), 10, 64)
		if err != nil {
			return nil, err
		}
		m := r.Value
		l := Line{Posting{"", m.Counterpart, m.Amount}, m.Released, m.Balance, m.Balance}
		if m.Credit {
			l.Debit, l.Credit = m.Counterpart, ""
		}
		t := Posted{ID: m.Transaction, At: m.At, Phase: m.Phase}
		b = appendMovement(b, &t, &l, int(place), m.Credit)
	}
	return b, nil
}

// A rule or a phase that does not fit was cut to its lowest bits: an account of rule 256 was read
// as one without a rule, and could be overdrawn.
func TestDecodeStrangeNumbers(t *testing.T) {
	b, err := EncodeAccount(Account{ID: "a", Currency: eur})
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []uint64{256, 3, 1 << 63} {
		if a, err := DecodeAccount(putInt(b[:len(b):len(b)], 7, rule)); err == nil {
			t.Errorf("rule %d: got %+v, want an error", rule, a)
		}
	}
	if m, err := decodeMovement(putInt(nil, 4, 256+1), eur); err == nil {
		t.Errorf("got %+v, want an error", m)
	}
}

// What no account can be came, all of it, beside the error.
func TestDecodeAccountWhole(t *testing.T) {
	b, err := EncodeAccount(Account{ID: "a", Currency: eur, Posted: Sums{Debits: -1}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := DecodeAccount(b); err == nil || a != (Account{}) {
		t.Errorf("got %+v, %v, want an error and nothing else", a, err)
	}
}

// accountForm is the documented form of account ids, up to 255 bytes.
var accountForm = regexp.MustCompile(`\A[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*\z`)

// Texts of any kind are an account id of the narrow form, or refused.
func FuzzParseAccountID(f *testing.F) {
	for _, id := range []string{"a", "a:b", ":", "a::b", "receivable:cus_1", "é"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseAccountID(s)
		if (err == nil) != (accountForm.MatchString(s) && len(s) <= MaxAccountID) ||
			err == nil && string(id) != s {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	})
}

// Texts of any kind are the id of one place in the journal, or refused.
func FuzzParseTransactionID(f *testing.F) {
	f.Add(TransactionID(3, 77, 1))
	f.Add("txn_")
	f.Fuzz(func(t *testing.T, s string) {
		shard, sequence, index, err := ParseTransactionID(s)
		if err == nil && TransactionID(shard, sequence, index) != s {
			t.Errorf("%q became %q", s, TransactionID(shard, sequence, index))
		}
	})
}

// Ids of a tenant sort by age.
func TestTransactionID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shard := rapid.IntRange(0, 1000).Draw(t, "shard")
		s1, s2 := rapid.Uint64Range(1, 1<<50-1).Draw(t, "s1"), rapid.Uint64Range(1, 1<<50-1).Draw(t, "s2")
		i1, i2 := rapid.IntRange(0, 9999).Draw(t, "i1"), rapid.IntRange(0, 9999).Draw(t, "i2")
		a, b := TransactionID(shard, s1, i1), TransactionID(shard, s2, i2)
		if (a < b) != (s1 < s2 || s1 == s2 && i1 < i2) {
			t.Fatalf("%s (%d, %d) and %s (%d, %d) do not sort by age", a, s1, i1, b, s2, i2)
		}
		if sh, s, i, err := ParseTransactionID(a); sh != shard || s != s1 || i != i1 || err != nil {
			t.Fatalf("%s is %d, %d, %d, %v", a, sh, s, i, err)
		}
	})
}
