package quoting

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// Limits of a document.
const (
	MaxLines           = 1000 // lines
	MaxAdjustments     = 100  // allowances, and as many charges
	MaxLineAdjustments = 20   // allowances of a line, and as many charges
	MaxTaxes           = 100  // different categories and rates
	MaxPromotions      = 10   // promotions applied to a document
	maxDescription     = 2000 // bytes
	maxName            = 200  // bytes
	maxID              = 100  // bytes
)

// A Kind says what a line is for. The zero Kind is not set.
type Kind uint8

// The kinds of lines.
const (
	Labour Kind = iota + 1
	Material
	Equipment
	Service
	Fee
	kindEnd
)

var kindNames = [...]string{"", "labour", "material", "equipment", "service", "fee"}

// String returns the kind's name, empty for a kind that is not set.
func (k Kind) String() string { return nameOf(kindNames[:], k) }

// ParseKind returns the kind of a name, and whether there is one. An empty name is not set.
func ParseKind(name string) (Kind, bool) {
	k, ok := parseName[Kind](kindNames[:], name)
	return k, ok || name == ""
}

// A Line is what is done or delivered, and its price.
type Line struct {
	Description  string
	Kind         Kind
	Item         string              // the price book item it comes from, empty for none
	Quantity     decimal.Decimal     // below 0 for what is taken back
	UnitCode     string              // UN/ECE recommendation 20: "HUR", "MTR"
	UnitPrice    decimal.Decimal     // per base quantity, in major units of the document's currency
	BaseQuantity decimal.NullDecimal // above 0; 1 where it is not given
	Allowances   []money.Amount      // taken off the line, not per unit
	Charges      []money.Amount      // added to the line, not per unit
	Tax          Tax
	UnitCost     decimal.NullDecimal // what the base quantity costs the tradesperson; internal
	Book         FromBook            // what of the line is the item's; set when a draft is stored
}

// An Adjustment is an allowance (taken off) or a charge (added) of a whole document, in its own tax
// category. Its amount is usually above 0 in both, and below 0 in a document that takes back.
type Adjustment struct {
	Amount money.Amount
	Tax    Tax
	Reason string
}

// A Document is what Price prices. Amounts are in its currency.
type Document struct {
	Currency   money.Currency
	Lines      []Line
	Allowances []Adjustment
	Charges    []Adjustment
	Prepaid    money.Amount // zero, of no currency too, for nothing
	Rounding   money.Amount // added to what is to be paid, such as -0.49; zero for nothing
	// PricesInclusive says that unit prices, allowances and charges contain their tax.
	PricesInclusive bool
}

// field names a field of an element of a list: field("lines", 3, "quantity").
func field(list string, i int, name string) string {
	return element(list, i) + "." + name
}

// element is the path of an element of a list.
func element(list string, i int) string { return list + "." + strconv.Itoa(i) }

// base returns the base quantity of a line.
func (l *Line) base() decimal.Decimal {
	if !l.BaseQuantity.Valid {
		return one
	}
	return l.BaseQuantity.Decimal
}

// check refuses a document that Price would not compute with, apart from its lines.
func (d *Document) check() error {
	switch {
	case d.Currency.IsZero():
		return &FieldError{"currency", "required", "must be a currency of ISO 4217"}
	case len(d.Lines) == 0:
		return &FieldError{"lines", "required", "a document has at least one line"}
	case len(d.Lines) > MaxLines:
		return &FieldError{"lines", "too_many", "a document has at most 1000 lines"}
	case len(d.Allowances) > MaxAdjustments:
		return &FieldError{"allowances", "too_many", "a document has at most 100 allowances"}
	case len(d.Charges) > MaxAdjustments:
		return &FieldError{"charges", "too_many", "a document has at most 100 charges"}
	}
	if _, err := d.minor("prepaid", d.Prepaid); err != nil {
		return err
	}
	_, err := d.minor("rounding", d.Rounding)
	return err
}

// minor checks an amount of the document and returns it in minor units.
func (d *Document) minor(field string, a money.Amount) (int64, error) {
	n := a.Minor()
	switch {
	case a == money.Amount{}:
		return 0, nil
	case a.Currency() != d.Currency:
		return 0, &FieldError{field, "currency", "must be in the document's currency"}
	case n > maxAmount || n < -maxAmount:
		return 0, tooLarge(field)
	}
	return n, nil
}

// tooMuch refuses the lines of a document that come to more than it may: their sum with what is
// taken off and added, or a tax of it.
func tooMuch() error {
	return &FieldError{"lines", "range",
		"come to too much in all: a document has at most 10^15 minor units of the currency"}
}

func tooLarge(field string) error {
	return &FieldError{field, "range", "is too large: at most 10^15 minor units of the currency"}
}

// check refuses a line that Price would not compute with, apart from its amounts and tax.
func (l *Line) check(i int) error {
	switch {
	case !bounded(l.Quantity):
		return tooLong(field("lines", i, "quantity"))
	case !bounded(l.UnitPrice):
		return tooLong(field("lines", i, "unit_price"))
	case l.BaseQuantity.Valid && !bounded(l.BaseQuantity.Decimal):
		return tooLong(field("lines", i, "base_quantity"))
	case l.BaseQuantity.Valid && l.BaseQuantity.Decimal.Sign() <= 0:
		return &FieldError{field("lines", i, "base_quantity"), "range", "must be above 0"}
	case l.UnitCost.Valid && !bounded(l.UnitCost.Decimal):
		return tooLong(field("lines", i, "unit_cost"))
	case len(l.Allowances) > MaxLineAdjustments:
		return &FieldError{field("lines", i, "allowances"), "too_many", "a line has at most 20"}
	case len(l.Charges) > MaxLineAdjustments:
		return &FieldError{field("lines", i, "charges"), "too_many", "a line has at most 20"}
	case l.Kind >= kindEnd:
		return &FieldError{field("lines", i, "kind"), "kind",
			"must be labour, material, equipment, service or fee"}
	case !isText(l.Description, maxDescription, true):
		return badText(field("lines", i, "description"), maxDescription)
	case !isText(l.UnitCode, maxID, false):
		return badText(field("lines", i, "unit_code"), maxID)
	case !isText(l.Item, maxID, false):
		return badText(field("lines", i, "item"), maxID)
	}
	return nil
}

// isText reports whether s is at most limit bytes of UTF-8 without control characters; lines says
// that it may have several.
func isText(s string, limit int, lines bool) bool {
	if len(s) > limit || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) && (!lines || r != '\n' && r != '\r' && r != '\t') {
			return false
		}
	}
	return true
}

// isName reports whether s may be what people call something: a text of one line with a character
// that is not a space.
func isName(s string) bool { return isText(s, maxName, false) && strings.TrimSpace(s) != "" }

func badName(field string) error {
	return &FieldError{field, "text", "must be text with a character that is not a space, without " +
		"control characters, of at most " + strconv.Itoa(maxName) + " bytes"}
}

func badText(field string, limit int) error {
	return &FieldError{field, "text",
		"must be text without control characters, at most " + strconv.Itoa(limit) + " bytes"}
}
