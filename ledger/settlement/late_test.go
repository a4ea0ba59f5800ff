package settlement

import (
	"errors"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// settled returns a world with a payment of 125.00 that is settled, and its invoice.
func settled(t *testing.T) (*world, payments.Payment, quoting.Invoice) {
	t.Helper()
	w := newWorld(t)
	i := w.invoice(document(10_000), "TEN")
	p := w.captured(i.ID, 0, 175)
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, p.Amount.Minor(), 175))
	w.gone()
	return w, p, i
}

// head returns the number of the last journal entry of a tenant's shard.
func (w *world) head(tenant string) (n uint64) {
	w.read(tenant, func(v *compaction.View) error {
		h, _, err := ledger.Heads.Get(v, ledger.HeadKey)
		n = h.Sequence
		return err
	})
	return n
}

// A webhook that says again what was settled leaves no trace in the journal, and nothing open.
func TestEngineDuplicate(t *testing.T) {
	w, p, _ := settled(t)
	before := w.head(acme)
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, "", fact(p, payments.Succeeded, 175))
	})
	if got := w.head(acme); got != before {
		t.Errorf("the journal grew from %d to %d", before, got)
	}
	w.check()
	w.gone()
	err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := CreatePayment(tx, acme, NewPayment{ID: p.ID, Invoice: "inv_x", Gateway: "stripe"})
		return err
	})
	if !errors.Is(err, ErrExists) {
		t.Errorf("a payment with the id of a settled one: %v", err)
	}
	w.gone()
}

// A refund after settlement brings the records back, and when its money was seen they are settled
// again: the last final record of the payment counts.
func TestEngineRefund(t *testing.T) {
	w, p, _ := settled(t)
	r := w.refund(p.ID, 1_000, "")
	w.check()
	w.must(acme, func(tx *compaction.Tx) error {
		if open, ok, err := payments.Payments.Get(tx, compaction.Key(acme, p.ID)); !ok ||
			open.State != payments.Succeeded || open.AmountRefunded != euro(1_000) {
			t.Errorf("the payment is %+v, %v", open, err)
		}
		return nil
	})
	back := line(payments.LineRefund, p, "re_"+r, -1_000, 0)
	back.Refund = r
	w.payout(back)
	w.check()
	w.fold()
	w.gone()
	f, err := Recall(w.ctx, w.s, acme, "re_"+r)
	if err != nil {
		t.Fatal(err)
	}
	final := false
	for _, x := range f.Records {
		if x.Fact.Subject == p.ID {
			last, err := payments.DecodePayment(x.Fact.Record)
			final = err == nil && last.AmountRefunded == euro(1_000)
		}
	}
	if !final {
		t.Errorf("the refund's id does not lead to the last record of its payment: %+v", f)
	}
	if got := w.holds(acme, AccountRefunds); got != 1_000 {
		t.Errorf("refunds hold %d", got)
	}
}

// A refund made at the gateway, known first by its payout line, is taken as it is.
func TestApplyPayoutLineRefund(t *testing.T) {
	w, p, _ := settled(t)
	w.payout(line(payments.LineRefund, p, "re_unknown", -500, 0))
	w.check()
	w.fold()
	w.gone()
	if got := w.holds(acme, AccountRefunds); got != 500 {
		t.Errorf("refunds hold %d", got)
	}
}

// A dispute after settlement: withdrawn, lost, and the invoice is open again, to be paid otherwise;
// then everything is settled.
func TestApplyDispute(t *testing.T) {
	w, p, i := settled(t)
	f := payments.DisputeFact{Gateway: "stripe", GatewayID: "dp_1", GatewayPayment: "pi_" + p.ID,
		State: payments.DisputeNeedsResponse, Amount: p.Amount, Withdrawn: p.Amount,
		Fee: euro(1_500), Observed: time.Now().UTC()}
	for range 2 {
		w.must(acme, func(tx *compaction.Tx) error { return ApplyDispute(tx, acme, "", f) })
		w.check()
	}
	if got := w.holds(acme, AccountDisputes); got != p.Amount.Minor() {
		t.Errorf("disputes hold %d", got)
	}
	w.payout(line(payments.LineDispute, p, "dp_1", -p.Amount.Minor(), 1_500))
	w.check()
	f.State = payments.DisputeLost
	f.Observed = time.Now().UTC()
	w.must(acme, func(tx *compaction.Tx) error { return ApplyDispute(tx, acme, p.ID, f) })
	w.check()
	if got := w.holds(acme, Receivable(customer)); got != p.Amount.Minor() {
		t.Errorf("receivable %d", got)
	}
	cheque := w.pay(i.ID, Offline, "cheque", 0)
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := MatchStatementEntry(tx, acme, StatementEntry{ID: "e1", Amount: cheque.Amount,
			Reference: i.Name()})
		return err
	})
	w.check()
	w.fold()
	w.gone()
	if got := w.holds(acme, AccountDisputes); got != 0 {
		t.Errorf("disputes hold %d", got)
	}
	// The customer's bank gives in late: what was lost comes back, and the customer paid twice.
	f.State, f.Reinstated, f.Observed = payments.DisputeWon, p.Amount, time.Now().UTC()
	w.must(acme, func(tx *compaction.Tx) error { return ApplyDispute(tx, acme, p.ID, f) })
	w.check()
	back := line(payments.LineDisputeReversal, p, "dp_1", p.Amount.Minor(), 0)
	back.ID = "txn_back"
	w.payout(back)
	w.check()
	w.fold()
	w.gone()
	if got := w.holds(acme, Credit(customer)); got != -p.Amount.Minor() {
		t.Errorf("the customer's credit is %d", got)
	}
}

