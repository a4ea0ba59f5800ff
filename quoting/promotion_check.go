package quoting

import (
	"github.com/quittance/quittance/ledger/money"
)

// check refuses a promotion that makes no sense, whatever it is applied to.
func (p *Promotion) check() error {
	if err := p.Coupon.check(); err != nil {
		return err
	}
	switch {
	case p.Name == "" || !isText(p.Name, maxName, false):
		return badText("name", maxName)
	case p.Funding == 0 || p.Funding >= fundingEnd:
		return &FieldError{"funding", "funding", "must be tradesperson or platform"}
	case p.MinimumSpend.Sign() < 0 || p.MinimumSpend.Minor() > maxAmount:
		return &FieldError{"minimum_spend", "range", "must be at least 0"}
	case !p.From.IsZero() && !p.To.IsZero() && !p.From.Before(p.To):
		return &FieldError{"to", "range", "must be after from"}
	case len(p.Scope.Kinds) > int(kindEnd):
		return &FieldError{"kinds", "too_many", "there are not as many kinds of lines"}
	case len(p.Scope.Items) > MaxLines:
		return &FieldError{"items", "too_many", "a promotion is for at most 1000 items"}
	}
	for i, k := range p.Scope.Kinds {
		if k == 0 || k >= kindEnd {
			return &FieldError{element("kinds", i), "kind",
				"must be labour, material, equipment, service or fee"}
		}
	}
	for i, id := range p.Scope.Items {
		if id == "" || !isText(id, maxID, false) {
			return badText(element("items", i), maxID)
		}
	}
	if c := p.currency(); !sameCurrency(c, p.Coupon.Cap) || !sameCurrency(c, p.MinimumSpend) {
		return &FieldError{"minimum_spend", "currency", "a promotion has one currency"}
	}
	return nil
}

// check refuses a coupon that is not either a percentage or an amount.
func (c *Coupon) check() error {
	millionths, ok := rate(c.Percent)
	switch {
	case !ok:
		return &FieldError{"percent", "range",
			"must be a percentage from 0 to 100 with at most six digits after the point"}
	case c.Amount.Sign() < 0 || c.Amount.Minor() > maxAmount:
		return &FieldError{"amount", "range", "must be above 0"}
	case millionths == 0 && c.Amount.IsZero():
		return &FieldError{"percent", "required", "a promotion has either a percentage or an amount"}
	case millionths > 0 && !c.Amount.IsZero():
		return &FieldError{"amount", "exclusive", "a promotion has either a percentage or an amount"}
	case c.Cap.Sign() < 0 || c.Cap.Minor() > maxAmount:
		return &FieldError{"cap", "range", "must be above 0"}
	case !c.Cap.IsZero() && millionths == 0:
		return &FieldError{"cap", "exclusive", "only a percentage has a cap"}
	}
	return nil
}

// currency returns the currency of the promotion's amounts, none where it has no amount.
func (p *Promotion) currency() money.Currency {
	for _, a := range [...]money.Amount{p.Coupon.Amount, p.Coupon.Cap, p.MinimumSpend} {
		if !a.IsZero() {
			return a.Currency()
		}
	}
	return money.Currency{}
}

func sameCurrency(c money.Currency, a money.Amount) bool { return a.IsZero() || a.Currency() == c }
