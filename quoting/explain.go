package quoting

import (
	"fmt"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// A Rule is one step by which Price came to a document's figures.
type Rule struct {
	// Name is "line_net", "allowance", "charge", "promotion", "promotion_platform", "tax",
	// "tax_included", "prepaid" or "rounding".
	Name    string
	Subject string          // what it was applied to: "lines.3", "S 25", a promotion's id
	Basis   money.Amount    // what it was taken of; zero where it is taken of nothing
	Rate    decimal.Decimal // the percentage, 0 where there is none
	Limit   string          // "cap" or "remaining" where a promotion was worth more
	Amount  money.Amount    // what came of it
}

// String says the rule in words: "tax of S 25: 25 % of 100.00 is 25.00".
func (r Rule) String() string {
	text := ruleWords[r.Name] + " " + r.Subject + ": "
	if !r.Rate.IsZero() {
		text += fmt.Sprintf("%s %% of %s is ", r.Rate, r.Basis)
	}
	text += r.Amount.String()
	switch r.Limit {
	case "cap":
		text += ", which is its cap"
	case "remaining":
		text += ", which is all that was left"
	}
	return text
}

// ruleWords says the name of each rule in words.
var ruleWords = map[string]string{
	"line_net":           "quantity × price, less allowances, plus charges, rounded, of",
	"allowance":          "allowance before tax,",
	"charge":             "charge before tax,",
	"promotion":          "promotion taken off before tax,",
	"promotion_platform": "promotion paid by the platform after tax,",
	"tax":                "tax on the sum of",
	"tax_included":       "tax contained in the sum of",
	"prepaid":            "paid before,",
	"rounding":           "rounded by,",
}

// Explain lists the rules by which Price came from a document to its figures, in the order in which
// they were applied. It reads them from the figures, so those of an old quote explain themselves
// too.
func Explain(d Document, p Priced) []Rule {
	rules := make([]Rule, 0, len(p.Lines)+len(p.Taxes)+8)
	for i, l := range p.Lines {
		rules = append(rules, Rule{Name: "line_net", Subject: "lines." + strconv.Itoa(i), Amount: l.Net})
	}
	for i, a := range d.Allowances {
		rules = append(rules,
			Rule{Name: "allowance", Subject: "allowances." + strconv.Itoa(i), Amount: a.Amount})
	}
	for i, a := range d.Charges {
		rules = append(rules,
			Rule{Name: "charge", Subject: "charges." + strconv.Itoa(i), Amount: a.Amount})
	}
	rules = append(rules, explainPromotions(p, Tradesperson, "promotion")...)
	for _, t := range p.Taxes {
		r := Rule{Name: "tax", Subject: string(t.Category) + " " + t.Rate.String(), Rate: t.Rate,
			Basis: t.Taxable, Amount: t.Amount}
		if d.PricesInclusive {
			r.Name = "tax_included"
		}
		rules = append(rules, r)
	}
	if !p.Prepaid.IsZero() {
		rules = append(rules, Rule{Name: "prepaid", Subject: "prepaid", Amount: p.Prepaid})
	}
	rules = append(rules, explainPromotions(p, Platform, "promotion_platform")...)
	if !p.Rounding.IsZero() {
		rules = append(rules, Rule{Name: "rounding", Subject: "rounding", Amount: p.Rounding})
	}
	return rules
}

func explainPromotions(p Priced, f Funding, name string) []Rule {
	var rules []Rule
	for _, x := range p.Promotions {
		if x.Funding == f {
			rules = append(rules, Rule{Name: name, Subject: x.Promotion, Basis: x.Basis,
				Rate: x.Percent, Limit: x.Limited, Amount: x.Amount})
		}
	}
	return rules
}
