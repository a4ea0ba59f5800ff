package quoting

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// A Funding says who pays for a promotion. The zero Funding is not set.
type Funding uint8

// Who pays for a promotion.
const (
	// Tradesperson funding is an allowance: it is taken off before tax.
	Tradesperson Funding = iota + 1
	// Platform funding is a payment by the platform: it is taken off what is to be paid, after
	// tax, and the tax stays as it is.
	Platform
	fundingEnd
)

var fundingNames = [...]string{"", "tradesperson", "platform"}

// String returns the word for f.
func (f Funding) String() string { return nameOf(fundingNames[:], f) }

// ParseFunding returns the funding of a name, and whether there is one.
func ParseFunding(name string) (Funding, bool) { return parseName[Funding](fundingNames[:], name) }

// A Coupon is what a promotion is worth: either a percentage, with a cap or without, or an amount.
type Coupon struct {
	Percent decimal.Decimal // above 0, at most 100; 0 when the coupon is an amount
	Cap     money.Amount    // the most that a percentage takes off; zero for no cap
	Amount  money.Amount    // above 0; zero when the coupon is a percentage
}

// A Scope says what a promotion applies to. An empty scope is the whole document; otherwise it is
// the lines whose kind or whose price book item is listed.
type Scope struct {
	Kinds []Kind
	Items []string
}

// Whole reports whether the scope is the whole document.
func (s Scope) Whole() bool { return len(s.Kinds) == 0 && len(s.Items) == 0 }

// covers reports whether a line is in a scope that is not the whole document.
func (s Scope) covers(l *Line) bool {
	return l.Kind != 0 && slices.Contains(s.Kinds, l.Kind) ||
		l.Item != "" && slices.Contains(s.Items, l.Item)
}

// A Promotion is a coupon and the rules by which it is given.
type Promotion struct {
	Tenant           string
	ID               string // "pro_…"
	Name             string
	Coupon           Coupon
	Funding          Funding
	Scope            Scope
	MinimumSpend     money.Amount // of the document before promotions; zero for none
	FirstTime        bool         // only for customers who have never paid
	LimitTotal       uint64       // redemptions in all, over all codes; 0 is no limit
	LimitPerCustomer uint64       // redemptions of a customer, over all codes; 0 is no limit
	From, To         time.Time    // the window, To not included; zero is open
	Priority         int          // higher is applied first among those of like scope
	Combinable       bool         // may be applied together with others
	Active           bool
	Created, Updated time.Time
}

// Applied is a promotion that is to be applied to a document, and the code that was given for it.
type Applied struct {
	Promotion Promotion
	Code      string // normalised: see NormalizeCode; empty when it was given without one
}

// A PromotionError refuses a promotion for a document, or a redemption of it.
type PromotionError struct {
	Promotion string // its id
	Rule      string // "inactive", "not_yet", "ended", "currency", "minimum_spend", "scope", …
	Needed    string // the figure that the rule asks for, empty where it asks for none
	Available string // what there is
}

// Error says which rule the promotion breaks, with its figures.
func (e *PromotionError) Error() string {
	text := "the promotion " + promotionRules[e.Rule]
	if e.Needed != "" {
		text += fmt.Sprintf(" (needed %s, there is %s)", e.Needed, e.Available)
	}
	return text
}

// promotionRules says in words what each rule of a PromotionError asks for.
var promotionRules = map[string]string{
	"inactive":          "is no longer given",
	"not_yet":           "cannot be used yet",
	"ended":             "has ended",
	"currency":          "is in another currency",
	"minimum_spend":     "is for documents of at least a minimum amount",
	"scope":             "applies to nothing in the document",
	"negative_document": "cannot be applied to a document whose total is below zero",
	"not_combinable":    "cannot be combined with another",
	"twice":             "cannot be applied twice",
	"too_many":          "is one too many for one document",
	"customer":          "needs a customer",
	"first_time":        "is for customers who have not bought before",
	"limit_total":       "has been used as often as it may be",
	"limit_customer":    "has been used by this customer as often as it may be",
}

// refuse returns a PromotionError without figures.
func (p *Promotion) refuse(rule string) error {
	return &PromotionError{Promotion: p.ID, Rule: rule}
}

// at refuses a promotion that is not given at a time.
func (p *Promotion) at(at time.Time) error {
	switch {
	case !p.Active:
		return p.refuse("inactive")
	case !p.From.IsZero() && at.Before(p.From):
		return p.refuse("not_yet")
	case !p.To.IsZero() && !at.Before(p.To):
		return p.refuse("ended")
	}
	return nil
}

// suits refuses a promotion whose amounts are in another currency, or that wants more spent.
func (p *Promotion) suits(spend money.Amount) error {
	for _, a := range [...]money.Amount{p.Coupon.Amount, p.Coupon.Cap, p.MinimumSpend} {
		if !a.IsZero() && a.Currency() != spend.Currency() {
			return &PromotionError{p.ID, "currency", a.Currency().String(), spend.Currency().String()}
		}
	}
	if spend.Minor() < p.MinimumSpend.Minor() {
		return &PromotionError{p.ID, "minimum_spend", p.MinimumSpend.String(), spend.String()}
	}
	return nil
}
