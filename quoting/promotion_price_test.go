package quoting

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// promotion is an active, combinable promotion with a name.
func promotion(id string, change func(p *Promotion)) Applied {
	p := Promotion{ID: id, Name: id, Funding: Tradesperson, Active: true, Combinable: true}
	change(&p)
	return Applied{Promotion: p, Code: strings.ToUpper(id)}
}

// TestPricePromotions holds promotions to figures worked out by hand: their order, what each is
// taken of, how it is spread, and what remains.
func TestPricePromotions(t *testing.T) {
	eur := func(text string) money.Amount { return amount(t, text, eur) }
	percent := func(text string) func(*Promotion) {
		return func(p *Promotion) { p.Coupon.Percent = dec(t, text) }
	}
	of := func(funding Funding, kind Kind, coupon func(*Promotion)) func(*Promotion) {
		return func(p *Promotion) {
			coupon(p)
			p.Funding = funding
			if kind != 0 {
				p.Scope.Kinds = []Kind{kind}
			}
		}
	}
	take := func(text string) func(*Promotion) {
		return func(p *Promotion) { p.Coupon.Amount = eur(text) }
	}
	for _, x := range []struct {
		name       string
		promotions []Applied
		want       string // id amount/basis limited, …; the lines' parts; tax; payable
	}{
		// 100.00 of labour at 25 %, 50.00 of material at 6 %; 178.00 to pay.
		{"none", nil, "[]; 0.00 0.00; 28.00; 178.00"},
		{"a percentage of all", []Applied{promotion("a", percent("10"))},
			"[a 15.00/150.00]; 10.00 5.00; 25.20; 160.20"},
		{"an amount of all", []Applied{promotion("a", take("10"))},
			"[a 10.00/150.00]; 6.67 3.33; 26.13; 166.13"},
		{"an amount that is too much", []Applied{promotion("a", take("1000"))},
			"[a 150.00/150.00 remaining]; 100.00 50.00; 0.00; 0.00"},
		{"all of it", []Applied{promotion("a", percent("100"))},
			"[a 150.00/150.00]; 100.00 50.00; 0.00; 0.00"},
		{"a cap", []Applied{promotion("a", func(p *Promotion) {
			p.Coupon.Percent, p.Coupon.Cap = dec(t, "50"), eur("20")
		})},
			"[a 20.00/150.00 cap]; 13.33 6.67; 24.27; 154.27"},
		{"lines before the document", []Applied{
			promotion("a", percent("10")), promotion("z", of(Tradesperson, Labour, percent("50")))},
			"[z 50.00/100.00 a 10.00/100.00]; 55.00 5.00; 13.95; 103.95"},
		{"two of ten are nineteen", []Applied{
			promotion("a", percent("10")), promotion("b", percent("10"))},
			"[a 15.00/150.00 b 13.50/135.00]; 19.00 9.50; 22.68; 144.18"},
		{"priority", []Applied{promotion("a", take("100")),
			promotion("b", func(p *Promotion) { percent("10")(p); p.Priority = 1 })},
			"[b 15.00/150.00 a 100.00/135.00]; 76.67 38.33; 6.53; 41.53"},
		{"paid by the platform", []Applied{promotion("a", of(Platform, 0, percent("10")))},
			"[a 17.80/178.00]; 0.00 0.00; 28.00; 160.20"},
		{"paid by the platform for labour", []Applied{
			promotion("a", of(Platform, Labour, percent("10"))),
			promotion("b", of(Platform, Labour, percent("10")))},
			"[a 12.50/125.00 b 11.25/112.50]; 0.00 0.00; 28.00; 154.25"},
		{"both, the platform's last", []Applied{
			promotion("a", of(Platform, Labour, take("500"))), promotion("b", percent("10"))},
			"[b 15.00/150.00 a 112.50/112.50 remaining]; 10.00 5.00; 25.20; 47.70"},
	} {
		material := line(t, "5", "10", "6")
		material.Kind = Material
		labour := line(t, "2", "50", "25")
		labour.Kind = Labour
		got, err := Price(
			Document{Currency: money.MustParseCurrency("EUR"), Lines: []Line{labour, material}},
			x.promotions,
			time.Time{},
		)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		var applied []string
		for _, p := range got.Promotions {
			applied = append(
				applied,
				strings.TrimSpace(
					fmt.Sprintf("%s %s/%s %s", p.Promotion, p.Amount, p.Basis, p.Limited),
				),
			)
		}
		text := fmt.Sprintf(
			"%v; %s %s; %s; %s",
			applied,
			got.Lines[0].Promotion,
			got.Lines[1].Promotion,
			got.Tax,
			got.Payable,
		)
		if text != x.want {
			t.Errorf("%s:\ngot  %s\nwant %s", x.name, text, x.want)
		}
	}
}

