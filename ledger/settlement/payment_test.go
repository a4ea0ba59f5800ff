package settlement

import (
	"errors"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
)

// begun commits the beginning of an attempt as the worker of the outbox does.
func (w *world) begun(p payments.Payment) payments.Payment {
	w.t.Helper()
	w.must(acme, func(tx *compaction.Tx) error {
		now, _, err := payments.Payments.Get(tx, compaction.Key(acme, p.ID))
		if err != nil {
			return err
		}
		if p, err = now.Move(payments.Process, tx.Now()); err != nil {
			return err
		}
		payments.Payments.Put(tx, compaction.Key(acme, p.ID), p)
		e, err := now.CreateEffect("")
		if err != nil {
			return err
		}
		compaction.Outbox.Delete(tx, compaction.Key(acme, e.ID))
		a := payments.Attempt{Tenant: acme, Payment: p.ID, Number: p.Attempts, Effect: e.ID,
			Gateway: p.Gateway, Method: p.Method}
		payments.Attempts.Put(tx, payments.AttemptKey(acme, p.ID, a.Number), a.Begin(tx.Now()))
		return nil
	})
	return p
}

// A payment may take several attempts, which end with it; each has an effect of its own.
func TestRetryPayment(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.pay(i.ID, "stripe", "pm_bad", 0)
	retry := func() error {
		return w.do(acme, func(tx *compaction.Tx) error {
			_, err := RetryPayment(tx, acme, p.ID, "pm_good", "")
			return err
		})
	}
	if err := retry(); !errors.Is(err, ErrAttempt) {
		t.Errorf("while the first attempt waits: %v", err)
	}
	p = w.begun(p)
	var refused *payments.MoveError
	if err := retry(); !errors.As(err, &refused) {
		t.Errorf("while the first attempt is under way: %v", err)
	}
	declined := fact(p, payments.RequiresPaymentMethod, 0)
	declined.Code = "card_declined"
	w.must(acme, func(tx *compaction.Tx) error { return ApplyPayment(tx, acme, p.ID, declined) })
	if err := retry(); err != nil {
		t.Fatal(err)
	}
	p = w.begun(p)
	if p.Attempts != 2 || p.Method != "pm_good" {
		t.Errorf("the second attempt is %+v", p)
	}
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, "", fact(p, payments.Succeeded, 175))
	})
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175))
	w.check()
	w.gone()
	f, err := Recall(w.ctx, w.s, acme, p.ID+"-2")
	if err != nil || len(f.Records) != 5 { // payment, two attempts, invoice, quote
		t.Errorf("an attempt's id leads to %d records, %v", len(f.Records), err)
	}
	if err := Reopen(w.ctx, w.s, acme, p.ID); err != nil {
		t.Fatal(err)
	}
	w.check()
	w.must(acme, func(tx *compaction.Tx) error {
		done, err := Settle(tx, acme, p.ID)
		if !done {
			t.Error("what was reopened is not settled again")
		}
		return err
	})
	w.check()
	w.fold()
	w.gone()
}

// isUnderWay reports whether err names the payment as what is to be waited for, and how it stands.
func isUnderWay(err error, payment string, status payments.State) bool {
	e, ok := errors.AsType[*UnderWayError](err)
	return ok && e.Payment == payment && e.Status == status && endings[status] != ""
}

// Where open payments bring all that is due, the next one is told which of them to end, and not
// that nothing is more than nothing.
func TestCreatePaymentCovered(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.pay(i.ID, "stripe", "pm_bad", 0)
	again := func(amount money.Amount) error {
		return w.do(acme, func(tx *compaction.Tx) error {
			_, err := CreatePayment(tx, acme, NewPayment{ID: "pay_x", Invoice: i.ID,
				Gateway: "stripe", Amount: amount})
			return err
		})
	}
	for _, amount := range []money.Amount{{}, euro(1), euro(99_999)} {
		if err := again(amount); !isUnderWay(err, p.ID, payments.Processing) {
			t.Errorf("%s while an attempt is under way: %v", amount, err)
		}
	}
	p = w.begun(p)
	declined := fact(p, payments.RequiresPaymentMethod, 0)
	declined.Code = "card_declined"
	w.must(acme, func(tx *compaction.Tx) error { return ApplyPayment(tx, acme, p.ID, declined) })
	if err := again(money.Amount{}); !isUnderWay(err, p.ID, payments.RequiresPaymentMethod) {
		t.Errorf("after a decline: %v", err)
	}
}

// A refund of all that is left says so where nothing is, and names the state of a payment that
// never had money: neither is an amount that somebody wrote wrongly.
func TestCreateRefundNothingLeft(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	refund := func(payment string) error {
		return w.do(acme, func(tx *compaction.Tx) error {
			_, err := CreateRefund(tx, acme, NewRefund{ID: w.id("ref"), Payment: payment})
			return err
		})
	}
	open := w.pay(i.ID, "stripe", "pm_card", 5_000)
	if _, ok := errors.AsType[*payments.MoveError](refund(open.ID)); !ok {
		t.Errorf("a payment without money: %v", refund(open.ID))
	}
	paid := w.pay(i.ID, Offline, "cash", 5_000)
	if err := refund(paid.ID); err != nil {
		t.Fatal(err)
	}
	if err := refund(paid.ID); !errors.Is(err, ErrRefunded) {
		t.Errorf("a payment that was given back: %v", err)
	}
}

