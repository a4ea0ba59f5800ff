package settlement

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction/compactiontest"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// FuzzDecode holds that bytes of any kind are a record, and then are written again with bytes that
// say the same, or are refused whole. What is read can be seen and matched.
func FuzzDecode(f *testing.F) {
	compactiontest.FuzzForms(f,
		compactiontest.FormOf(&ledgerv1.ExpectationRecord{}, EncodeExpectation,
			func(b []byte) (Expectation, error) {
				e, err := DecodeExpectation(b)
				if err == nil {
					_, _ = e.See(euro(1), "x", Auto, t0) // refused or not: it must not panic
				}
				return e, err
			}),
		compactiontest.FormOf(&ledgerv1.StatementEntryRecord{}, EncodeStatementEntry,
			func(b []byte) (StatementEntry, error) {
				e, err := DecodeStatementEntry(b)
				if err == nil {
					Best(e, []Expectation{{}}, nil)
				}
				return e, err
			}),
		compactiontest.FormOf(&ledgerv1.ReconciliationItem{}, EncodeItem, DecodeItem),
	)
}

// FuzzNormalReference holds that any text of a statement gives names that can be parts of keys.
func FuzzNormalReference(f *testing.F) {
	f.Add("RE 2026-17/pay_1, thanks")
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range words(s) {
			if w != NormalReference(w) || bytes.ContainsAny([]byte(w), "/\x00 ") {
				t.Errorf("%q is no name", w)
			}
		}
	})
}

// Kinds and statuses that do not fit were cut to their lowest bits: an expectation of status 257
// was read as one that is expected.
func TestDecodeStrangeStatus(t *testing.T) {
	for _, m := range []*ledgerv1.ExpectationRecord{
		{Currency: "EUR", Kind: 257}, {Currency: "EUR", Status: 257}, {Currency: "EUR", Match: -255},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := DecodeExpectation(b); err == nil {
			t.Errorf("%v: got %+v, want an error", m, e)
		}
	}
	b, err := proto.Marshal(&ledgerv1.ReconciliationItem{Currency: "EUR", Match: 257})
	if err != nil {
		t.Fatal(err)
	}
	if i, err := DecodeItem(b); err == nil {
		t.Errorf("got %+v, want an error", i)
	}
}
