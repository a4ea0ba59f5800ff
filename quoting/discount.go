package quoting

import (
	"cmp"
	"slices"
	"time"

	"github.com/quittance/quittance/ledger/money"
)

// order checks the promotions against the document and sorts them into those before tax and those
// after it, each in the order in which they are applied.
func (p *pricing) order(promotions []Applied, at time.Time) (before, after []*Applied, err error) {
	if len(promotions) == 0 {
		return nil, nil, nil
	}
	for i := range promotions {
		a := &promotions[i].Promotion
		if err := p.admit(promotions, i, at); err != nil {
			return nil, nil, err
		}
		if a.Funding == Platform {
			after = append(after, &promotions[i])
		} else {
			before = append(before, &promotions[i])
		}
	}
	slices.SortFunc(before, compareApplied)
	slices.SortFunc(after, compareApplied)
	p.out.Promotions = make([]PricedPromotion, 0, len(promotions))
	return before, after, nil
}

// compareApplied puts promotions of lines before those of the document, then higher priorities
// first, then ids in order.
func compareApplied(a, b *Applied) int {
	x, y := &a.Promotion, &b.Promotion
	switch {
	case x.Scope.Whole() != y.Scope.Whole():
		if y.Scope.Whole() {
			return -1
		}
		return 1
	case x.Priority != y.Priority:
		return cmp.Compare(y.Priority, x.Priority)
	}
	return cmp.Compare(x.ID, y.ID)
}

// admit refuses a promotion that may not be applied to the document, or not beside the others.
func (p *pricing) admit(promotions []Applied, i int, at time.Time) error {
	a := &promotions[i].Promotion
	switch {
	case len(promotions) > MaxPromotions:
		return a.refuse("too_many")
	case len(promotions) > 1 && !a.Combinable:
		return a.refuse("not_combinable")
	case p.before < 0:
		return a.refuse("negative_document")
	}
	if p.before > maxAmount {
		return tooMuch()
	}
	for j := range i {
		if promotions[j].Promotion.ID == a.ID {
			return a.refuse("twice")
		}
	}
	if err := a.check(); err != nil {
		return err
	}
	if err := a.at(at); err != nil {
		return err
	}
	return a.suits(p.money(p.before))
}

// pool is what a promotion may be taken of: what is left in its scope, by group and by line.
type pool struct {
	groups []uint64 // what may be taken of each group
	lines  []uint64 // what may be taken of each line in scope
	total  int64    // what may be taken in all
}

// pool returns what is left in a scope. What is negative, such as a line taken back, gives nothing;
// and nothing is taken of a group or a document beyond what the whole of it has left.
func (p *pricing) pool(s Scope) (pool, bool) {
	f := pool{groups: make([]uint64, len(p.groups)), lines: make([]uint64, len(p.d.Lines))}
	whole, found := s.Whole(), false
	for i := range p.d.Lines {
		if !whole && !s.covers(&p.d.Lines[i]) {
			continue
		}
		found = true
		if p.left[i] > 0 {
			f.lines[i] = uint64(p.left[i])
			f.groups[p.of[i]] += f.lines[i]
		}
	}
	document, total := int64(0), int64(0)
	for i := range p.groups {
		left := p.groups[i].left
		document += left
		available := uint64(max(left, 0))
		if !whole {
			available = min(available, f.groups[i])
		}
		f.groups[i] = available
		total += int64(available)
	}
	f.total = max(min(total, document), 0)
	return f, found
}

// worth returns what the coupon takes of a basis, and what limited it. A basis is at least 0.
func (c *Coupon) worth(basis int64) (amount int64, limited string) {
	amount = c.Amount.Minor()
	if r, ok := rate(c.Percent); ok && r > 0 {
		amount = portion(basis, r, hundred)
	}
	if most := c.Cap.Minor(); most > 0 && amount > most {
		amount, limited = most, "cap"
	}
	if amount > basis {
		amount, limited = basis, "remaining"
	}
	return amount, limited
}

