package quoting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// TestAcceptWithCode holds that accepting with a code in any case reserves its promotion in the
// same command, that the agreed price includes it, and that a refusal reserves nothing.
func TestAcceptWithCode(t *testing.T) {
	e := start(t)
	p := e.promote(
		Promotion{ID: "pro_1", Coupon: Coupon{Percent: dec(t, "10")}, LimitTotal: 1},
		"Spring-10",
		"SUMMER",
	)
	q := e.issued("quo_1", "cus_ann")
	second := e.issued("quo_2", "cus_bob")
	refused[*NotFoundError](e, accept(q, "WINTER"))
	refused[*FieldError](e, accept(q, "no such code"))
	q = made(e, accept(q, " spring-10 "))
	a := q.Last().Acceptance
	if q.Agreed().Payable.String() != "160.20" ||
		!slices.Equal(a.Redemptions, []string{"red_1_1"}) {
		t.Errorf("agreed %s, redemptions %v", q.Agreed().Payable, a.Redemptions)
	}
	r := read(
		e,
		func(s compaction.State) (Redemption, error) { return FindRedemption(s, "acme", "red_1_1") },
	)
	if r.State != Reserved || r.Code != "SPRING-10" || r.Amount.String() != "15.00" ||
		r.Customer != "cus_ann" {
		t.Errorf("redemption %+v", r)
	}
	if f := refused[*PromotionError](e, accept(second, "summer")); f.Rule != "limit_total" {
		t.Errorf("the limit counts over all codes: got %v", f)
	}
	if got := read(
		e,
		func(s compaction.State) (Quote, error) { return FindQuote(s, "acme", "quo_2") },
	); got.State() != QuoteIssued {
		t.Errorf("a refused acceptance left the quote %v", got.State())
	}
	made(
		e,
		func(tx *compaction.Tx) (Quote, error) { return CancelQuote(tx, "acme", "quo_1", ann) },
	)
	if u := e.usage(p.ID, ""); u != [2]uint64{} {
		t.Errorf("cancelled: usage %v", u)
	}
	made(e, accept(second, "summer"))
	made(
		e,
		func(tx *compaction.Tx) ([]Redemption, error) { return RedeemAll(tx, "acme", "quo_2") },
	)
	if u := e.usage(p.ID, ""); u != [2]uint64{0, 1} {
		t.Errorf("redeemed: usage %v", u)
	}
}

// TestCodes holds that a code is one whatever its case, and that a code or a promotion that is
// deactivated is given no more.
func TestCodes(t *testing.T) {
	e := start(t)
	p := e.promote(Promotion{ID: "pro_1", Coupon: Coupon{Percent: dec(t, "10")}}, "a", "b")
	refused[*ExistsError](
		e,
		func(tx *compaction.Tx) (Code, error) { return AddCode(tx, "acme", p.ID, "A") },
	)
	refused[*NotFoundError](
		e,
		func(tx *compaction.Tx) (Code, error) { return AddCode(tx, "acme", "pro_2", "C") },
	)
	refused[*ExistsError](
		e,
		func(tx *compaction.Tx) (Promotion, error) { return CreatePromotion(tx, p) },
	)
	q := e.issued("quo_1", "cus_ann")
	made(e, func(tx *compaction.Tx) (Code, error) { return DeactivateCode(tx, "acme", "A") })
	if f := refused[*PromotionError](e, accept(q, "a")); f.Rule != "inactive" {
		t.Errorf("got %v", f)
	}
	made(
		e,
		func(tx *compaction.Tx) (Promotion, error) { return DeactivatePromotion(tx, "acme", p.ID) },
	)
	if f := refused[*PromotionError](e, accept(q, "b")); f.Rule != "inactive" {
		t.Errorf("got %v", f)
	}
	for text, want := range map[string]string{
		"spring-10": "SPRING-10", " A ": "A", "": "", "a b": "", "ä": "", "a/b": "", "_": "", "@": "",
		"[": ""} {
		got, err := NormalizeCode(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q (%v)", text, got, err)
		}
	}
}

