package settlement

import (
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
)

// The whole path: what a customer is quoted is paid, paid out and settled, after which nothing of
// it is open and every account of the money in between is empty.
func TestSettle(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000), "TEN", "SEVEN") // 90.00 + 22.50 − 7.00
	if got := i.Priced.Payable; got != euro(10_550) {
		t.Fatalf("payable %v", got)
	}
	w.check()
	p := w.captured(i.ID, 0, 175)
	w.check()
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 10_550, 175))
	w.check()
	w.fold()
	w.gone()
	for id, want := range map[string]int64{"revenue": -9_000, "tax:S": -2_250,
		"platform:promotions": 700, "receivable:" + customer: 0, "clearing:stripe": 0,
		"fees:stripe": 175, "bank": 10_550 - 175, "due_from:platform": 0,
		"fees:platform": 264, "payable:platform": -264} {
		if got := w.holds(acme, account(id)); got != want {
			t.Errorf("%s holds %d, want %d", id, got, want)
		}
	}
	for id, want := range map[string]int64{"bank": 0, "due_to:acme": 0} {
		if got := w.holds(platform, account(id)); got != want {
			t.Errorf("the platform's %s holds %d, want %d", id, got, want)
		}
	}
	for _, id := range []string{p.ID, "pi_" + p.ID, "ch_" + p.ID, i.ID, i.Quote,
		"txn_ch_" + p.ID} {
		w.read(acme, func(v *compaction.View) error {
			ended, err := Ended(v, acme, id)
			if !ended {
				t.Errorf("nothing points from %s to its final record", id)
			}
			return err
		})
	}
}
