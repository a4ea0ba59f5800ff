package quoting

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// Price computes a document's figures as EN 16931 orders them:
//
//  1. line net = quantity × unit price ÷ base quantity − line allowances + line charges, rounded;
//  2. document allowances and charges, each in its own tax;
//  3. promotions that the tradesperson funds, those of lines before those of the document, each on
//     what the ones before it left, spread over taxes and lines by Split;
//  4. tax, once per category and rate, on the sum of all the above; where prices are inclusive, it
//     is the part of that sum that is tax;
//  5. payable = tax inclusive − prepaid − promotions that the platform pays + rounding.
//
// Each rounding is half away from zero, to the currency's digits.
//
// Price is pure; at decides which promotions are given. It fails with a *FieldError for a document
// out of bounds, and with a *PromotionError for a promotion that may not be applied.
func Price(d Document, promotions []Applied, at time.Time) (Priced, error) {
	p := pricing{d: &d}
	if err := d.check(); err != nil {
		return Priced{}, err
	}
	if err := p.sumLines(); err != nil {
		return Priced{}, err
	}
	if err := p.sumAdjustments(); err != nil {
		return Priced{}, err
	}
	before, after, err := p.order(promotions, at)
	if err != nil {
		return Priced{}, err
	}
	for _, a := range before {
		if err := p.reduce(a); err != nil {
			return Priced{}, err
		}
	}
	if err := p.tax(); err != nil {
		return Priced{}, err
	}
	p.finish()
	p.margins()
	if len(after) > 0 {
		p.gross()
	}
	for _, a := range after {
		if err := p.contribute(a); err != nil {
			return Priced{}, err
		}
	}
	if n := p.out.Payable.Minor(); n > maxAmount || n < -maxAmount {
		return Priced{}, tooMuch()
	}
	return p.out, nil
}

// pricing is a document on its way to its figures. Amounts are in minor units.
type pricing struct {
	d       *Document
	out     Priced
	groups  []group
	of      []int   // the group of each line
	left    []int64 // what promotions left of each line
	before  int64   // the total before promotions
	charges int64
	allowed int64
}

// A group is what a document holds in one category and rate.
type group struct {
	category TaxCategory
	rate     uint64 // millionths of a percent
	left     int64  // the sum of its lines, allowances, charges and promotions so far
	charges  int64  // what promotions left of what it holds beside lines, as far as above zero
}

func (p *pricing) money(minor int64) money.Amount { return money.New(minor, p.d.Currency) }

// group returns the place of the group of a tax, which is made if it is the first of its kind.
func (p *pricing) group(field string, t Tax) (int, error) {
	r, err := t.millionths(field)
	if err != nil {
		return 0, err
	}
	for i := range p.groups {
		if p.groups[i].rate == r && p.groups[i].category == t.Category {
			return i, nil
		}
	}
	if len(p.groups) == MaxTaxes {
		return 0, &FieldError{"lines", "too_many",
			"a document has at most 100 different tax categories and rates"}
	}
	p.groups = append(p.groups, group{category: t.Category, rate: r})
	return len(p.groups) - 1, nil
}

func (p *pricing) sumLines() error {
	n := len(p.d.Lines)
	p.out.Lines = make([]PricedLine, n)
	p.of, p.left, p.groups = make([]int, n), make([]int64, n), make([]group, 0, 4)
	total := int64(0)
	for i := range p.d.Lines {
		l := &p.d.Lines[i]
		if err := l.check(i); err != nil {
			return err
		}
		net, err := p.net(i, l)
		if err != nil {
			return err
		}
		g, err := p.group("", l.Tax)
		if err != nil {
			return p.lineTax(i, l, err)
		}
		p.of[i], p.left[i] = g, net
		p.groups[g].left += net
		p.out.Lines[i].Net = p.money(net)
		total += net
	}
	p.out.LineTotal, p.before = p.money(total), total
	return nil
}

// lineTax returns the refusal of a line's tax with its path, which is put together only now.
func (p *pricing) lineTax(i int, l *Line, err error) error {
	if _, named := l.Tax.millionths(field("lines", i, "tax")); named != nil {
		return named
	}
	return err
}

// net returns the net amount of a line.
func (p *pricing) net(i int, l *Line) (int64, error) {
	less := int64(0)
	for j := range l.Allowances {
		n, err := p.d.minor("", l.Allowances[j])
		if err != nil {
			_, err = p.d.minor(field("lines", i, element("allowances", j)), l.Allowances[j])
			return 0, err
		}
		less += n
	}
	for j := range l.Charges {
		n, err := p.d.minor("", l.Charges[j])
		if err != nil {
			_, err = p.d.minor(field("lines", i, element("charges", j)), l.Charges[j])
			return 0, err
		}
		less -= n
	}
	net, ok := product(l.Quantity, l.UnitPrice, l.base(), p.d.Currency.Digits(), less)
	if !ok || net > maxAmount || net < -maxAmount {
		return 0, &FieldError{element("lines", i), "range", "comes to too much: quantity × unit_price " +
			"and what is taken off and added are at most 10^15 minor units of the currency"}
	}
	return net, nil
}

