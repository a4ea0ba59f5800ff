package quoting

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// line is a line of quantity × price, taxed at a standard rate.
func line(t testing.TB, quantity, price, rate string) Line {
	t.Helper()
	return Line{
		Quantity:  dec(t, quantity),
		UnitPrice: dec(t, price),
		Tax:       Tax{StandardRate, dec(t, rate)},
	}
}

// TestPriceRounding walks over the edges of rounding: half goes away from zero, once a line and
// once a tax, to as many digits as the currency has.
func TestPriceRounding(t *testing.T) {
	for _, x := range []struct {
		currency, quantity, price, base, allowance string
		net, tax                                   string
	}{
		{"EUR", "1", "0.005", "", "", "0.01", "0.00"},
		{"EUR", "-1", "0.005", "", "", "-0.01", "0.00"},
		{"EUR", "1", "0.0049999999999999999999999999", "", "", "0.00", "0.00"},
		{"EUR", "1", "0.015", "", "", "0.02", "0.00"}, // not to even
		{"EUR", "1", "0.025", "", "", "0.03", "0.01"},
		{"EUR", "1", "8180", "", "", "8180.00", "1636.00"},
		{"EUR", "1", "0.13", "", "", "0.13", "0.03"}, // 0.026
		{"EUR", "2", "1", "3", "", "0.67", "0.13"},
		{"EUR", "1", "1", "3", "", "0.33", "0.07"},
		// What is rounded is the line, not quantity × price: 0.505 − 1 is −0.495.
		{"EUR", "1", "0.505", "", "1.00", "-0.50", "-0.10"},
		{"EUR", "1", "0.504", "", "1.00", "-0.50", "-0.10"},
		{"EUR", "-1", "0.505", "", "-1.00", "0.50", "0.10"},
		{"JPY", "3", "33.5", "", "", "101", "20"},
		{"JPY", "1", "0.5", "", "", "1", "0"},
		{"HUF", "1", "0.005", "", "", "0.01", "0.00"},
		{"KWD", "1", "0.0005", "", "", "0.001", "0.000"},
		{"KWD", "1", "1.2345", "", "", "1.235", "0.247"},
		{"EUR", "999999999999999999", "0.00000000000001", "", "", "10000.00", "2000.00"},
		{"EUR", "0.000000000000000000000000000001", "1000000000", "", "", "0.00", "0.00"},
	} {
		name := fmt.Sprint(
			x.currency,
			" ",
			x.quantity,
			" × ",
			x.price,
			" ÷ ",
			x.base,
			" − ",
			x.allowance,
		)
		c := money.MustParseCurrency(x.currency)
		l := line(t, x.quantity, x.price, "20")
		if x.base != "" {
			l.BaseQuantity = decimal.NewNullDecimal(dec(t, x.base))
		}
		if x.allowance != "" {
			l.Allowances = []money.Amount{amount(t, x.allowance, c)}
		}
		got, err := Price(Document{Currency: c, Lines: []Line{l}}, nil, time.Time{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Lines[0].Net.String() != x.net || got.Tax.String() != x.tax {
			t.Errorf(
				"%s is %s and %s tax, want %s and %s",
				name,
				got.Lines[0].Net,
				got.Tax,
				x.net,
				x.tax,
			)
		}
	}
}

// TestPriceTaxes holds that tax is taken on the sum of a category and rate, however the rate is
// written, and that categories come in order.
func TestPriceTaxes(t *testing.T) {
	d := Document{Currency: eur}
	for _, rate := range []string{"9.975", "9.9750", "25", "6", "0", "9.975000"} {
		d.Lines = append(d.Lines, line(t, "1", "0.05", rate))
	}
	d.Lines = append(
		d.Lines,
		Line{Quantity: dec(t, "1"), UnitPrice: dec(t, "7"), Tax: Tax{Category: ReverseCharge}},
	)
	got, err := Price(d, nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, x := range got.Taxes {
		fmt.Fprintf(&b, "%s %s: %s of %s\n", x.Category, x.Rate, x.Amount, x.Taxable)
	}
	const want = "AE 0: 0.00 of 7.00\nS 0: 0.00 of 0.05\nS 25: 0.01 of 0.05\n" +
		"S 6: 0.00 of 0.05\nS 9.975: 0.01 of 0.15\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// TestPriceInclusive holds that prices that contain their tax are what is paid, to the cent, and
// that the tax is taken out once per category.
func TestPriceInclusive(t *testing.T) {
	d := Document{
		Currency:        eur,
		PricesInclusive: true,
		Lines: []Line{
			line(t, "3", "9.99", "19"),
			line(t, "1", "0.01", "19"),
			line(t, "1", "5", "7"),
		},
		Allowances: []Adjustment{
			{Amount: amount(t, "1", eur), Tax: Tax{StandardRate, dec(t, "7")}},
		},
	}
	d.Lines[0].UnitCost = decimal.NewNullDecimal(dec(t, "5"))
	got, err := Price(d, nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	// 29.98 ÷ 1.19 × 0.19 = 4.7867, 4 ÷ 1.07 × 0.07 = 0.2617
	if got.Payable.String() != "33.98" || got.Tax.String() != "5.05" ||
		got.TaxExclusive.String() != "28.93" {
		t.Errorf("payable %s, tax %s, exclusive %s", got.Payable, got.Tax, got.TaxExclusive)
	}
	if m := got.Lines[0].Margin; m.Amount.String() != "10.18" || m.Percent.String() != "40.43" {
		t.Errorf("margin %+v", m) // 25.18 − 15.00
	}
}

// TestPriceRefused holds that a document out of bounds is refused with the path of the field,
// before anything is computed with it.
func TestPriceRefused(t *testing.T) {
	huge, tiny := decimal.New(1, 999999999), decimal.New(1, -999999999)
	many, bad := make([]money.Amount, 21), money.New(1, money.MustParseCurrency("SEK"))
	for field, change := range map[string]func(d *Document){
		"currency":           func(d *Document) { d.Currency = money.Currency{} },
		"lines":              func(d *Document) { d.Lines = nil },
		"lines ":             func(d *Document) { d.Lines = make([]Line, 1001) },
		"lines.1.quantity":   func(d *Document) { d.Lines[1].Quantity = huge },
		"lines.1.unit_price": func(d *Document) { d.Lines[1].UnitPrice = tiny },
		"lines.1.base_quantity": func(d *Document) {
			d.Lines[1].BaseQuantity = decimal.NewNullDecimal(huge)
		},
		"lines.1.base_quantity ": func(d *Document) {
			d.Lines[1].BaseQuantity = decimal.NewNullDecimal(decimal.Zero)
		},
		"lines.1.base_quantity  ": func(d *Document) {
			d.Lines[1].BaseQuantity = decimal.NewNullDecimal(dec(t, "-1"))
		},
		"lines.1.unit_cost": func(d *Document) {
			d.Lines[1].UnitCost = decimal.NewNullDecimal(huge)
		},
		"lines.1":              func(d *Document) { d.Lines[1].Quantity = decimal.New(1, 14) },
		"lines.1 ":             func(d *Document) { d.Lines[1].Quantity = decimal.New(-1, 29) },
		"lines.1.allowances":   func(d *Document) { d.Lines[1].Allowances = many },
		"lines.1.charges":      func(d *Document) { d.Lines[1].Charges = many },
		"lines.1.allowances.0": func(d *Document) { d.Lines[1].Allowances = []money.Amount{bad} },
		"lines.1.charges.0": func(d *Document) {
			d.Lines[1].Charges = []money.Amount{money.New(1<<62, eur)}
		},
		"lines.1.kind":         func(d *Document) { d.Lines[1].Kind = 77 },
		"lines.1.description":  func(d *Document) { d.Lines[1].Description = "a\x00b" },
		"lines.1.unit_code":    func(d *Document) { d.Lines[1].UnitCode = "\xff" },
		"lines.1.item":         func(d *Document) { d.Lines[1].Item = strings.Repeat("x", 101) },
		"lines.1.tax.category": func(d *Document) { d.Lines[1].Tax.Category = "X" },
		"lines.1.tax.rate":     func(d *Document) { d.Lines[1].Tax.Rate = dec(t, "100.5") },
		"lines.1.tax.rate ":    func(d *Document) { d.Lines[1].Tax.Rate = dec(t, "-1") },
		"lines.1.tax.rate  ":   func(d *Document) { d.Lines[1].Tax.Rate = dec(t, "1.0000001") },
		"lines.1.tax.rate   ":  func(d *Document) { d.Lines[1].Tax = Tax{Exempt, dec(t, "5")} },
		"lines.1.tax.rate    ": func(d *Document) { d.Lines[1].Tax.Rate = huge },
		"allowances":           func(d *Document) { d.Allowances = make([]Adjustment, 101) },
		"charges":              func(d *Document) { d.Charges = make([]Adjustment, 101) },
		"allowances.0.amount":  func(d *Document) { d.Allowances = []Adjustment{{Amount: bad}} },
		"allowances.0.tax.category": func(d *Document) {
			d.Allowances = []Adjustment{{Amount: money.New(1, eur)}}
		},
		"charges.0.reason": func(d *Document) { d.Charges = []Adjustment{{Reason: "\n"}} },
		"prepaid":          func(d *Document) { d.Prepaid = bad },
		"rounding":         func(d *Document) { d.Rounding = money.New(-1<<63, eur) },
		"lines  ": func(d *Document) {
			d.Lines[0].Quantity, d.Lines[1].Quantity = dec(t, "600000000000"), dec(t, "600000000000")
		},
		"lines   ": func(d *Document) {
			d.Lines[0].Quantity = dec(t, "900000000000")
		},
	} {
		d := Document{
			Currency: eur,
			Lines:    []Line{line(t, "1", "10", "25"), line(t, "1", "10", "25")},
		}
		change(&d)
		_, err := Price(d, nil, time.Time{})
		var refused *FieldError
		if !errors.As(err, &refused) || refused.Field != strings.TrimSpace(field) ||
			refused.Rule == "" {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

// TestPriceManyTaxes holds that a document has a bounded number of taxes: what a promotion costs to
// spread grows with them.
func TestPriceManyTaxes(t *testing.T) {
	d := Document{Currency: eur}
	for n := range MaxTaxes + 1 {
		d.Lines = append(d.Lines, Line{Quantity: one, UnitPrice: one,
			Tax: Tax{StandardRate, decimal.New(int64(n), -2)}})
	}
	var refused *FieldError
	if _, err := Price(d, nil, time.Time{}); !errors.As(err, &refused) || refused.Rule != "too_many" {
		t.Errorf("got %v", err)
	}
	d.Lines = d.Lines[:MaxTaxes]
	if got, err := Price(d, nil, time.Time{}); err != nil || len(got.Taxes) != MaxTaxes {
		t.Errorf("%d taxes, %v", len(got.Taxes), err)
	}
}

// TestParseDecimal holds what is read as a decimal, and that a short text cannot name a long
// number.
func TestParseDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0.75": "-0.75", "0012": "12", "1.500": "1.5",
		"123456789012345678901234567890": "123456789012345678901234567890",
		"":                               "", "-": "", ".5": "", "5.": "", "1e3": "",
		"1e999999999": "", "+1": "", " 1": "",
		"1,5": "", "0x1": "", "NaN": "", "--1": "",
		"1.2.3": "", "١": "", "1234567890123456789012345678901": "", strings.Repeat("0", 65): "",
	} {
		got, err := ParseDecimal("f", text)
		var refused *FieldError
		if want == "" && !errors.As(err, &refused) {
			t.Errorf("%q is read as %v (%v)", text, got, err)
		}
		if want != "" && (err != nil || got.String() != want) {
			t.Errorf("%q is read as %v (%v), want %s", text, got, err, want)
		}
	}
}