// A payout that was paid and closed, and comes back, is clearing again until it is sent again.
func TestApplyPayoutFailed(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	id := w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175))
	w.gone()
	failed := payments.PayoutFact{Gateway: "stripe", GatewayID: id, State: payments.PayoutFailed,
		Amount: euro(12_325), Code: "account_closed", Observed: time.Now().UTC()}
	for range 2 {
		w.must(platform, func(tx *compaction.Tx) error {
			return ApplyPayout(tx, platform, failed, nil)
		})
	}
	w.check()
	if got := w.holds(platform, Clearing("stripe")); got != 12_325 {
		t.Errorf("clearing holds %d", got)
	}
	again := payments.PayoutLine{ID: "txn_again", Owner: platform, Kind: payments.LinePayoutFailure,
		Source: id, Gross: euro(12_325), Fee: euro(0), Net: euro(12_325)}
	w.payout(again)
	w.check()
	w.fold()
	w.gone()
	if got := w.holds(platform, Clearing("stripe")); got != 0 {
		t.Errorf("clearing holds %d", got)
	}
}

// What a payout's lines do not explain is labelled, so that it sums to the cent, and is in
// suspense.
func TestApplyPayoutRemainder(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	l := line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175)
	fee := payments.PayoutLine{ID: "txn_fee", Owner: platform, Kind: payments.LineFee,
		Gross: euro(-200), Fee: euro(0), Net: euro(-200)}
	w.must(platform, func(tx *compaction.Tx) error {
		return ApplyPayout(tx, platform, payments.PayoutFact{Gateway: "stripe", GatewayID: "po_r",
			State: payments.PayoutPaid, Amount: euro(12_325 - 200 + 33),
			Observed: tx.Now()}, []payments.PayoutLine{l, fee})
	})
	w.tell("stripe-po_r")
	w.check()
	w.fold()
	w.gone()
	for id, want := range map[string]int64{"suspense:stripe": -33, "fees:stripe": 200,
		"clearing:stripe": 0, "bank": 33 - 200} {
		if got := w.holds(platform, account(id)); got != want {
			t.Errorf("%s holds %d, want %d", id, got, want)
		}
	}
}

// A line that shows another amount than the books expect is refused, kept for a person to see, and
// settles nothing; sent again with the same amount it does not add up.
func TestApplyPayoutLineMismatch(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	n := payments.LineNotice{Gateway: "stripe",
		Line: line(payments.LinePayment, p, "ch_"+p.ID, 12_400, 175)}
	n.Line.Tenant, n.Line.Payout = platform, "stripe-po_m"
	for range 2 {
		w.must(acme, func(tx *compaction.Tx) error {
			code, err := ApplyPayoutLine(tx, n)
			if code != CodeAmount {
				t.Errorf("code %q", code)
			}
			return err
		})
		w.check()
		w.must(acme, func(tx *compaction.Tx) error {
			e, _, err := Expectations.Get(tx, compaction.Key(acme, p.ID))
			if e.Status != Under || e.Seen != euro(12_400) {
				t.Errorf("the expectation is %v with %v seen", e.Status, e.Seen)
			}
			return err
		})
	}
	n.Line.Payment, n.Line.GatewayPayment = "pay_unknown", ""
	var refused *LineError
	err := w.do(acme, func(tx *compaction.Tx) error { _, err := ApplyPayoutLine(tx, n); return err })
	if !errors.As(err, &refused) {
		t.Errorf("a line of a payment that is not known: %v", err)
	}
}