// priced returns the figures of a promotion that is applied.
func (p *pricing) priced(a *Applied, basis, amount int64, limited string) PricedPromotion {
	scope := "lines"
	if a.Promotion.Scope.Whole() {
		scope = "document"
	}
	return PricedPromotion{
		Promotion: a.Promotion.ID, Code: a.Code, Name: a.Promotion.Name,
		Funding: a.Promotion.Funding, Scope: scope, Percent: a.Promotion.Coupon.Percent,
		Basis: p.money(basis), Limited: limited, Amount: p.money(amount),
	}
}

// reduce applies a promotion that the tradesperson funds: an allowance.
func (p *pricing) reduce(a *Applied) error {
	out, err := p.take(a, maxAmount)
	if err != nil {
		return err
	}
	p.allowed += out.Amount.Minor()
	p.out.Promotions = append(p.out.Promotions, out)
	return nil
}

// contribute applies a promotion that the platform funds: a payment, of no more than is to be paid.
func (p *pricing) contribute(a *Applied) error {
	payable := p.out.Payable.Minor()
	out, err := p.take(a, max(payable, 0))
	if err != nil {
		return err
	}
	out.Shares = nil // it takes nothing off a tax
	amount := out.Amount.Minor()
	p.out.PromotionTotal = p.money(p.out.PromotionTotal.Minor() + amount)
	p.out.Payable = p.money(payable - amount)
	p.out.Promotions = append(p.out.Promotions, out)
	return nil
}

// gross turns what is left of lines and groups into what is to be paid for it, tax included, once
// the tax is known: promotions that the platform funds are taken of that.
func (p *pricing) gross() {
	if p.d.PricesInclusive {
		return
	}
	for i := range p.left {
		p.left[i] += portion(p.left[i], p.groups[p.of[i]].rate, hundred)
	}
	for i := range p.groups {
		g := &p.groups[i]
		g.left += portion(g.left, g.rate, hundred)
		g.charges += portion(g.charges, g.rate, hundred)
	}
}

// take takes what a promotion is worth, at most limit, off what is left in its scope: spread over
// the groups by what is left of each, and within a group over its lines in scope and its charges.
func (p *pricing) take(a *Applied, limit int64) (PricedPromotion, error) {
	f, found := p.pool(a.Promotion.Scope)
	if !found {
		return PricedPromotion{}, a.Promotion.refuse("scope")
	}
	basis := min(f.total, limit)
	amount, limited := a.Promotion.Coupon.worth(basis)
	out := p.priced(a, basis, amount, limited)
	if amount == 0 { // Split gives equal parts over no weight at all
		return out, nil
	}
	shares, err := p.money(amount).Split(f.groups...)
	if err != nil {
		return PricedPromotion{}, err
	}
	for g := range p.groups {
		if shares[g].IsZero() {
			continue
		}
		if err := p.spread(g, shares[g], f, a.Promotion.Scope.Whole()); err != nil {
			return PricedPromotion{}, err
		}
		p.groups[g].left -= shares[g].Minor()
		out.Shares = append(out.Shares, TaxShare{
			Tax{p.groups[g].category, percent(p.groups[g].rate)}, shares[g]})
	}
	return out, nil
}

// spread takes amount off the lines in scope of a group, and off its charges where the scope is the
// whole document. Before tax there is always enough of them; after it, each is rounded by itself,
// so that some minor units may be taken of what has none, or of nothing at all.
func (p *pricing) spread(g int, amount money.Amount, f pool, whole bool) error {
	places, weights := make([]int, 0, len(f.lines)), make([]uint64, 0, len(f.lines)+1)
	for i, w := range f.lines {
		if w > 0 && p.of[i] == g {
			places, weights = append(places, i), append(weights, w)
		}
	}
	if charges := p.groups[g].charges; whole && charges > 0 {
		weights = append(weights, uint64(charges))
	}
	if len(weights) == 0 {
		return nil
	}
	parts, err := amount.Split(weights...)
	if err != nil {
		return err
	}
	for i, line := range places {
		p.left[line] -= parts[i].Minor()
	}
	if len(parts) > len(places) {
		p.groups[g].charges -= parts[len(places)].Minor()
	}
	return nil
}