// TestPricePromotionsEdges holds that what is already below zero gives nothing, and that
// allowances, charges and what was prepaid bound what a promotion takes.
func TestPricePromotionsEdges(t *testing.T) {
	all := promotion("a", func(p *Promotion) { p.Coupon.Percent = dec(t, "100") })
	labour := promotion(
		"a",
		func(p *Promotion) { p.Coupon.Percent, p.Scope.Kinds = dec(t, "100"), []Kind{Labour} },
	)
	paid := promotion(
		"a",
		func(p *Promotion) { p.Coupon.Percent, p.Funding = dec(t, "100"), Platform },
	)
	adjust := func(text, rate string) []Adjustment {
		return []Adjustment{
			{Amount: amount(t, text, eur), Tax: Tax{StandardRate, dec(t, rate)}},
		}
	}
	kind := func(l Line, k Kind) Line { l.Kind = k; return l }
	for name, x := range map[string]struct {
		d    Document
		p    Applied
		want string // amount, payable
	}{
		"a line taken back": {Document{Lines: []Line{
			line(t, "1", "100", "25"), line(t, "-1", "30", "6")}}, all, "70.00 5.70"},
		"an allowance bounds its lines": {Document{
			Lines: []Line{kind(line(t, "1", "100", "25"), Labour)}, Allowances: adjust("90", "25")},
			labour, "10.00 0.00"},
		"a charge is part of the document": {Document{
			Lines: []Line{line(t, "1", "100", "25")}, Charges: adjust("10", "25")}, all, "110.00 0.00"},
		"a charge is no line": {Document{
			Lines: []Line{kind(line(t, "1", "100", "25"), Labour)}, Charges: adjust("10", "25")}, labour,
			"100.00 12.50"},
		"a charge alone in its tax": {Document{
			Lines: []Line{line(t, "1", "100", "25")}, Charges: adjust("10", "6")}, all, "110.00 0.00"},
		"prepaid": {Document{
			Lines: []Line{line(t, "1", "100", "25")}, Prepaid: amount(t, "100", eur)}, paid, "25.00 0.00"},
		"prepaid too much": {Document{
			Lines: []Line{line(t, "1", "100", "25")}, Prepaid: amount(t, "200", eur)}, paid, "0.00 -75.00"},
		"nothing": {Document{Lines: []Line{line(t, "0", "100", "25")}}, all,
			"0.00 0.00"},
	} {
		x.d.Currency = eur
		got, err := Price(x.d, []Applied{x.p}, time.Time{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text := got.Promotions[0].Amount.String() + " " + got.Payable.String(); text != x.want {
			t.Errorf("%s: got %s, want %s", name, text, x.want)
		}
	}
}

// TestPricePromotionsRefused holds that a promotion that may not be applied is refused by the rule
// that it breaks, and never left out in silence.
func TestPricePromotionsRefused(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ten := func(change func(p *Promotion)) Applied {
		return promotion("a", func(p *Promotion) { p.Coupon.Percent = dec(t, "10"); change(p) })
	}
	sek := money.New(1, money.MustParseCurrency("SEK"))
	other := promotion("b", func(p *Promotion) { p.Coupon.Percent = dec(t, "10") })
	for rule, promotions := range map[string][]Applied{
		"inactive":       {ten(func(p *Promotion) { p.Active = false })},
		"not_yet":        {ten(func(p *Promotion) { p.From = at.Add(1) })},
		"ended":          {ten(func(p *Promotion) { p.To = at })},
		"currency":       {ten(func(p *Promotion) { p.Coupon.Cap = sek })},
		"currency ":      {ten(func(p *Promotion) { p.MinimumSpend = sek })},
		"minimum_spend":  {ten(func(p *Promotion) { p.MinimumSpend = money.New(10001, eur) })},
		"scope":          {ten(func(p *Promotion) { p.Scope.Items = []string{"itm_1"} })},
		"not_combinable": {ten(func(p *Promotion) { p.Combinable = false }), other},
		"twice":          {other, other},
		"too_many":       slices.Repeat([]Applied{other}, 11),
	} {
		d := Document{Currency: eur, Lines: []Line{line(t, "1", "100", "25")}}
		_, err := Price(d, promotions, at)
		var refused *PromotionError
		if !errors.As(err, &refused) || refused.Rule != strings.TrimSpace(rule) ||
			promotionRules[refused.Rule] == "" {
			t.Errorf("%s: got %v", rule, err)
		}
	}
	d := Document{Currency: eur, Lines: []Line{line(t, "-1", "100", "25")}}
	_, err := Price(d, []Applied{other}, at)
	if refused := (*PromotionError)(
		nil,
	); !errors.As(err, &refused) ||
		refused.Rule != "negative_document" {
		t.Errorf("a negative document: got %v", err)
	}
}

// TestPromotionCheck holds what a promotion must be like to be created at all.
func TestPromotionCheck(t *testing.T) {
	sek := money.New(1, money.MustParseCurrency("SEK"))
	for field, change := range map[string]func(p *Promotion){
		"percent":   func(p *Promotion) { p.Coupon.Percent = dec(t, "100.1") },
		"percent ":  func(p *Promotion) { p.Coupon.Percent = dec(t, "0") },
		"percent  ": func(p *Promotion) { p.Coupon.Percent = dec(t, "-1") },
		"amount":    func(p *Promotion) { p.Coupon.Amount = money.New(1, eur) },
		"amount ":   func(p *Promotion) { p.Coupon.Amount = money.New(-1, eur) },
		"cap":       func(p *Promotion) { p.Coupon.Cap = money.New(-1, eur) },
		"cap ": func(p *Promotion) {
			p.Coupon = Coupon{Cap: money.New(1, eur), Amount: money.New(1, eur)}
		},
		"name":           func(p *Promotion) { p.Name = "" },
		"funding":        func(p *Promotion) { p.Funding = 0 },
		"minimum_spend":  func(p *Promotion) { p.MinimumSpend = money.New(-1, eur) },
		"minimum_spend ": func(p *Promotion) { p.MinimumSpend, p.Coupon.Cap = sek, money.New(1, eur) },
		"to":             func(p *Promotion) { p.From, p.To = time.Unix(2, 0), time.Unix(2, 0) },
		"kinds":          func(p *Promotion) { p.Scope.Kinds = make([]Kind, 9) },
		"kinds.0":        func(p *Promotion) { p.Scope.Kinds = []Kind{0} },
		"items.1":        func(p *Promotion) { p.Scope.Items = []string{"a", ""} },
	} {
		a := promotion("a", func(p *Promotion) { p.Coupon.Percent = dec(t, "10"); change(p) })
		var refused *FieldError
		if err := a.Promotion.check(); !errors.As(err, &refused) ||
			refused.Field != strings.TrimSpace(field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

// TestExplain holds that each step is named with its figures, and that the steps lead to the
// result.
func TestExplain(t *testing.T) {
	d := Document{
		Currency: eur,
		Lines:    []Line{line(t, "2", "50", "25")},
		Prepaid:  amount(t, "5", eur),
		Rounding: amount(t, "-0.01", eur),
		Allowances: []Adjustment{
			{Amount: amount(t, "10", eur), Tax: Tax{StandardRate, dec(t, "25")}},
		},
		Charges: []Adjustment{
			{Amount: amount(t, "10", eur), Tax: Tax{StandardRate, dec(t, "25")}},
		},
	}
	capped := promotion(
		"pro_a",
		func(p *Promotion) { p.Coupon.Percent, p.Coupon.Cap = dec(t, "10"), amount(t, "4", eur) },
	)
	paid := promotion(
		"pro_b",
		func(p *Promotion) { p.Coupon.Amount, p.Funding = amount(t, "1000", eur), Platform },
	)
	got, err := Price(d, []Applied{capped, paid}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range Explain(d, got) {
		fmt.Fprintln(&b, r)
	}
	const want = `quantity × price, less allowances, plus charges, rounded, of lines.0: 100.00
allowance before tax, allowances.0: 10.00
charge before tax, charges.0: 10.00
promotion taken off before tax, pro_a: 10 % of 100.00 is 4.00, which is its cap
tax on the sum of S 25: 25 % of 96.00 is 24.00
paid before, prepaid: 5.00
promotion paid by the platform after tax, pro_b: 114.99, which is all that was left
rounded by, rounding: -0.01
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
