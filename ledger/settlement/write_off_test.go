package settlement

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// TestWrittenOff holds that money after a write-off undoes it in the same parts, whatever it comes
// in and even if some is taken back meanwhile: the receivable moves by just what is due, and when
// nothing is due any more neither a bad debt nor a relief is left.
func TestWrittenOff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFigures(t)
		due := rapid.Int64Range(0, f.Payable.Minor()).Draw(t, "due")
		relief, err := relieved(f, euro(due))
		if err != nil {
			t.Fatal(err)
		}
		w := quoting.WriteOff{Amount: euro(due), Relief: relief}
		sums := map[ledger.AccountID]int64{}
		was := int64(0)
		steps := rapid.SliceOfN(rapid.Int64Range(0, due+100), 0, 5).Draw(t, "due then")
		for _, is := range append(append([]int64{due}, steps...), 0) {
			m, err := writtenOff("c", w, euro(was), euro(is))
			if err != nil {
				t.Fatal(err)
			}
			balances(sums, m)
			if was = is; sums[Receivable("c")] != -is {
				t.Fatalf("with %d due the receivable holds %d", is, sums[Receivable("c")])
			}
		}
		for id, got := range sums {
			if got != 0 {
				t.Fatalf("%+v: %s holds %d when all was paid", w, id, got)
			}
		}
	})
}

// TestMarkUncollectibleRelief holds that tax which was claimed back for a bad debt is owed again
// when the debt is paid after all: in part, then the rest.
func TestMarkUncollectibleRelief(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	late := w.expired(i.ID, 5_000)
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := MarkUncollectible(tx, acme, i.ID, true)
		return err
	})
	w.check()
	want := func(when string, debt, tax int64) {
		t.Helper()
		w.check()
		if got := w.holds(acme, AccountBadDebt); got != debt {
			t.Errorf("%s: bad debt %d, want %d", when, got, debt)
		}
		if got := w.holds(acme, Tax("S")); got != tax {
			t.Errorf("%s: tax %d, want %d", when, got, tax)
		}
	}
	want("given up", 10_000, 0)
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, late.ID, fact(late, payments.Succeeded, 100))
	})
	want("50.00 of 125.00 came", 6_000, -1_000)
	w.credit(i.ID, "crn_1", 7_500)
	want("the rest is credited", 0, -1_000)
	w.payout(line(payments.LinePayment, late, "ch_"+late.ID, 5_000, 100))
	w.check()
	w.fold()
	w.gone()
}
