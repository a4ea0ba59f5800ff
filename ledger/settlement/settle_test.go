package settlement

import (
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
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

// A quote that ends takes no reservation with it: its count would stay, and nothing could ever
// redeem or release it.
func TestSettleReserved(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := quoting.Reserve(tx, quoting.Redemption{Tenant: acme, ID: "red_x",
			Promotion: "pro_ours", Customer: customer, Quote: i.Quote, Amount: euro(1)})
		return err
	})
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175))
	w.check()
	w.gone()
	if got := w.usage("pro_ours"); got != [2]uint64{} {
		t.Errorf("usage %v", got)
	}
}

// Counts of promotions that no open reservation explains, and a first purchase that is reserved for
// one that is gone, are found: a limited code would be dead and nobody would know.
func TestCheckOpenPromotions(t *testing.T) {
	w := newWorld(t)
	w.promote(quoting.Promotion{ID: "pro_once", LimitTotal: 1, LimitPerCustomer: 1,
		FirstTime: true}, "ONCE")
	i := w.invoice(document(10_000), "ONCE")
	w.check()
	faults := func(what string, want ...string) {
		t.Helper()
		w.read(acme, func(v *compaction.View) error {
			found, err := CheckOpen(v)
			got := map[string]bool{}
			for _, f := range found {
				got[f.Key] = true
			}
			for _, key := range want {
				if !got[key] {
					t.Errorf("%s: no fault is found with %s in %v", what, key, found)
				}
			}
			return err
		})
	}
	total, each := compaction.Key(acme, "pro_once"), compaction.Key(acme, "pro_once", customer)
	var kept quoting.Redemption
	w.must(acme, func(tx *compaction.Tx) error {
		all, err := quoting.RedemptionsOf(tx, acme, i.Quote)
		if err == nil {
			kept = all[0]
			quoting.Redemptions.Delete(tx, compaction.Key(acme, kept.ID))
		}
		return err
	})
	faults("a reservation is gone", total, each, compaction.Key(acme, customer))
	w.must(acme, func(tx *compaction.Tx) error {
		quoting.Redemptions.Put(tx, compaction.Key(acme, kept.ID), kept)
		quoting.Usages.Delete(tx, total)
		quoting.Usages.Delete(tx, each)
		return nil
	})
	faults("its counts are gone", total, each)
}
