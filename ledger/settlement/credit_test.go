package settlement

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// credit takes an amount off an invoice by a credit note.
func (w *world) credit(invoice, note string, minor int64) {
	w.t.Helper()
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := CreditInvoice(tx, acme, invoice, note, euro(minor))
		return err
	})
}

// balances adds what postings leave on each account: debits less credits.
func balances(sums map[ledger.AccountID]int64, m moves) {
	for _, p := range m {
		sums[p.Debit] += p.Amount.Minor()
		sums[p.Credit] -= p.Amount.Minor()
	}
}

// anyFigures draws the figures of an invoice of which something is to be paid: with allowances that
// leave a category below zero, and with all that the platform, earlier payments and rounding have.
func anyFigures(t *rapid.T) Figures {
	minor := func(from, to int64, what string) int64 {
		return rapid.Int64Range(from, to).Draw(t, what)
	}
	f := Figures{Customer: "c", Net: euro(minor(-50, 100_000, "net")),
		Rounding: euro(minor(-50, 50, "rounding"))}
	worth := f.Net.Minor() + f.Rounding.Minor()
	for _, category := range []string{"S", "L", "S"}[:minor(0, 3, "taxes")] {
		f.Taxes = append(f.Taxes, Share{category, euro(minor(-50, 20_000, "tax"))})
		worth += f.Taxes[len(f.Taxes)-1].Amount.Minor()
	}
	if worth <= 0 {
		f.Net, worth = euro(f.Net.Minor()-worth+1), 1
	}
	f.Promotion = euro(minor(0, worth-1, "promotion"))
	f.Prepaid = euro(minor(0, worth-1-f.Promotion.Minor(), "prepaid"))
	f.Payable = euro(worth - f.Promotion.Minor() - f.Prepaid.Minor())
	return f
}

// TestCreditedShares holds that credit notes in any parts take back exactly what finalising posted:
// each takes its amount off the receivable, and after the last every account is as it was, those of
// the platform's promotion, of what was prepaid and of rounding too.
func TestCreditedShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFigures(t)
		sums := map[ledger.AccountID]int64{}
		balances(sums, finalised(f))
		for credited, total := int64(0), f.Payable.Minor(); credited < total; {
			part := rapid.Int64Range(1, total-credited).Draw(t, "part")
			m, err := creditedShares(f, euro(credited), euro(credited+part))
			if err != nil {
				t.Fatal(err)
			}
			balances(sums, m)
			credited += part
			if got := sums[Receivable("c")]; got != total-credited {
				t.Fatalf("%+v: after %d the receivable holds %d", f, credited, got)
			}
		}
		for id, got := range sums {
			if got != 0 {
				t.Fatalf("%+v: %s holds %d after all is credited", f, id, got)
			}
		}
	})
}

// TestCreditInvoiceWhole holds the same of the books: an invoice with a promotion of the platform,
// something prepaid and a rounding amount leaves nothing anywhere when credit notes took all of it.
func TestCreditInvoiceWhole(t *testing.T) {
	for _, parts := range [][]int64{{1}, {3}, {1, 7, 500}} {
		w := newWorld(t)
		d := document(9_999)
		d.Prepaid, d.Rounding = euro(1_234), euro(-3)
		i := w.invoice(d, "TEN", "SEVEN")
		left := i.Total().Minor()
		for n, part := range parts {
			w.credit(i.ID, fmt.Sprint("crn_", n), part)
			w.check()
			left -= part
		}
		w.credit(i.ID, "crn_last", left)
		w.check()
		w.fold()
		w.gone()
		for _, id := range []ledger.AccountID{AccountRevenue, Tax("S"), AccountPromotions,
			AccountDeposits, AccountRounding, Receivable(customer), Credit(customer)} {
			if got := w.holds(acme, id); got != 0 {
				t.Errorf("%s holds %d after all is credited in %v and the rest", id, got, parts)
			}
		}
	}
}

// TestCreditInvoiceUnpaid holds that a use of a promotion does not leak when credit notes alone,
// one or several, pay an invoice: the code is there for the next customer, and the customer has
// still not bought.
func TestCreditInvoiceUnpaid(t *testing.T) {
	for _, parts := range [][]int64{{11_250}, {1_250, 10_000}} {
		w := newWorld(t)
		w.promote(quoting.Promotion{ID: "pro_once", LimitTotal: 1, LimitPerCustomer: 1,
			FirstTime: true}, "ONCE")
		for range 2 {
			i := w.invoice(document(10_000), "ONCE")
			if got := w.usage("pro_once"); got != [2]uint64{1, 0} {
				t.Fatalf("accepted: usage %v", got)
			}
			for n, part := range parts {
				w.credit(i.ID, fmt.Sprint("crn_", n), part)
				w.check()
			}
			if got := w.usage("pro_once"); got != [2]uint64{} {
				t.Errorf("credited in %v: usage %v", parts, got)
			}
		}
		w.fold()
		w.gone()
	}
}

// promote adds a promotion of 10 % with a code.
func (w *world) promote(p quoting.Promotion, code string) {
	w.t.Helper()
	p.Tenant, p.Name, p.Funding, p.Combinable = acme, p.ID, quoting.Tradesperson, true
	p.Coupon.Percent = tenPercent
	w.must(acme, func(tx *compaction.Tx) error {
		if _, err := quoting.CreatePromotion(tx, p); err != nil {
			return err
		}
		_, err := quoting.AddCode(tx, acme, p.ID, code)
		return err
	})
}

// usage returns how often a promotion is reserved and redeemed.
func (w *world) usage(promotion string) (n [2]uint64) {
	w.t.Helper()
	w.read(acme, func(v *compaction.View) error {
		u, err := quoting.UsageOf(v, acme, promotion, "")
		n = [2]uint64{u.Reserved, u.Redeemed}
		return err
	})
	return n
}

// A credit note is there once.
func TestCreditInvoiceTwice(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	w.credit(i.ID, "crn_1", 100)
	err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := CreditInvoice(tx, acme, i.ID, "crn_1", euro(1))
		return err
	})
	var exists *quoting.ExistsError
	if !errors.As(err, &exists) {
		t.Errorf("a credit note with the id of another: %v", err)
	}
	w.check()
}

// A credit note after the payment makes a credit, which a refund that names it pays out: the
// receivable and the customer's deposit are empty again.
func TestCreditInvoice(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := CreditInvoice(tx, acme, i.ID, "cn_1", euro(2_500))
		return err
	})
	w.check()
	if got := w.holds(acme, Credit(customer)); got != -2_500 {
		t.Errorf("the customer's credit is %d", got)
	}
	r := w.refund(p.ID, 2_500, "cn_1")
	w.check()
	for id, want := range map[string]int64{"deposits:" + customer: 0, "revenue": -8_000,
		"tax:S": -2_000, "refunds": 0} {
		if got := w.holds(acme, account(id)); got != want {
			t.Errorf("%s holds %d, want %d", id, got, want)
		}
	}
	refund := line(payments.LineRefund, p, "re_"+r, -2_500, 0)
	refund.Refund = r
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175), refund)
	w.check()
	w.fold()
	w.gone()
}
