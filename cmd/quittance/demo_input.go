package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/shopspring/decimal"
)

// sampleDocuments are what demo works with when it is given none.
//
//go:embed samples.jsonl
var sampleDocuments []byte

// A sample is a document of the input: what is to be quoted, and what it must come to.
type sample struct {
	id       string
	currency string
	body     map[string]json.RawMessage // the document, as pricing/preview takes it
	want     figures
}

// figures are what a document comes to, as the API names them.
type figures struct {
	TaxExclusive decimal.Decimal `json:"tax_exclusive"`
	Tax          decimal.Decimal `json:"tax"`
	Payable      decimal.Decimal `json:"payable"`
	Taxes        []struct {
		Category string          `json:"category"`
		Rate     decimal.Decimal `json:"rate"`
		Taxable  decimal.Decimal `json:"taxable"`
		Amount   decimal.Decimal `json:"amount"`
	} `json:"taxes"`
	Promotions []struct {
		Amount decimal.Decimal `json:"amount"`
	} `json:"promotions"`
}

// readSamples reads documents in the shape of the pricing vectors, one a line: a body of
// pricing/preview, with an id and with what is wanted of it.
func readSamples(path string) ([]sample, error) {
	text := sampleDocuments
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	var samples []sample
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		s, err := readSample(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		samples = append(samples, s)
	}
	return samples, nil
}

// readSample reads one document. What it refuses it refuses whole.
func readSample(line []byte) (sample, error) {
	var s sample
	if err := json.Unmarshal(line, &s.body); err != nil {
		return sample{}, err
	}
	for name, into := range map[string]any{"id": &s.id, "currency": &s.currency, "want": &s.want} {
		if err := json.Unmarshal(s.body[name], into); err != nil {
			return sample{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := s.want.check(); err != nil {
		return sample{}, err
	}
	delete(s.body, "id")
	delete(s.body, "want")
	return s, nil
}

// maxDigits bounds the figures of an input, before anything is computed with them: the text
// "1e999999999" is short, and its digits are not.
const maxDigits = 30

// check refuses figures that have too many digits.
func (f figures) check() error {
	all := []decimal.Decimal{f.TaxExclusive, f.Tax, f.Payable}
	for _, t := range f.Taxes {
		all = append(all, t.Rate, t.Taxable, t.Amount)
	}
	for _, p := range f.Promotions {
		all = append(all, p.Amount)
	}
	for _, d := range all {
		if e := int(d.Exponent()); e < -maxDigits || d.NumDigits()+max(e, 0) > maxDigits {
			return fmt.Errorf("want: a figure of more than %d digits", maxDigits)
		}
	}
	return nil
}

// lessPromotion checks what a promotion of a percentage of a document left of it against the
// document without it, by rules of its own, and returns what must be paid:
//
//   - the promotion is its percentage of what the document is worth before tax;
//   - what is taxed is less by just that, and each tax is its rate of what is taxed;
//   - what must be paid is less by the promotion and by what it takes of the taxes.
func lessPromotion(before, after figures, percent decimal.Decimal, digits int32) (
	decimal.Decimal, error) {
	hundred := decimal.New(100, 0)
	promotion := before.TaxExclusive.Mul(percent).Div(hundred).Round(digits)
	if len(after.Promotions) != 1 || !after.Promotions[0].Amount.Equal(promotion) {
		return promotion, fmt.Errorf("the promotion is %v, want %v", after.Promotions, promotion)
	}
	taxable, taxes := decimal.Zero, decimal.Zero
	for _, t := range after.Taxes {
		if want := t.Taxable.Mul(t.Rate).Div(hundred).Round(digits); !t.Amount.Equal(want) {
			return promotion, fmt.Errorf("the tax %s %s of %s is %s, want %s", t.Category, t.Rate,
				t.Taxable, t.Amount, want)
		}
		taxable, taxes = taxable.Add(t.Taxable), taxes.Add(t.Amount)
	}
	if want := before.TaxExclusive.Sub(promotion); !taxable.Equal(want) {
		return promotion, fmt.Errorf("%s are taxed, want %s", taxable, want)
	}
	return before.Payable.Sub(promotion).Sub(before.Tax.Sub(taxes)), nil
}

// digitsOf returns how many digits amounts are written with.
func digitsOf(amount decimal.Decimal) int32 { return max(0, -amount.Exponent()) }