// Entries of a statement match by reference and amount; what is under or over waits for a person,
// who accepts the difference or matches by hand.
func TestMatchStatementEntry(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(40_000))
	pay := func(minor int64) payments.Payment { return w.pay(i.ID, Offline, "transfer", minor) }
	enter := func(id, reference string, minor int64) (e StatementEntry) {
		t.Helper()
		w.must(acme, func(tx *compaction.Tx) (err error) {
			e, err = MatchStatementEntry(tx, acme, StatementEntry{ID: id, Reference: reference,
				Amount: euro(minor)})
			return err
		})
		w.check()
		return e
	}
	status := func(p payments.Payment) (s Status) {
		w.read(acme, func(v *compaction.View) error {
			e, _, err := Expectations.Get(v, compaction.Key(acme, p.ID))
			s = e.Status
			return err
		})
		return s
	}
	under, over, byHand, missing := pay(10_000), pay(11_000), pay(12_000), pay(13_000)
	if e := enter("e1", "for "+under.ID, 9_000); e.Expectation != under.ID ||
		status(under) != Under {
		t.Errorf("less than announced: %+v, %v", e, status(under))
	}
	if enter("e1", "for "+under.ID, 9_000); status(under) != Under {
		t.Error("an entry was taken twice")
	}
	if err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := MatchStatementEntry(tx, acme, StatementEntry{ID: "e1", Amount: euro(1)})
		return err
	}); err != ErrExists {
		t.Errorf("another entry of the same id: %v, want ErrExists", err)
	}
	if enter("e2", under.ID, 500); status(under) != PartiallyMatched {
		t.Errorf("in parts: %v", status(under))
	}
	if enter("e3", over.ID, 11_500); status(over) != Over {
		t.Errorf("more than announced: %v", status(over))
	}
	if e := enter("e4", "no idea", 777); e.Expectation != "" {
		t.Errorf("nothing is of that amount: %+v", e)
	}
	if e := enter("e5", "by amount", 12_000); e.Expectation != byHand.ID {
		t.Errorf("the only one of that amount: %+v", e)
	}
	w.must(acme, func(tx *compaction.Tx) error { return AcceptDifference(tx, acme, under.ID) })
	w.check()
	w.must(acme, func(tx *compaction.Tx) error { return AcceptDifference(tx, acme, over.ID) })
	w.check()
	err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := MatchByHand(tx, acme, "e4", missing.ID, false)
		return err
	})
	if !errors.Is(err, ErrMatch) {
		t.Errorf("matched by hand without force: %v", err)
	}
	w.must(acme, func(tx *compaction.Tx) error {
		return MarkReceived(tx, acme, missing.ID, "note_1")
	})
	w.check()
	rest := pay(0)
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := MatchByHand(tx, acme, "e4", rest.ID, true)
		return err
	})
	w.check()
	w.fold()
	w.gone()
	if got := w.holds(acme, Undeposited("transfer")); got != 0 {
		t.Errorf("undeposited holds %d", got)
	}
}

// A payment that is canceled before any attempt ends at once, and an invoice that is paid takes its
// canceled ones with it.
func TestCancelPayment(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.pay(i.ID, "stripe", "pm_card", 5_000)
	var over *DueError
	err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := CreatePayment(tx, acme, NewPayment{ID: "pay_x", Invoice: i.ID, Gateway: "stripe",
			Amount: euro(7_501)})
		return err
	})
	if !errors.As(err, &over) || over.Available != euro(7_500) {
		t.Errorf("more than is due and not under way: %v", err)
	}
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := CancelPayment(tx, acme, p.ID)
		return err
	})
	w.check()
	late := w.captured(i.ID, 0, 175)
	w.payout(line(payments.LinePayment, late, "ch_"+late.ID, 12_500, 175))
	w.check()
	w.gone()
}

// A view that breaks a rule is told so.
func TestCheckOpenFaults(t *testing.T) {
	w, p, i := settled(t)
	w.must(acme, func(tx *compaction.Tx) error {
		payments.Payments.Put(tx, compaction.Key(acme, p.ID), p)
		quoting.Invoices.Put(tx, compaction.Key(acme, i.ID), i)
		payments.Refunds.Put(tx, compaction.Key(acme, "ref_x"), payments.Refund{ID: "ref_x",
			Tenant: acme, Payment: "pay_gone", Amount: euro(1)})
		return nil
	})
	w.read(acme, func(v *compaction.View) error {
		found, err := CheckOpen(v)
		want := map[string]bool{}
		for _, f := range found {
			want[f.Key] = true
		}
		for _, key := range []string{p.ID, i.ID, "ref_x", "pi_" + p.ID} {
			if !want[acme+"/"+key] {
				t.Errorf("no fault is found with %s in %v", key, found)
			}
		}
		return err
	})
}
