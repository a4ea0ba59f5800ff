package payments

import (
	"errors"
	"testing"
)

func line(id string, kind LineKind, gross, fee int64) PayoutLine {
	return PayoutLine{ID: id, Owner: "acme", Kind: kind, Gross: amount(gross), Fee: amount(fee),
		Net: amount(gross - fee)}
}

func opened(t *testing.T, minor int64) Payout {
	t.Helper()
	p, c, err := Payout{ID: "po_1", Tenant: "platform"}.Apply(PayoutFact{Gateway: "stripe",
		GatewayID: "po_x", State: PayoutPending, Amount: amount(minor), Observed: t0}, t0)
	if err != nil || c.Result != Applied || c.From != 0 {
		t.Fatalf("opened: %+v %v", c, err)
	}
	return p
}

// TestPayout walks a payout to the bank and back: paid is not the end.
func TestPayout(t *testing.T) {
	p := opened(t, 9825)
	f := PayoutFact{GatewayID: "po_x", Amount: amount(9825), Observed: t0}
	for _, step := range []struct {
		to   PayoutState
		want Result
	}{{PayoutPaid, Applied}, {PayoutPaid, Duplicate}, {PayoutInTransit, Older},
		{PayoutFailed, Applied}, {PayoutPaid, Older}} {
		f.State = step.to
		var c PayoutChange
		var err error
		if p, c, err = p.Apply(f, t0); err != nil || c.Result != step.want {
			t.Errorf("%v: %v %v", step.to, c.Result, err)
		}
	}
	f.Amount = amount(1)
	p, c, err := p.Apply(f, t0)
	if err != nil || c.Result != Contradict || p.Conflict == "" {
		t.Errorf("another amount: %v %v", c.Result, err)
	}
}

// TestWithLines holds that lines which do not make up the payout to the cent are refused, and that
// the payout is reconciled when the last one is answered, whatever the order, each once.
func TestWithLines(t *testing.T) {
	p := opened(t, 9825)
	lines := []PayoutLine{line("txn_1", LinePayment, 12000, 175), line("txn_2", LineRefund, -2000, 0)}
	var wrong *LinesError
	if _, _, err := p.WithLines(lines[:1], t0); !errors.As(err, &wrong) ||
		wrong.Sum != amount(11825) {
		t.Errorf("a line too few: %v", err)
	}
	lines[0].Net = amount(11826)
	if _, _, err := p.WithLines(lines, t0); !errors.As(err, &wrong) || wrong.Line != "txn_1" {
		t.Errorf("a line that does not add up: %v", err)
	}
	lines[0].Net = amount(11825)
	p, lines, err := p.WithLines(lines, t0)
	if err != nil || p.Lines != 2 || p.Reconciled() {
		t.Fatalf("fetched: %+v %v", p, err)
	}
	if _, _, err := p.WithLines(lines, t0); !errors.Is(err, ErrFetched) {
		t.Errorf("fetched twice: %v", err)
	}
	p, lines[1] = p.Answer(lines[1], "no_such_payment", t0)
	p, lines[0] = p.Answer(lines[0], "", t0)
	p, lines[0] = p.Answer(lines[0], "", t0)
	if p.Answered != 1 || p.Reconciled() || lines[1].State != LineRefused {
		t.Errorf("one settled, one refused: %+v", p)
	}
	if p, lines[1] = p.Answer(lines[1], "", t0); !p.Reconciled() || lines[1].Code != "" {
		t.Errorf("all settled: %+v", p)
	}
}
