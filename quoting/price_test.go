package quoting

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

// A vector is a public e-invoice and the figures that it states itself.
type vector struct {
	ID         string             `json:"id"`
	Currency   string             `json:"currency"`
	Lines      []vectorLine       `json:"lines"`
	Allowances []vectorAdjustment `json:"allowances"`
	Charges    []vectorAdjustment `json:"charges"`
	Prepaid    string             `json:"prepaid"`
	Rounding   string             `json:"rounding"`
	Want       struct {
		Lines          []string `json:"lines"`
		LineTotal      string   `json:"line_total"`
		AllowanceTotal string   `json:"allowance_total"`
		ChargeTotal    string   `json:"charge_total"`
		TaxExclusive   string   `json:"tax_exclusive"`
		Tax            string   `json:"tax"`
		TaxInclusive   string   `json:"tax_inclusive"`
		Payable        string   `json:"payable"`
		Taxes          []struct {
			vectorTax
			Taxable string `json:"taxable"`
			Amount  string `json:"amount"`
		} `json:"taxes"`
	} `json:"want"`
}

type vectorTax struct {
	Category string `json:"category"`
	Rate     string `json:"rate"`
}

type vectorLine struct {
	Quantity     string    `json:"quantity"`
	UnitPrice    string    `json:"unit_price"`
	BaseQuantity string    `json:"base_quantity"`
	Allowances   []string  `json:"allowances"`
	Charges      []string  `json:"charges"`
	Tax          vectorTax `json:"tax"`
}

type vectorAdjustment struct {
	Amount string    `json:"amount"`
	Tax    vectorTax `json:"tax"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	f, err := os.Open("testdata/pricing.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []vector
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// document returns the vector as what Price takes.
func (v vector) document(t testing.TB) Document {
	t.Helper()
	c := money.MustParseCurrency(v.Currency)
	d := Document{
		Currency: c,
		Prepaid:  amount(t, v.Prepaid, c),
		Rounding: amount(t, v.Rounding, c),
	}
	for _, l := range v.Lines {
		line := Line{Quantity: dec(t, l.Quantity), UnitPrice: dec(t, l.UnitPrice),
			Tax: l.Tax.tax(t)}
		if l.BaseQuantity != "" {
			line.BaseQuantity = decimal.NewNullDecimal(dec(t, l.BaseQuantity))
		}
		for _, a := range l.Allowances {
			line.Allowances = append(line.Allowances, amount(t, a, c))
		}
		for _, a := range l.Charges {
			line.Charges = append(line.Charges, amount(t, a, c))
		}
		d.Lines = append(d.Lines, line)
	}
	for _, a := range v.Allowances {
		d.Allowances = append(
			d.Allowances,
			Adjustment{Amount: amount(t, a.Amount, c), Tax: a.Tax.tax(t)},
		)
	}
	for _, a := range v.Charges {
		d.Charges = append(
			d.Charges,
			Adjustment{Amount: amount(t, a.Amount, c), Tax: a.Tax.tax(t)},
		)
	}
	return d
}

func (x vectorTax) tax(t testing.TB) Tax {
	return Tax{TaxCategory(x.Category), dec(t, x.Rate)}
}

func amount(t testing.TB, text string, c money.Currency) money.Amount {
	t.Helper()
	a, err := money.Parse(text, c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func dec(t testing.TB, text string) decimal.Decimal {
	t.Helper()
	d, err := ParseDecimal("test", text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPriceVectors holds Price to what public e-invoices state about themselves, to the cent.
func TestPriceVectors(t *testing.T) {
	all := vectors(t)
	if len(all) < 45 {
		t.Fatalf("%d vectors", len(all))
	}
	for _, v := range all {
		t.Run(v.ID, func(t *testing.T) {
			got, err := Price(v.document(t), nil, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			same := func(what string, got money.Amount, want string) {
				t.Helper()
				if got != amount(t, want, got.Currency()) {
					t.Errorf("%s is %s, want %s", what, got, want)
				}
			}
			for i, want := range v.Want.Lines {
				same("line", got.Lines[i].Net, want)
			}
			same("line total", got.LineTotal, v.Want.LineTotal)
			same("allowance total", got.AllowanceTotal, v.Want.AllowanceTotal)
			same("charge total", got.ChargeTotal, v.Want.ChargeTotal)
			same("tax exclusive", got.TaxExclusive, v.Want.TaxExclusive)
			same("tax", got.Tax, v.Want.Tax)
			same("tax inclusive", got.TaxInclusive, v.Want.TaxInclusive)
			same("payable", got.Payable, v.Want.Payable)
			if len(got.Taxes) != len(v.Want.Taxes) {
				t.Fatalf("%d taxes, want %d", len(got.Taxes), len(v.Want.Taxes))
			}
			for i, want := range v.Want.Taxes {
				x := got.Taxes[i]
				if string(x.Category) != want.Category || x.Rate.String() != want.Rate {
					t.Errorf("tax %d is %s %s, want %v", i, x.Category, x.Rate, want.vectorTax)
				}
				same("taxable", x.Taxable, want.Taxable)
				same("tax amount", x.Amount, want.Amount)
			}
		})
	}
}
