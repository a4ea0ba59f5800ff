package quoting

import (
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// TestCreditNotes holds that an invoice keeps its credit notes, each once, and that refunds pay out
// no more of one than it took off, less what other refunds have of it.
func TestCreditNotes(t *testing.T) {
	e := start(t)
	e.billed(1)
	made(e, finalize("inv_1"))
	credit := func(note string, minor int64) func(tx *compaction.Tx) (Invoice, error) {
		return func(tx *compaction.Tx) (Invoice, error) {
			return ApplyCredit(tx, "acme", "inv_1", note, money.New(minor, eur))
		}
	}
	draw := func(note string, minor int64) func(tx *compaction.Tx) (Invoice, error) {
		return func(tx *compaction.Tx) (Invoice, error) {
			return DrawCredit(tx, "acme", "inv_1", note, money.New(minor, eur))
		}
	}
	made(e, pay("inv_1", 17800))
	made(e, credit("crn_1", 5000))
	made(e, credit("crn_2", 1000))
	refused[*ExistsError](e, credit("crn_1", 1))
	refused[*FieldError](e, credit("", 1))
	refused[*NotFoundError](e, draw("crn_3", 1))
	made(e, draw("crn_1", 3000))
	if over := refused[*AmountError](e, draw("crn_1", 2001)); over.Of != "credit note" ||
		over.Available != money.New(2000, eur) {
		t.Errorf("more than is left of the note: %+v", over)
	}
	made(e, func(tx *compaction.Tx) (Invoice, error) {
		return ReturnCredit(tx, "acme", "inv_1", "crn_1", money.New(3000, eur))
	})
	i := made(e, draw("crn_1", 5000))
	if len(i.CreditNotes) != 2 || !i.CreditNotes[0].Left().IsZero() ||
		i.CreditNotes[1].Left() != money.New(1000, eur) {
		t.Errorf("credit notes %+v", i.CreditNotes)
	}
	same := made(e, func(tx *compaction.Tx) (Invoice, error) {
		return ReturnCredit(tx, "acme", "inv_1", "any text", money.New(1, eur))
	})
	if len(same.CreditNotes) != 2 || same.Updated != i.Updated {
		t.Errorf("what names no credit note changed %+v", same)
	}
}
