package payments

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/ledger/money"
)

// TestRequest holds what may be refunded: never more than was captured, with refunds that are not
// yet decided counted as if they will succeed.
func TestRequest(t *testing.T) {
	p, _ := apply(t, payment(t), fact(Succeeded, 1))
	p, first, err := p.Request(Refund{ID: "ref_1", Amount: amount(6000)}, t0)
	if err != nil || first.State != RefundRequested || p.AmountRefunding != amount(6000) {
		t.Fatalf("first: %+v %v", first, err)
	}
	var over *RefundError
	if _, _, err = p.Request(Refund{ID: "ref_2", Amount: amount(4001)}, t0); !errors.As(err, &over) {
		t.Errorf("over: %v", err)
	} else if over.Available != amount(4000) {
		t.Errorf("available: %v", over.Available)
	}
	if _, _, err = p.Request(Refund{Amount: amount(0)}, t0); !errors.Is(err, ErrAmount) {
		t.Errorf("zero: %v", err)
	}
	var mismatch *money.MismatchError
	_, _, err = p.Request(Refund{Amount: money.New(1, usd)}, t0)
	if !errors.As(err, &mismatch) {
		t.Errorf("other currency: %v", err)
	}
	var move *MoveError
	if _, _, err = payment(t).Request(Refund{Amount: amount(1)}, t0); !errors.As(err, &move) {
		t.Errorf("nothing captured: %v", err)
	}
}

// TestApplyRefund walks a refund through success and its return by the customer's bank, after
// which the money can be refunded again.
func TestApplyRefund(t *testing.T) {
	p, _ := apply(t, payment(t), fact(Succeeded, 1))
	p, r, err := p.Request(Refund{ID: "ref_1", Amount: amount(6000)}, t0)
	if err != nil {
		t.Fatal(err)
	}
	f := RefundFact{GatewayID: "re_1", Amount: amount(6000)}
	for _, step := range []struct {
		to                  RefundState
		result              Result
		refunding, refunded int64
	}{
		{RefundPending, Applied, 6000, 0},
		{RefundSucceeded, Applied, 0, 6000},
		{RefundSucceeded, Duplicate, 0, 6000},
		{RefundPending, Older, 0, 6000},
		{RefundFailed, Applied, 0, 0},
	} {
		f.State = step.to
		var c RefundChange
		if p, r, c, err = p.ApplyRefund(r, f, t0); err != nil {
			t.Fatal(err)
		}
		if c.Result != step.result || p.AmountRefunding != amount(step.refunding) ||
			p.AmountRefunded != amount(step.refunded) {
			t.Errorf("%v: %v, %v set aside, %v refunded", step.to, c.Result, p.AmountRefunding,
				p.AmountRefunded)
		}
	}
	f.Amount = amount(5999)
	if _, r, c, err := p.ApplyRefund(r, f, t0); err != nil || c.Result != Contradict ||
		r.Conflict != "amount" {
		t.Errorf("another amount: %v %v", c.Result, err)
	}
}

// TestRefundsNeverExceed tries any sequence of requests and outcomes: what is refunded or may
// still be is never more than what was captured, nor negative.
func TestRefundsNeverExceed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, _, err := payment(rt).Apply(fact(Succeeded, 1), t0)
		if err != nil {
			rt.Fatal(err)
		}
		var refunds []Refund
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			if len(refunds) == 0 || rapid.Bool().Draw(rt, "request") {
				ask := amount(rapid.Int64Range(1, 12000).Draw(rt, "amount"))
				q, r, err := p.Request(Refund{Amount: ask}, t0)
				if err == nil {
					p, refunds = q, append(refunds, r)
				}
				continue
			}
			i := rapid.IntRange(0, len(refunds)-1).Draw(rt, "which")
			f := RefundFact{GatewayID: "re", Amount: refunds[i].Amount,
				State: RefundState(rapid.IntRange(2, 5).Draw(rt, "to"))}
			if p, refunds[i], _, err = p.ApplyRefund(refunds[i], f, t0); err != nil {
				rt.Fatal(err)
			}
		}
		var out int64
		for _, r := range refunds {
			if r.State.Undecided() || r.State == RefundSucceeded {
				out += r.Amount.Minor()
			}
		}
		held := p.AmountRefunded.Minor() + p.AmountRefunding.Minor()
		if out != held || held > p.AmountReceived.Minor() || held < 0 {
			rt.Fatalf("refunds hold %d, the payment says %d of %v", out, held, p.AmountReceived)
		}
	})
}

// TestApplyDispute holds that withdrawn and reinstated money is told as totals, so that a fact
// told twice moves nothing twice, and that disputed money cannot be refunded meanwhile.
func TestApplyDispute(t *testing.T) {
	p, _ := apply(t, payment(t), fact(Succeeded, 1))
	f := DisputeFact{Gateway: "stripe", GatewayID: "dp_1", State: DisputeNeedsResponse,
		Amount: amount(10000), Withdrawn: amount(10000), Fee: amount(1500), Observed: t0}
	p, d, c, err := p.ApplyDispute(Dispute{ID: "dsp_1"}, f, t0)
	if err != nil || c.Result != Applied || c.From != 0 || c.Withdrawn != amount(10000) {
		t.Fatalf("opened: %+v %v", c, err)
	}
	if left, err := p.Refundable(); err != nil || !left.IsZero() {
		t.Errorf("refundable while disputed: %v %v", left, err)
	}
	if _, _, c, err = p.ApplyDispute(d, f, t0); err != nil || c.Result != Duplicate {
		t.Errorf("told twice: %v %v", c.Result, err)
	}
	f.State, f.Reinstated, f.Observed = DisputeWon, amount(10000), t0.Add(1)
	p, d, c, err = p.ApplyDispute(d, f, t0)
	if err != nil || c.Reinstated != amount(10000) || !c.Withdrawn.IsZero() || !c.Fee.IsZero() {
		t.Errorf("won: %+v %v", c, err)
	}
	if !p.AmountDisputed.IsZero() || d.State != DisputeWon {
		t.Errorf("after it was won %v is held", p.AmountDisputed)
	}
	f.State, f.Observed = DisputeUnderReview, t0.Add(2)
	if _, _, c, err = p.ApplyDispute(d, f, t0); err != nil || c.Result != Older {
		t.Errorf("under review after it was won: %v %v", c.Result, err)
	}
	f.Amount = amount(1)
	if _, d, c, err = p.ApplyDispute(d, f, t0); err != nil || c.Result != Contradict ||
		d.Conflict == "" {
		t.Errorf("another amount: %v %v", c.Result, err)
	}
}