// An authorised payment takes what is captured of it, and the rest of the invoice stays due.
func TestCapturePayment(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.begun(w.pay(i.ID, "stripe", "pm_card", 0))
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, p.ID, fact(p, payments.RequiresCapture, 0))
	})
	capture := func(minor int64) error {
		return w.do(acme, func(tx *compaction.Tx) error {
			_, err := CapturePayment(tx, acme, p.ID, euro(minor))
			return err
		})
	}
	var over *DueError
	if err := capture(12_501); !errors.As(err, &over) {
		t.Errorf("more than is authorised: %v", err)
	}
	if err := capture(0); !errors.Is(err, payments.ErrAmount) {
		t.Errorf("nothing: %v", err)
	}
	if err := capture(5_000); err != nil {
		t.Fatal(err)
	}
	if n := len(w.effects(acme, payments.EffectCapture)); n != 1 {
		t.Errorf("%d captures are wanted", n)
	}
	f := fact(p, payments.Succeeded, 100)
	f.Received = euro(5_000)
	w.must(acme, func(tx *compaction.Tx) error { return ApplyPayment(tx, acme, p.ID, f) })
	w.check()
	if got := w.holds(acme, Receivable(customer)); got != 7_500 {
		t.Errorf("receivable %d", got)
	}
	err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := VoidInvoice(tx, acme, i.ID)
		return err
	})
	if !errors.Is(err, ErrPaid) {
		t.Errorf("void after a payment: %v", err)
	}
}

// A payment whose attempt has begun is canceled by its gateway, and ends when that says so; money
// that comes nevertheless conflicts, and what a person resolves is settled.
func TestCancelPaymentBegun(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.begun(w.pay(i.ID, "stripe", "pm_card", 0))
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := CancelPayment(tx, acme, p.ID)
		return err
	})
	if n := len(w.effects(acme, payments.EffectCancel)); n != 1 {
		t.Errorf("%d cancellations are wanted", n)
	}
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, p.ID, fact(p, payments.Canceled, 0))
	})
	w.check()
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyPayment(tx, acme, "", fact(p, payments.Succeeded, 175))
	})
	w.check()
	w.must(acme, func(tx *compaction.Tx) error {
		_, err := ResolvePayment(tx, acme, p.ID, p.Amount)
		return err
	})
	w.check()
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175))
	w.check()
	w.fold()
	w.gone()
}

// A payment whose webhook never came is known by its payout line, and a refund that came back is
// posted back.
func TestApplyPayoutLineProves(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.begun(w.pay(i.ID, "stripe", "pm_card", 0))
	w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175))
	w.check()
	w.gone()
	r := w.refund(p.ID, 2_000, "")
	w.must(acme, func(tx *compaction.Tx) error {
		return ApplyRefund(tx, acme, "", payments.RefundFact{Gateway: "stripe",
			GatewayID: "re_" + r, GatewayPayment: "pi_" + p.ID, State: payments.RefundFailed,
			Amount: euro(2_000), Code: "lost_or_stolen_card", Observed: tx.Now()})
	})
	w.check()
	out := line(payments.LineRefund, p, "re_"+r, -2_000, 0)
	back := line(payments.LineRefundFailure, p, "re_"+r, 2_000, 0)
	fee := line(payments.LineFee, p, "fee_1", -30, 0)
	out.Refund, back.Refund, back.ID = r, r, "txn_back"
	w.payout(out, back, fee)
	w.check()
	w.fold()
	w.gone()
	for id, want := range map[string]int64{"refunds": 0, "clearing:stripe": 0,
		"fees:stripe": 205, "bank": 12_500 - 205} {
		if got := w.holds(acme, account(id)); got != want {
			t.Errorf("%s holds %d, want %d", id, got, want)
		}
	}
}

// A refund that was made at the gateway is taken as a new one of its payment; facts of what nobody
// here has change nothing.
func TestApplyRefundUnknown(t *testing.T) {
	w, p, _ := settled(t)
	f := payments.RefundFact{Gateway: "stripe", GatewayID: "re_x", GatewayPayment: "pi_" + p.ID,
		State: payments.RefundSucceeded, Amount: euro(700), Observed: time.Now().UTC()}
	for range 2 {
		w.must(acme, func(tx *compaction.Tx) error { return ApplyRefund(tx, acme, "", f) })
		w.check()
	}
	if got := w.holds(acme, AccountRefunds); got != 700 {
		t.Errorf("refunds hold %d", got)
	}
	before := w.head(acme)
	w.must(acme, func(tx *compaction.Tx) error {
		stranger := fact(p, payments.Succeeded, 0)
		stranger.GatewayID, f.GatewayPayment = "pi_stranger", "pi_stranger"
		f.GatewayID = "re_stranger"
		if err := ApplyRefund(tx, acme, "", f); err != nil {
			return err
		}
		d := payments.DisputeFact{Gateway: "stripe", GatewayID: "dp_stranger",
			GatewayPayment: "pi_stranger", State: payments.DisputeWon, Amount: euro(1)}
		if err := ApplyDispute(tx, acme, "", d); err != nil {
			return err
		}
		return ApplyPayment(tx, acme, "", stranger)
	})
	if got := w.head(acme); got != before {
		t.Error("the facts of strangers are in the journal")
	}
}

