package settlement

import (
	"errors"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// refund makes a refund that the gateway gives back at once.
func (w *world) refund(payment string, minor int64, creditNote string) string {
	w.t.Helper()
	r := w.id("ref")
	w.must(acme, func(tx *compaction.Tx) error {
		made, err := CreateRefund(tx, acme, NewRefund{ID: r, Payment: payment,
			Amount: euro(minor), CreditNote: creditNote})
		if err != nil || made.Gateway == Offline {
			return err
		}
		return ApplyRefund(tx, acme, r, payments.RefundFact{Gateway: "stripe",
			GatewayID: "re_" + r, GatewayPayment: "pi_" + payment,
			State: payments.RefundSucceeded, Amount: euro(minor), Observed: tx.Now()})
	})
	return r
}

// decided has the gateway say how a refund went.
func (w *world) decided(p payments.Payment, refund string, minor int64, s payments.RefundState) {
	w.t.Helper()
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyRefund(tx, acme, refund, payments.RefundFact{Gateway: "stripe",
			GatewayID: "re_" + refund, GatewayPayment: "pi_" + p.ID, State: s,
			Amount: euro(minor), Observed: time.Now().UTC()})
	})
}

// TestCreateRefundCreditNote holds that a refund pays out a credit note of its own invoice and no
// more of it than is left, that what is asked for without an amount is that, and that a refund
// which fails, at once or after the money was given back, gives its part of the note back.
func TestCreateRefundCreditNote(t *testing.T) {
	w := newWorld(t)
	other := w.invoice(document(10_000))
	w.credit(other.ID, "crn_other", 100)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	w.credit(i.ID, "crn_1", 2_500)
	create := func(id, note string, minor int64) error {
		n := NewRefund{ID: id, Payment: p.ID, CreditNote: note}
		if minor > 0 {
			n.Amount = euro(minor)
		}
		return w.do(acme, func(tx *compaction.Tx) error {
			_, err := CreateRefund(tx, acme, n)
			return err
		})
	}
	var unknown *CreditNoteError
	for _, note := range []string{"any text", "crn_other"} {
		if err := create("ref_x", note, 100); !errors.As(err, &unknown) {
			t.Errorf("a refund of the note %q: %v", note, err)
		}
	}
	var over *quoting.AmountError
	if err := create("ref_x", "crn_1", 2_501); !errors.As(err, &over) ||
		over.Available != euro(2_500) {
		t.Errorf("more than the note: %v", err)
	}
	if err := create("ref_a", "crn_1", 2_000); err != nil {
		t.Fatal(err)
	}
	if err := create("ref_x", "crn_1", 501); !errors.As(err, &over) || over.Available != euro(500) {
		t.Errorf("more than is left while a refund is pending: %v", err)
	}
	w.decided(p, "ref_a", 2_000, payments.RefundFailed)
	w.check()
	if err := create("ref_b", "crn_1", 0); err != nil {
		t.Fatal(err)
	}
	w.decided(p, "ref_b", 2_500, payments.RefundSucceeded)
	w.check()
	if got := w.holds(acme, Credit(customer)); got != 0 {
		t.Errorf("the customer's credit is %d after the note was paid out", got)
	}
	w.decided(p, "ref_b", 2_500, payments.RefundFailed) // the customer's bank sends it back
	w.check()
	if got := w.holds(acme, Credit(customer)); got != -2_500 {
		t.Errorf("the customer's credit is %d after the money came back", got)
	}
	if err := create("ref_c", "crn_1", 2_500); err != nil {
		t.Errorf("what came back cannot be refunded: %v", err)
	}
	w.fold()
}

// refundLine is the line of a payout that shows a refund.
func refundLine(p payments.Payment, refund string, minor int64) payments.PayoutLine {
	l := line(payments.LineRefund, p, "re_"+refund, -minor, 0)
	l.Refund = refund
	return l
}

// TestRefundRestores holds that a promotion is given back when all that was paid of its invoice was
// refunded, before the payments settle and after, with credit notes and without, and not before the
// last of it; and that it stays given back when the refund comes back.
func TestRefundRestores(t *testing.T) {
	w := newWorld(t)
	w.promote(quoting.Promotion{ID: "pro_once", LimitTotal: 1}, "ONCE")
	i := w.invoice(document(10_000), "ONCE") // 112.50
	first := w.captured(i.ID, 5_000, 100)
	second := w.captured(i.ID, 0, 100)
	w.payout(line(payments.LinePayment, first, "ch_"+first.ID, 5_000, 100))
	w.credit(i.ID, "crn_1", 250)
	note := w.refund(second.ID, 250, "crn_1")
	rest := w.refund(second.ID, 6_000, "")
	w.check()
	w.payout(line(payments.LinePayment, second, "ch_"+second.ID, 6_250, 100),
		refundLine(second, note, 250), refundLine(second, rest, 6_000))
	w.check()
	w.gone()
	if got := w.usage("pro_once"); got != [2]uint64{0, 1} {
		t.Errorf("one of two payments was refunded: usage %v", got)
	}
	late := w.refund(first.ID, 5_000, "")
	w.check()
	if got := w.usage("pro_once"); got != [2]uint64{} {
		t.Errorf("all was refunded, late: usage %v", got)
	}
	w.decided(first, late, 5_000, payments.RefundFailed)
	w.check()
	if got := w.usage("pro_once"); got != [2]uint64{} {
		t.Errorf("the refund came back: usage %v", got)
	}
	failure := line(payments.LineRefundFailure, first, "re_"+late, 5_000, 0)
	failure.ID, failure.Refund = "txn_failure", late
	w.payout(refundLine(first, late, 5_000), failure)
	w.check()
	w.fold()
	w.gone()
	again := w.invoice(document(10_000), "ONCE")
	w.captured(again.ID, 0, 100)
	if got := w.usage("pro_once"); got != [2]uint64{0, 1} {
		t.Errorf("given to the next: usage %v", got)
	}
}

// TestDisputeRestores holds that a dispute which takes all of the money gives the promotion back,
// that the customer may still pay, and that the void invoice's quote keeps its price.
func TestDisputeRestores(t *testing.T) {
	w, p, i := settled(t)
	if got := w.usage("pro_ours"); got != [2]uint64{0, 1} {
		t.Fatalf("paid: usage %v", got)
	}
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyDispute(tx, acme, "", payments.DisputeFact{Gateway: "stripe", GatewayID: "dp_1",
			GatewayPayment: "pi_" + p.ID, State: payments.DisputeLost, Amount: p.Amount,
			Withdrawn: p.Amount, Fee: euro(0), Observed: time.Now().UTC()})
	})
	w.check()
	if got := w.usage("pro_ours"); got != [2]uint64{} {
		t.Errorf("lost: usage %v", got)
	}
	w.payout(line(payments.LineDispute, p, "dp_1", -p.Amount.Minor(), 0))
	again := w.captured(i.ID, 0, 100)
	w.check()
	if got := w.usage("pro_ours"); got != [2]uint64{} {
		t.Errorf("paid again: usage %v", got)
	}
	w.payout(line(payments.LinePayment, again, "ch_"+again.ID, again.Amount.Minor(), 100))
	w.check()
	w.fold()
	w.gone()
}
