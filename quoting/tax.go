package quoting

import (
	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// A TaxCategory is a code of UNTDID 5305 that EN 16931 allows.
type TaxCategory string

// The tax categories.
const (
	StandardRate    TaxCategory = "S"
	ZeroRated       TaxCategory = "Z"
	Exempt          TaxCategory = "E"
	ReverseCharge   TaxCategory = "AE"
	IntraCommunity  TaxCategory = "K"
	ExportOutsideEU TaxCategory = "G"
	OutsideScope    TaxCategory = "O"
	CanaryIslands   TaxCategory = "L"
	CeutaMelilla    TaxCategory = "M"
	SplitPayment    TaxCategory = "B"
)

// taxCategories says of each category whether it may have a rate above 0.
var taxCategories = map[TaxCategory]bool{
	StandardRate: true, ZeroRated: false, Exempt: false, ReverseCharge: false, IntraCommunity: false,
	ExportOutsideEU: false, OutsideScope: false, CanaryIslands: true, CeutaMelilla: true,
	SplitPayment: true,
}

// A Tax is a category and its rate in percent: S and 25. Rates have at most six digits after the
// point. Two taxes are the same when category and rate are, however the rate is written.
type Tax struct {
	Category TaxCategory
	Rate     decimal.Decimal
}

// millionths checks t and returns its rate in millionths of a percent.
func (t Tax) millionths(field string) (uint64, error) {
	if t.Category == StandardRate { // most are, and a map's look-up is not free
		if r, ok := rate(t.Rate); ok {
			return r, nil
		}
	}
	taxed, known := taxCategories[t.Category]
	if !known {
		return 0, &FieldError{field + ".category", "tax_category",
			"must be a tax category of EN 16931: S, Z, E, AE, K, G, O, L, M or B"}
	}
	r, ok := rate(t.Rate)
	if !ok {
		return 0, &FieldError{field + ".rate", "range",
			"must be a percentage from 0 to 100 with at most six digits after the point"}
	}
	if r != 0 && !taxed {
		return 0, &FieldError{field + ".rate", "tax_rate",
			"must be 0 in the tax category " + string(t.Category)}
	}
	return r, nil
}

// A TaxTotal is the tax of a document in one category and rate.
type TaxTotal struct {
	Tax
	Taxable money.Amount // what the tax is taken on, without it
	Amount  money.Amount // the tax
}