// TestFirstTime holds that a promotion for first purchases is given once at a time and never to who
// has paid, whichever promotion and quote it was for.
func TestFirstTime(t *testing.T) {
	e := start(t)
	e.promote(
		Promotion{ID: "pro_1", Coupon: Coupon{Percent: dec(t, "10")}, FirstTime: true},
		"one",
	)
	e.promote(
		Promotion{ID: "pro_2", Coupon: Coupon{Percent: dec(t, "20")}, FirstTime: true},
		"two",
	)
	first, second, third := e.issued(
		"quo_1",
		"cus_ann",
	), e.issued(
		"quo_2",
		"cus_ann",
	), e.issued(
		"quo_3",
		"cus_ann",
	)
	made(e, accept(first, "one"))
	if f := refused[*PromotionError](e, accept(second, "two")); f.Rule != "first_time" {
		t.Errorf("two first purchases at a time: %v", f)
	}
	made(
		e,
		func(tx *compaction.Tx) (Quote, error) { return CancelQuote(tx, "acme", "quo_1", ann) },
	)
	made(e, accept(second, "two"))
	made(
		e,
		func(tx *compaction.Tx) ([]Redemption, error) { return RedeemAll(tx, "acme", "quo_2") },
	)
	made(
		e,
		func(tx *compaction.Tx) ([]Redemption, error) { return RestoreAll(tx, "acme", "quo_2") },
	)
	if f := refused[*PromotionError](e, accept(third, "one")); f.Rule != "first_time" {
		t.Errorf("after a purchase: %v", f)
	}
}

// TestReservationLapses holds that a reservation whose time is over is renewed while its quote
// waits to be paid, because the price is agreed, and released otherwise.
func TestReservationLapses(t *testing.T) {
	e := start(t)
	p := e.promote(Promotion{ID: "pro_1", Coupon: Coupon{Percent: dec(t, "10")}}, "one")
	made(e, accept(e.issued("quo_1", "cus_ann"), "one"))
	made(e, func(tx *compaction.Tx) (Redemption, error) {
		return Reserve(
			tx,
			Redemption{
				Tenant:    "acme",
				ID:        "red_x",
				Promotion: p.ID,
				Customer:  "cus_ann",
				Quote:     "quo_none",
				Amount:    money.New(1, eur),
				Expires:   noon.Add(time.Hour),
			},
		)
	})
	if u := e.usage(p.ID, ""); u != [2]uint64{2, 0} {
		t.Fatalf("usage %v", u)
	}
	find := func(id string) Redemption {
		return read(
			e,
			func(s compaction.State) (Redemption, error) { return FindRedemption(s, "acme", id) },
		)
	}
	e.set(noon.Add(ReservationPeriod + time.Minute))
	e.eventually("release", func() bool { return find("red_x").State == Released })
	e.eventually("renewal", func() bool { return find("red_1_1").Expires.After(e.now()) })
	if u := e.usage(p.ID, ""); u != [2]uint64{1, 0} || find("red_1_1").State != Reserved {
		t.Errorf("usage %v", u)
	}
}

