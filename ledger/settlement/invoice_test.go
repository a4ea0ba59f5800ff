package settlement

import (
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// again invoices the quote of a void invoice once more.
func (w *world) again(quote string) (made quoting.Invoice) {
	w.t.Helper()
	invoice := w.id("inv")
	w.must(acme, func(tx *compaction.Tx) error {
		if _, err := quoting.CreateInvoice(tx, acme, invoice, quote, quoting.Entire, ""); err != nil {
			return err
		}
		var err error
		made, err = FinalizeInvoice(tx, acme, invoice)
		return err
	})
	return made
}

func (w *world) void(invoice string) {
	w.t.Helper()
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := VoidInvoice(tx, acme, invoice)
		return err
	})
}

// An invoice that is void leaves nothing in the books. Its quote is invoiced again at the agreed
// price, with its promotions counted all the while, and paid; then nothing of it is open.
func TestVoidInvoice(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000), "TEN", "SEVEN")
	w.void(i.ID)
	w.check()
	for _, id := range []string{"receivable:" + customer, "revenue", "tax:S", "platform:promotions"} {
		if got := w.holds(acme, account(id)); got != 0 {
			t.Errorf("%s holds %d after the invoice is void", id, got)
		}
	}
	if got := w.usage("pro_ours"); got != [2]uint64{1, 0} {
		t.Errorf("void: usage %v", got)
	}
	second := w.again(i.Quote)
	if second.Total() != i.Total() || second.Number != i.Number+1 {
		t.Errorf("invoiced again at %v as %s, agreed %v", second.Total(), second.Name(), i.Total())
	}
	p := w.captured(second.ID, 0, 100)
	w.check()
	if got := w.usage("pro_ours"); got != [2]uint64{0, 1} {
		t.Errorf("paid: usage %v", got)
	}
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, p.Amount.Minor(), 100))
	w.check()
	w.fold()
	w.gone()
}

// A quote whose invoice is void is accepted as before: when it is cancelled its promotions are free
// again.
func TestVoidInvoiceCancel(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000), "TEN")
	w.void(i.ID)
	w.must(acme, func(tx *compaction.Tx) error {
		q, err := quoting.CancelQuote(tx, acme, i.Quote,
			quoting.Answer{Who: "Acme", Channel: quoting.ByPhone})
		if err == nil && q.State() != quoting.QuoteCancelled {
			t.Errorf("the quote is %v", q.State())
		}
		return err
	})
	w.check()
	if got := w.usage("pro_ours"); got != [2]uint64{} {
		t.Errorf("cancelled: usage %v", got)
	}
}

// An invoice that is given up leaves nothing on the receivable, and its promotions are free again;
// nothing of it is open.
func TestMarkUncollectible(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000), "SEVEN")
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := MarkUncollectible(tx, acme, i.ID, true)
		return err
	})
	w.check()
	w.fold()
	w.gone()
	if got := w.holds(acme, AccountBadDebt) + w.holds(acme, "tax:S"); got != 11_800-2_500 {
		t.Errorf("bad debt and tax hold %d", got)
	}
	if got := w.usage("pro_theirs"); got != [2]uint64{} {
		t.Errorf("usage %v", got)
	}
}

// expired makes a payment that our clock gives up; the gateway may take its money nevertheless.
func (w *world) expired(invoice string, minor int64) payments.Payment {
	w.t.Helper()
	p := w.pay(invoice, "stripe", "pm_card", minor)
	w.must(acme, func(tx *compaction.Tx) error {
		p, _, err := payments.Payments.Get(tx, compaction.Key(acme, p.ID))
		if err != nil {
			return err
		}
		if p, err = p.Move(payments.Expire, tx.Now()); err == nil {
			payments.Payments.Put(tx, compaction.Key(acme, p.ID), p)
		}
		return err
	})
	return p
}

// Money that comes for a void invoice, while its quote is invoiced again, is the customer's credit:
// it redeems nothing, the quote ends when both invoices have, and what credit notes alone paid
// releases its promotions without waiting for that.
func TestVoidInvoiceStray(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000), "TEN")
	stray := w.expired(i.ID, 0)
	w.void(i.ID)
	second := w.again(i.Quote)
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, stray.ID, fact(stray, payments.Succeeded, 100))
	})
	w.check()
	if got := w.usage("pro_ours"); got != [2]uint64{1, 0} {
		t.Errorf("money for the void invoice: usage %v", got)
	}
	w.credit(second.ID, "crn_1", second.Total().Minor())
	w.check()
	if got := w.usage("pro_ours"); got != [2]uint64{} {
		t.Errorf("credited: usage %v", got)
	}
	refund := w.refund(stray.ID, stray.Amount.Minor(), "")
	w.check()
	w.payout(line(payments.LinePayment, stray, "ch_"+stray.ID, stray.Amount.Minor(), 100),
		refundLine(stray, refund, stray.Amount.Minor()))
	w.check()
	w.fold()
	w.gone()
}

// A refund of money that a void invoice never had restores nothing of the invoice that came after.
func TestVoidInvoiceStrayRefund(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000), "TEN")
	stray := w.expired(i.ID, 0)
	w.void(i.ID)
	second := w.again(i.Quote)
	paid := w.captured(second.ID, 0, 100)
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, stray.ID, fact(stray, payments.Succeeded, 100))
	})
	refund := w.refund(stray.ID, stray.Amount.Minor(), "")
	w.check()
	if got := w.usage("pro_ours"); got != [2]uint64{0, 1} {
		t.Errorf("the second invoice is paid: usage %v", got)
	}
	w.payout(line(payments.LinePayment, stray, "ch_"+stray.ID, stray.Amount.Minor(), 100),
		refundLine(stray, refund, stray.Amount.Minor()),
		line(payments.LinePayment, paid, "ch_"+paid.ID, paid.Amount.Minor(), 100))
	w.check()
	w.fold()
	w.gone()
}
