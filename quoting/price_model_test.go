package quoting

import (
	"math/big"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/quittance/quittance/ledger/money"
)

// drawDocument draws a document of up to eight lines in a few taxes, with numbers near the edges of
// what the quick arithmetic can hold.
func drawDocument(t *rapid.T) Document {
	c := money.MustParseCurrency(
		rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency"),
	)
	d := Document{Currency: c, PricesInclusive: rapid.Bool().Draw(t, "inclusive")}
	number := func(name string, most int64) decimal.Decimal {
		return decimal.New(
			rapid.Int64Range(-most, most).Draw(t, name),
			-rapid.Int32Range(0, 12).Draw(t, name+"_digits"),
		)
	}
	tax := func() Tax {
		return rapid.SampledFrom([]Tax{
			{StandardRate, decimal.New(25, 0)},
			{StandardRate, decimal.New(9975, -3)},
			{
				StandardRate,
				decimal.New(60, -1),
			},
			{Exempt, decimal.Zero},
			{ZeroRated, decimal.New(0, -2)},
		}).
			Draw(t, "tax")
	}
	amount := func(name string) money.Amount {
		return money.New(rapid.Int64Range(-5000, 5000).Draw(t, name), c)
	}
	for range rapid.IntRange(1, 8).Draw(t, "lines") {
		l := Line{
			Quantity:  number("quantity", 1e6),
			UnitPrice: number("price", 1e9),
			Tax:       tax(),
			Kind:      Kind(rapid.IntRange(0, 2).Draw(t, "kind")),
		}
		if rapid.Bool().Draw(t, "based") {
			l.BaseQuantity = decimal.NewNullDecimal(
				number("base", 1000).Abs().Add(decimal.New(1, -12)),
			)
		}
		if rapid.Bool().Draw(t, "adjusted") {
			l.Allowances, l.Charges = []money.Amount{
				amount("less"),
			}, []money.Amount{
				amount("more"),
			}
		}
		d.Lines = append(d.Lines, l)
	}
	for range rapid.IntRange(0, 2).Draw(t, "adjustments") {
		d.Allowances = append(d.Allowances, Adjustment{Amount: amount("allowance"), Tax: tax()})
		d.Charges = append(d.Charges, Adjustment{Amount: amount("charge"), Tax: tax()})
	}
	d.Prepaid, d.Rounding = amount("prepaid"), amount("rounding")
	return d
}

// away rounds a fraction half away from zero.
func away(r *big.Rat) *big.Int {
	half := big.NewRat(1, 2)
	if r.Sign() < 0 {
		n := away(new(big.Rat).Neg(r))
		return n.Neg(n)
	}
	r = new(big.Rat).Add(r, half)
	return new(big.Int).Div(r.Num(), r.Denom())
}

// naive prices a document by the words of the standard, in fractions, and returns each line and tax
// exclusive, tax and payable in minor units; sums are those of its taxes.
func naive(d Document) (lines, sums []*big.Int, exclusive, tax, payable *big.Int) {
	groups := map[string]*big.Rat{}
	rates := map[string]*big.Rat{}
	add := func(t Tax, n *big.Int, sign int64) {
		key := string(t.Category) + t.Rate.String()
		if groups[key] == nil {
			groups[key], rates[key] = new(
				big.Rat,
			), new(
				big.Rat,
			).Quo(t.Rate.Rat(), big.NewRat(100, 1))
		}
		groups[key].Add(groups[key], new(big.Rat).SetInt(new(big.Int).Mul(n, big.NewInt(sign))))
	}
	unit := new(
		big.Rat,
	).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Currency.Digits())), nil))
	for _, l := range d.Lines {
		net := new(big.Rat).Mul(l.Quantity.Rat(), l.UnitPrice.Rat())
		if l.BaseQuantity.Valid {
			net.Quo(net, l.BaseQuantity.Decimal.Rat())
		}
		net.Mul(net, unit)
		for _, a := range l.Allowances {
			net.Sub(net, big.NewRat(a.Minor(), 1))
		}
		for _, a := range l.Charges {
			net.Add(net, big.NewRat(a.Minor(), 1))
		}
		n := away(net)
		lines = append(lines, n)
		add(l.Tax, n, 1)
	}
	for _, a := range d.Allowances {
		add(a.Tax, big.NewInt(a.Amount.Minor()), -1)
	}
	for _, a := range d.Charges {
		add(a.Tax, big.NewInt(a.Amount.Minor()), 1)
	}
	exclusive, tax = new(big.Int), new(big.Int)
	for key, sum := range groups {
		sums = append(sums, sum.Num())
		part := new(big.Rat).Mul(sum, rates[key])
		if d.PricesInclusive {
			part.Quo(part, new(big.Rat).Add(rates[key], big.NewRat(1, 1)))
		}
		amount := away(part)
		tax.Add(tax, amount)
		exclusive.Add(exclusive, sum.Num())
		if d.PricesInclusive {
			exclusive.Sub(exclusive, amount)
		}
	}
	payable = new(big.Int).Add(exclusive, tax)
	payable.Sub(payable, big.NewInt(d.Prepaid.Minor()))
	return lines, sums, exclusive, tax, payable.Add(payable, big.NewInt(d.Rounding.Minor()))
}

