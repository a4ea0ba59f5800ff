package ledger

import (
	"reflect"
	"regexp"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

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
			m.DebitsPostedMinor != a.Posted.Debits || m.Version != a.Version) {
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

// The other decoders must not fall over what they are given.
func FuzzDecodeRecords(f *testing.F) {
	for _, r := range golden() {
		b, _ := r.encode()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for topic, r := range golden() {
			if _, err := r.decode(b); err != nil && err.Error() == "" {
				t.Errorf("%s: an error without words", topic)
			}
		}
		if _, err := decodeMovements("acme/a/EUR/000000000001", b, eur); err != nil &&
			err.Error() == "" {
			t.Error("an error without words")
		}
	})
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
