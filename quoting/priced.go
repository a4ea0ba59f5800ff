package quoting

import (
	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// Priced is a document's figures. All amounts are in the document's currency.
//
// Where prices are inclusive, the lines, LineTotal, AllowanceTotal and ChargeTotal contain their
// tax as the prices do; TaxExclusive, Tax and TaxInclusive are what they are called.
type Priced struct {
	Currency       money.Currency
	Lines          []PricedLine // as the document's
	LineTotal      money.Amount
	AllowanceTotal money.Amount // document allowances and promotions that the tradesperson funds
	ChargeTotal    money.Amount
	TaxExclusive   money.Amount // LineTotal − AllowanceTotal + ChargeTotal, without tax
	Tax            money.Amount
	TaxInclusive   money.Amount // TaxExclusive + Tax
	PromotionTotal money.Amount // promotions that the platform pays, after tax
	Prepaid        money.Amount
	Rounding       money.Amount
	Payable        money.Amount // TaxInclusive − Prepaid − PromotionTotal + Rounding
	Taxes          []TaxTotal   // by category, then by the text of the rate
	Promotions     []PricedPromotion
	Margin         Margin // internal
}

// A PricedLine is a line's figures.
type PricedLine struct {
	Net       money.Amount // before promotions
	Promotion money.Amount // the line's part of promotions that the tradesperson funds
	Margin    Margin       // internal
}

// A Margin is what a line or a document costs and leaves, without tax and after promotions that the
// tradesperson funds. It is for the tradesperson, never for the customer.
type Margin struct {
	Known   bool // whether there is a unit cost, for a document: on every line
	Cost    money.Amount
	Amount  money.Amount
	Percent decimal.Decimal // of the net, two digits; 0 when nothing is charged
}

// A PricedPromotion is what a promotion takes off a document.
type PricedPromotion struct {
	Promotion string // its id
	Code      string // the code it was given with, empty for none
	Name      string
	Funding   Funding
	Scope     string          // "lines" or "document"
	Percent   decimal.Decimal // of Basis; 0 when the coupon is an amount
	Basis     money.Amount    // what was left in its scope when it was applied
	Limited   string          // "cap" or "remaining" where the coupon was worth more; or empty
	Amount    money.Amount    // at least 0
	Shares    []TaxShare      // what it takes off each tax; none when the platform funds it
}

// A TaxShare is a part of an amount in one tax.
type TaxShare struct {
	Tax
	Amount money.Amount
}