// TestPriceModel holds Price against the words of the standard computed in fractions.
func TestPriceModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		lines, sums, exclusive, tax, payable := naive(d)
		got, err := Price(d, nil, time.Time{})
		if err != nil {
			most := big.NewInt(maxAmount)
			for _, n := range append(append(lines, sums...), exclusive, payable) {
				if n.CmpAbs(most) > 0 {
					return // rightly refused
				}
			}
			t.Fatal(err)
		}
		same := func(what string, got money.Amount, want *big.Int) {
			if big.NewInt(got.Minor()).Cmp(want) != 0 {
				t.Errorf("%s is %d, want %d", what, got.Minor(), want)
			}
		}
		for i, want := range lines {
			same("line", got.Lines[i].Net, want)
		}
		same("tax exclusive", got.TaxExclusive, exclusive)
		same("tax", got.Tax, tax)
		same("payable", got.Payable, payable)
	})
}

// TestPricePromotionsProperty holds the laws of promotions over any documents and promotions:
// totals still add up, shares add up to their promotion, nothing that was positive falls below
// zero, and nobody pays more for having one.
func TestPricePromotionsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		plain, err := Price(d, nil, time.Time{})
		if err != nil {
			return
		}
		var promotions []Applied
		for i := range rapid.IntRange(1, 4).Draw(t, "promotions") {
			p := Promotion{
				ID:         string(rune('a' + i)),
				Name:       "p",
				Active:     true,
				Combinable: true,
				Funding: Funding(
					rapid.IntRange(1, 2).Draw(t, "funding"),
				),
				Priority: rapid.IntRange(-1, 1).Draw(t, "priority"),
			}
			if rapid.Bool().Draw(t, "percent") {
				p.Coupon.Percent = decimal.New(rapid.Int64Range(1, 100).Draw(t, "percent"), 0)
				p.Coupon.Cap = money.New(rapid.Int64Range(0, 1000).Draw(t, "cap"), d.Currency)
			} else {
				p.Coupon.Amount = money.New(
					rapid.Int64Range(1, 1e7).Draw(t, "amount"),
					d.Currency,
				)
			}
			if rapid.Bool().Draw(t, "scoped") {
				p.Scope.Kinds = []Kind{Labour}
			}
			promotions = append(promotions, Applied{Promotion: p})
		}
		got, err := Price(d, promotions, time.Time{})
		if err != nil {
			return // scope or a negative document
		}
		checkPromoted(t, d, plain, got)
	})
}

func checkPromoted(t *rapid.T, d Document, plain, got Priced) {
	allowed, paid := int64(0), int64(0)
	for _, p := range got.Promotions {
		if p.Amount.Sign() < 0 || p.Amount.Minor() > p.Basis.Minor() {
			t.Errorf("%s takes %s of %s", p.Promotion, p.Amount, p.Basis)
		}
		if p.Funding == Platform {
			paid += p.Amount.Minor()
			continue
		}
		allowed += p.Amount.Minor()
		sum := int64(0)
		for _, s := range p.Shares {
			if s.Amount.Sign() < 0 {
				t.Errorf("a share of %s", s.Amount)
			}
			sum += s.Amount.Minor()
		}
		if sum != p.Amount.Minor() {
			t.Errorf("shares of %s add up to %d", p.Amount, sum)
		}
	}
	lines := int64(0)
	for i, l := range got.Lines {
		if l.Promotion.Sign() < 0 || l.Promotion.Minor() > max(0, l.Net.Minor()) {
			t.Errorf("line %d of %s is reduced by %s", i, l.Net, l.Promotion)
		}
		lines += l.Promotion.Minor()
	}
	if lines > allowed {
		t.Errorf("lines are reduced by %d, promotions take %d", lines, allowed)
	}
	if n := got.AllowanceTotal.Minor() - plain.AllowanceTotal.Minor(); n != allowed {
		t.Errorf("allowances grew by %d, want %d", n, allowed)
	}
	sum := got.LineTotal.Minor() - got.AllowanceTotal.Minor() + got.ChargeTotal.Minor()
	total := got.TaxExclusive
	if d.PricesInclusive {
		total = got.TaxInclusive
	}
	if total.Minor() != sum {
		t.Errorf("lines, allowances and charges come to %d, the total to %s", sum, total)
	}
	pay := got.TaxExclusive.Minor() + got.Tax.Minor() - d.Prepaid.Minor() - paid + d.Rounding.Minor()
	if got.Payable.Minor() != pay || got.PromotionTotal.Minor() != paid {
		t.Errorf("payable is %d, want %d", got.Payable.Minor(), pay)
	}
	if paid > 0 && got.Payable.Sign() < 0 {
		t.Errorf("the platform's promotions leave %s to pay", got.Payable)
	}
	for i, x := range got.Taxes {
		if before := plain.Taxes[i].Taxable.Minor(); x.Taxable.Minor() < min(before, 0) ||
			x.Taxable.Minor() > before {
			t.Errorf("taxable went from %d to %s", before, x.Taxable)
		}
	}
}