// TestLimitUnderConcurrency holds that a limited code is never used more often than it may be, when
// many customers accept at once: exactly as many succeed as there are uses.
func TestLimitUnderConcurrency(t *testing.T) {
	const callers, limit = 64, 10
	e := start(t)
	p := e.promote(
		Promotion{ID: "pro_1", Coupon: Coupon{Percent: dec(t, "10")}, LimitTotal: limit},
		"one",
		"two",
		"three",
	)
	var quotes []Quote
	for n := range callers {
		quotes = append(quotes, e.issued(fmt.Sprintf("quo_%d", n), "cus_ann"))
	}
	var accepted, limited atomic.Int64
	var group sync.WaitGroup
	for n, q := range quotes {
		group.Go(func() {
			code := []string{"one", "two", "three"}[n%3]
			_, err := e.shards.Do(context.Background(), compaction.Command{Tenant: "acme",
				Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
					_, err := accept(q, code)(tx)
					return compaction.Answer{}, err
				}})
			var refusal *PromotionError
			switch {
			case err == nil:
				accepted.Add(1)
			case errors.As(err, &refusal) && refusal.Rule == "limit_total":
				limited.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if accepted.Load() != limit || limited.Load() != callers-limit ||
		e.usage(p.ID, "") != [2]uint64{limit, 0} {
		t.Errorf(
			"%d accepted, %d limited, usage %v",
			accepted.Load(),
			limited.Load(),
			e.usage(p.ID, ""),
		)
	}
}

// A promotionModel is all that a naive reader would keep: each redemption with its state.
type promotionModel struct {
	promotions map[string]Promotion
	uses       map[string]Redemption
	paid       map[string]bool
}

func (m *promotionModel) counted(promotion, customer string) (n uint64) {
	for _, r := range m.uses {
		if r.Promotion == promotion && (customer == "" || r.Customer == customer) &&
			(r.State == Reserved || r.State == Redeemed) {
			n++
		}
	}
	return n
}

// allows says whether one more use may be reserved.
func (m *promotionModel) allows(p Promotion, customer string) bool {
	if !p.Active || p.LimitTotal > 0 && m.counted(p.ID, "") >= p.LimitTotal ||
		p.LimitPerCustomer > 0 && m.counted(p.ID, customer) >= p.LimitPerCustomer {
		return false
	}
	if !p.FirstTime {
		return true
	}
	for _, r := range m.uses {
		if r.Customer == customer && r.State == Reserved &&
			m.promotions[r.Promotion].FirstTime {
			return false
		}
	}
	return !m.paid[customer]
}

// TestPromotionsModel interleaves reservations, redemptions, releases, restorations and endings of
// promotions at random, and holds every answer and every count against the naive model. Redemptions
// are also removed at random, as settlement does: the counts outlive them.
func TestPromotionsModel(t *testing.T) {
	e := start(t)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		m := &promotionModel{map[string]Promotion{}, map[string]Redemption{}, map[string]bool{}}
		var ids []string
		for n := range 3 {
			p := Promotion{
				ID:     fmt.Sprintf("pro_%d_%d", round, n),
				Coupon: Coupon{Percent: dec(e.t, "10")},
				LimitTotal: rapid.Uint64Range(0, 4).
					Draw(t, "total"),
				LimitPerCustomer: rapid.Uint64Range(0, 2).Draw(t, "each"),
				FirstTime:        rapid.Bool().Draw(t, "first"),
			}
			m.promotions[p.ID] = e.promote(p)
			ids = append(ids, p.ID)
		}
		for n := range rapid.IntRange(1, 40).Draw(t, "steps") {
			m.step(t, e, round, n, ids)
		}
		for _, id := range ids {
			if u := e.usage(id, ""); u[0]+u[1] != m.counted(id, "") {
				t.Fatalf("%s: usage %v, want %d in all", id, u, m.counted(id, ""))
			}
		}
	})
}

// step does one thing to both, and compares.
func (m *promotionModel) step(t *rapid.T, e *engine, round, n int, ids []string) {
	p := m.promotions[rapid.SampledFrom(ids).Draw(t, "promotion")]
	customer := fmt.Sprintf("cus_%d_%d", round, rapid.IntRange(0, 2).Draw(t, "customer"))
	var known []string
	for id := range m.uses {
		known = append(known, id)
	}
	slices.Sort(known)
	what := rapid.SampledFrom([]string{"reserve", "reserve", "reserve", "redeem", "release",
		"restore", "remove", "end"}).
		Draw(t, "what")
	if what == "reserve" || len(known) == 0 {
		r := Redemption{
			Tenant:    "acme",
			ID:        fmt.Sprintf("red_%d_%d", round, n),
			Promotion: p.ID,
			Customer:  customer,
			Quote:     "quo_none",
			Amount:    money.New(1, eur),
		}
		allowed := m.allows(p, customer)
		err := e.do(func(tx *compaction.Tx) (err error) { r, err = Reserve(tx, r); return err })
		if (err == nil) != allowed {
			t.Fatalf("reserving %s for %s: %v, want allowed %v", p.ID, customer, err, allowed)
		}
		if err == nil {
			m.uses[r.ID] = r
		}
		return
	}
	id := rapid.SampledFrom(known).Draw(t, "redemption")
	r := m.uses[id]
	switch what {
	case "end":
		p.Active = false
		m.promotions[p.ID] = p
		made(
			e,
			func(tx *compaction.Tx) (Promotion, error) { return DeactivatePromotion(tx, "acme", p.ID) },
		)
		return
	case "remove":
		if r.State == Reserved || r.Quote == "" {
			return // settlement removes what is closed only
		}
		e.ok(
			func(tx *compaction.Tx) error { Redemptions.Delete(tx, compaction.Key("acme", id)); return nil },
		)
		r.Quote = "" // marks it as removed
		m.uses[id] = r
		return
	}
	do, from, to := Redeem, Reserved, Redeemed
	switch what {
	case "release":
		do, from, to = Release, Reserved, Released
	case "restore":
		do, from, to = Restore, Redeemed, Restored
	}
	legal := r.State == from && r.Quote != ""
	err := e.do(func(tx *compaction.Tx) error { _, err := do(tx, "acme", id); return err })
	if (err == nil) != legal {
		t.Fatalf("%s of a redemption that is %v: %v", what, r.State, err)
	}
	if legal {
		r.State = to
		m.uses[id] = r
		m.paid[r.Customer] = m.paid[r.Customer] || to == Redeemed
	}
}
