package payments

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/ledger/money"
)

var (
	eur = currency("EUR")
	usd = currency("USD")
	t0  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func currency(code string) money.Currency {
	c, err := money.ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return c
}

func amount(minor int64) money.Amount { return money.New(minor, eur) }

func payment(t interface{ Fatal(...any) }) Payment {
	p, err := New(Payment{ID: "pay_1", Tenant: "acme", Amount: amount(10000), Gateway: "stripe",
		Method: "pm_card_visa"}, t0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fact(s State, after time.Duration) Fact {
	f := Fact{Gateway: "stripe", GatewayID: "pi_1", State: s, Amount: amount(10000),
		Observed: t0.Add(after)}
	if s == Succeeded {
		f.Received, f.Charge = f.Amount, "ch_1"
	}
	return f
}

func apply(t *testing.T, p Payment, f Fact) (Payment, Change) {
	t.Helper()
	p, c, err := p.Apply(f, f.Observed)
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// TestApply walks a payment through a decline, an action and its success, with the fee told late.
func TestApply(t *testing.T) {
	p := payment(t)
	f := fact(RequiresPaymentMethod, 1)
	f.Code = "card_declined"
	p, c := apply(t, p, f)
	if !c.Declined || p.Code != "card_declined" || c.Result != Applied {
		t.Errorf("decline: %+v %+v", p, c)
	}
	f = fact(RequiresAction, 2)
	f.Action = "https://bank.example/3ds"
	p, _ = apply(t, p, f)
	if p.NextAction == "" || p.State != RequiresAction {
		t.Errorf("action: %+v", p)
	}
	p, c = apply(t, p, fact(Succeeded, 3))
	if !c.Money() || c.Received != amount(10000) || p.NextAction != "" || p.Charge != "ch_1" {
		t.Errorf("success: %+v %+v", p, c)
	}
	f = fact(Succeeded, 4)
	f.Fee = amount(175)
	p, c = apply(t, p, f)
	if c.Fee != amount(175) || c.Money() || c.Result != Applied {
		t.Errorf("fee: %+v", c)
	}
	if _, c = apply(t, p, f); c.Result != Duplicate || !c.Fee.IsZero() {
		t.Errorf("told again: %+v", c)
	}
}

// TestApplyOlder holds that arrival does not order facts: what was asked earlier changes nothing,
// except that the gateway's last word counts whenever it comes.
func TestApplyOlder(t *testing.T) {
	p, _ := apply(t, payment(t), fact(RequiresAction, 10))
	if _, c := apply(t, p, fact(Processing, 5)); c.Result != Older {
		t.Errorf("an earlier answer: %v", c.Result)
	}
	p, c := apply(t, p, fact(Succeeded, 5))
	if !c.Money() {
		t.Errorf("an earlier answer that is final: %v", c.Result)
	}
	for _, s := range []State{Processing, RequiresAction, RequiresPaymentMethod, RequiresCapture} {
		if q, c := apply(t, p, fact(s, 20)); c.Result != Older || q != p {
			t.Errorf("%v after success: %v", s, c.Result)
		}
	}
	begun, err := payment(t).Move(Process, t0.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if _, c := apply(t, begun, fact(RequiresPaymentMethod, 5)); c.Result != Older {
		t.Errorf("a decline from before the attempt began: %v", c.Result)
	}
	versioned := fact(RequiresAction, 30)
	versioned.Sequence = 7
	q, _ := apply(t, payment(t), versioned)
	versioned.State, versioned.Sequence = Processing, 6
	if _, c := apply(t, q, versioned); c.Result != Older {
		t.Errorf("an earlier version: %v", c.Result)
	}
}

// TestApplyContradiction holds that what a gateway says is compared: each of these would book
// money that is not there, or miss some that is.
func TestApplyContradiction(t *testing.T) {
	less, other, foreign, short := fact(Succeeded, 2), fact(Succeeded, 2), fact(Succeeded, 2),
		fact(Succeeded, 2)
	less.Amount, less.Received = amount(9999), amount(9999)
	other.GatewayID = "pi_2"
	foreign.Amount = money.New(10000, usd)
	short.Received = amount(9999)
	for want, f := range map[string]Fact{"amount": less, "gateway_id": other, "currency": foreign,
		"amount_received": short} {
		p, _ := apply(t, payment(t), fact(Processing, 1))
		p, c := apply(t, p, f)
		if p.State != Conflicted || p.Conflict != want || c.Result != Contradict {
			t.Errorf("%s: %v, conflict %q, %v", want, p.State, p.Conflict, c.Result)
		}
		if !p.AmountReceived.IsZero() {
			t.Errorf("%s: received %v", want, p.AmountReceived)
		}
		if _, c := apply(t, p, fact(Succeeded, 3)); c.Result != Older {
			t.Errorf("%s: a conflict ended by itself: %v", want, c.Result)
		}
	}
	for _, pair := range [][2]State{{Canceled, Succeeded}, {Succeeded, Canceled}} {
		p, _ := apply(t, payment(t), fact(pair[0], 1))
		if p, _ = apply(t, p, fact(pair[1], 2)); p.Conflict != "state" {
			t.Errorf("%v after %v: %v", pair[1], pair[0], p.State)
		}
	}
}

// TestApplyExpired holds that money which comes after our clock gave up is booked: it is there.
func TestApplyExpired(t *testing.T) {
	p, err := payment(t).Move(Expire, t0)
	if err != nil {
		t.Fatal(err)
	}
	if p, c := apply(t, p, fact(Succeeded, 1)); p.State != Succeeded || !c.Money() {
		t.Errorf("late money: %v", p.State)
	}
}

// TestApplyNonsense holds that a fact with a hole is refused and not guessed at.
func TestApplyNonsense(t *testing.T) {
	var want *FactError
	noID, noState, noAmount := fact(Succeeded, 1), fact(Settled, 1), fact(Succeeded, 1)
	noID.GatewayID, noAmount.Amount = "", money.Amount{}
	for _, f := range []Fact{noID, noState, noAmount} {
		if _, _, err := payment(t).Apply(f, t0); !errors.As(err, &want) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// TestApplyAnyOrder holds for any order and repetition of facts that money is booked exactly once,
// and never without the gateway saying that it has it.
func TestApplyAnyOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := payment(r)
		states := []State{RequiresPaymentMethod, RequiresAction, Processing, RequiresCapture,
			Succeeded}
		booked, told := 0, false
		for i := range rapid.IntRange(1, 12).Draw(r, "facts") {
			s := rapid.SampledFrom(states).Draw(r, "state")
			f := fact(s, time.Duration(rapid.IntRange(0, 20).Draw(r, "asked")))
			q, c, err := p.Apply(f, t0.Add(time.Duration(i)))
			if err != nil {
				r.Fatal(err)
			}
			told = told || s == Succeeded
			if c.Money() {
				booked++
			}
			p = q
		}
		if told != (booked == 1) || told != (p.State == Succeeded) || booked > 1 {
			r.Fatalf("told %v, booked %d times, now %v", told, booked, p.State)
		}
	})
}

// TestStatus holds that an attempt which was asked for is seen at once: a payment that waits for it
// is processing, needs no other method, and once it began carries nothing of the decline before.
func TestStatus(t *testing.T) {
	p := payment(t)
	if got := p.Status(); got != RequiresPaymentMethod {
		t.Errorf("nothing asked for: %v", got)
	}
	declined := fact(RequiresPaymentMethod, 1)
	declined.Code = "card_declined"
	for attempt := 1; attempt <= 2; attempt++ {
		if p = p.Ask(t0); p.Status() != Processing || p.State != RequiresPaymentMethod {
			t.Errorf("attempt %d waits: %v, %v", attempt, p.Status(), p.State)
		}
		p, _ = apply(t, p, declined) // told again, of the attempt before
		if p.Status() != Processing {
			t.Errorf("attempt %d waits and the one before is told again: %v", attempt, p.Status())
		}
		var err error
		if p, err = p.Move(Process, t0); err != nil {
			t.Fatal(err)
		}
		if p.Status() != Processing || p.Waits() || p.Code != "" {
			t.Errorf("attempt %d began: %v, code %q", attempt, p.Status(), p.Code)
		}
		if p, _ = apply(t, p, declined); p.Status() != RequiresPaymentMethod || p.Code == "" {
			t.Errorf("attempt %d was declined: %v, code %q", attempt, p.Status(), p.Code)
		}
	}
	p, _ = apply(t, p.Ask(t0), fact(RequiresAction, 2))
	if p.Status() != RequiresAction || p.Code != "" {
		t.Errorf("the customer must act: %v, code %q", p.Status(), p.Code)
	}
}