// A line that was refused can be sent again, and then closes its payout.
func TestResendPayoutLine(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	l := line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175)
	f := payments.PayoutFact{Gateway: "stripe", GatewayID: "po_1", State: payments.PayoutPaid,
		Amount: l.Net, Observed: time.Now().UTC()}
	w.must(platform, func(tx *compaction.Tx) error { return ApplyPayout(tx, platform, f, nil) })
	w.must(platform, func(tx *compaction.Tx) error {
		return ApplyPayout(tx, platform, f, []payments.PayoutLine{l})
	})
	l.Tenant, l.Payout = platform, "stripe-po_1"
	resend := func(tx *compaction.Tx) error {
		return ResendPayoutLine(tx, platform, "stripe-po_1", l.ID)
	}
	if err := w.do(platform, resend); !errors.Is(err, ErrMatched) {
		t.Errorf("a line that waits is sent again: %v", err)
	}
	w.must(platform, func(tx *compaction.Tx) error {
		for _, e := range []string{"stripe-po_1-" + l.ID} {
			compaction.Outbox.Delete(tx, compaction.Key(platform, e))
		}
		return AnswerPayoutLine(tx, l, CodeAmount)
	})
	w.must(platform, resend)
	w.tell("stripe-po_1")
	w.check()
	w.fold()
	w.gone()
	if err := w.do(platform, resend); !errors.Is(err, ErrMatched) && !errors.Is(err, ErrNotFound) {
		t.Errorf("a line of a closed payout is sent again: %v", err)
	}
	w.gone()
}

// What the bank shows of a payout ends its expectation and posts nothing: the payout did.
func TestMatchStatementEntryPayout(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	p := w.captured(i.ID, 0, 175)
	id := w.payout(line(payments.LinePayment, p, "ch_"+p.ID, 12_500, 175))
	w.must(platform, func(tx *compaction.Tx) error {
		_, err := MatchStatementEntry(tx, platform, StatementEntry{ID: "e1",
			Reference: "STRIPE " + id, Amount: euro(12_325)})
		return err
	})
	w.check()
	w.read(platform, func(v *compaction.View) error {
		n, err := v.Count(Expectations.Topic().Name)
		m, err2 := v.Count(StatementEntries.Topic().Name)
		if n != 0 || m != 0 {
			t.Errorf("%d expectations and %d entries are left", n, m)
		}
		return errors.Join(err, err2)
	})
}

// What is asked wrongly is refused, and leaves nothing behind.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	i := w.invoice(document(10_000))
	var missing *quoting.NotFoundError
	for name, test := range map[string]struct {
		decide func(tx *compaction.Tx) error
		want   error
	}{
		"no gateway": {func(tx *compaction.Tx) error {
			_, err := CreatePayment(tx, acme, NewPayment{ID: "p", Invoice: i.ID})
			return err
		}, ErrGateway},
		"no method": {func(tx *compaction.Tx) error {
			_, err := CreatePayment(tx, acme, NewPayment{ID: "p", Invoice: i.ID, Gateway: Offline})
			return err
		}, ErrMethod},
		"no payment": {func(tx *compaction.Tx) error {
			_, err := CreateRefund(tx, acme, NewRefund{ID: "r", Payment: "pay_none"})
			return err
		}, ErrNotFound},
		"no expectation": {func(tx *compaction.Tx) error {
			return AcceptDifference(tx, acme, "none")
		}, ErrNotFound},
		"no entry": {func(tx *compaction.Tx) error {
			_, err := MatchByHand(tx, acme, "none", "none", true)
			return err
		}, ErrNotFound},
		"an entry of nothing": {func(tx *compaction.Tx) error {
			_, err := MatchStatementEntry(tx, acme, StatementEntry{ID: "e"})
			return err
		}, ErrReference},
	} {
		if err := w.do(acme, test.decide); !errors.Is(err, test.want) || err.Error() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := w.do(acme, func(tx *compaction.Tx) error {
		_, err := CreatePayment(tx, acme, NewPayment{ID: "p", Invoice: "inv_none", Gateway: "g"})
		return err
	})
	if !errors.As(err, &missing) {
		t.Errorf("an invoice that is not there: %v", err)
	}
	w.check()
}