// sumAdjustments adds the document's allowances and charges to their groups.
func (p *pricing) sumAdjustments() error {
	for i, a := range p.d.Allowances {
		n, g, err := p.adjustment("allowances", i, a)
		if err != nil {
			return err
		}
		p.groups[g].left -= n
		p.groups[g].charges += max(-n, 0)
		p.allowed += n
	}
	for i, a := range p.d.Charges {
		n, g, err := p.adjustment("charges", i, a)
		if err != nil {
			return err
		}
		p.groups[g].left += n
		p.groups[g].charges += max(n, 0)
		p.charges += n
	}
	p.before += p.charges - p.allowed
	return nil
}

func (p *pricing) adjustment(list string, i int, a Adjustment) (amount int64, g int, err error) {
	if amount, err = p.d.minor(field(list, i, "amount"), a.Amount); err != nil {
		return 0, 0, err
	}
	if !isText(a.Reason, maxName, false) {
		return 0, 0, badText(field(list, i, "reason"), maxName)
	}
	g, err = p.group(field(list, i, "tax"), a.Tax)
	return amount, g, err
}

// tax takes the tax of each group and sorts them.
func (p *pricing) tax() error {
	p.out.Taxes = make([]TaxTotal, len(p.groups))
	for i, g := range p.groups {
		if g.left > maxAmount || g.left < -maxAmount {
			return tooMuch()
		}
		taxable, tax := g.left, portion(g.left, g.rate, hundred)
		if p.d.PricesInclusive {
			tax = portion(g.left, g.rate, hundred+g.rate)
			taxable = g.left - tax
		}
		p.out.Taxes[i] = TaxTotal{Tax{g.category, percent(g.rate)}, p.money(taxable), p.money(tax)}
	}
	if len(p.out.Taxes) > 1 {
		slices.SortFunc(p.out.Taxes, compareTaxes)
	}
	return nil
}

func compareTaxes(a, b TaxTotal) int {
	if c := strings.Compare(string(a.Category), string(b.Category)); c != 0 {
		return c
	}
	return strings.Compare(a.Rate.String(), b.Rate.String())
}

// finish adds up the totals, before what the platform pays.
func (p *pricing) finish() {
	exclusive, tax := int64(0), int64(0)
	for i := range p.out.Taxes {
		exclusive += p.out.Taxes[i].Taxable.Minor()
		tax += p.out.Taxes[i].Amount.Minor()
	}
	o := &p.out
	o.Currency = p.d.Currency
	o.AllowanceTotal, o.ChargeTotal = p.money(p.allowed), p.money(p.charges)
	o.TaxExclusive, o.Tax, o.TaxInclusive = p.money(exclusive), p.money(tax), p.money(exclusive+tax)
	o.Prepaid, o.Rounding = p.money(p.d.Prepaid.Minor()), p.money(p.d.Rounding.Minor())
	o.Payable = p.money(exclusive + tax - o.Prepaid.Minor() + o.Rounding.Minor())
	o.PromotionTotal = p.money(0)
}

// margins says what each line and the document cost and leave. A cost that is out of bounds leaves
// the margin unknown: it is no part of what the customer pays.
func (p *pricing) margins() {
	cost, known := int64(0), true
	for i := range p.d.Lines {
		l, out := &p.d.Lines[i], &p.out.Lines[i]
		out.Promotion = p.money(out.Net.Minor() - p.left[i])
		if !l.UnitCost.Valid {
			known = false
			continue
		}
		c, ok := product(l.Quantity, l.UnitCost.Decimal, l.base(), p.d.Currency.Digits(), 0)
		if !ok || c > maxAmount || c < -maxAmount {
			known = false
			continue
		}
		net := p.left[i]
		if r := p.groups[p.of[i]].rate; p.d.PricesInclusive {
			net -= portion(net, r, hundred+r)
		}
		out.Margin = p.margin(net, c)
		cost += c
	}
	if known && cost <= maxAmount && cost >= -maxAmount {
		p.out.Margin = p.margin(p.out.TaxExclusive.Minor(), cost)
	}
}

func (p *pricing) margin(net, cost int64) Margin {
	m := Margin{Known: true, Cost: p.money(cost), Amount: p.money(net - cost)}
	if net > 0 {
		ratio, rest, ok := quick(decimal.New(net-cost, 0), one, decimal.New(net, 0), 4)
		if ok && ratio < maxAmount {
			m.Percent = decimal.New(roundAway(net < cost, int64(ratio), rest, 0), -2)
		}
	}
	return m
}
