package quoting

import (
	"github.com/shopspring/decimal"
)

// Bounds of a decimal: a number beyond them is refused before anything is computed with it, because
// the text "1e999999999" is short and its digits are not.
const (
	maxDigits = 30
	maxText   = 64
)

// hundred is 100 % as a rate: rates are whole millionths of a percent.
const (
	rateDigits = 6
	hundred    = 100_000_000
)

var one = decimal.New(1, 0)

// ParseDecimal returns the decimal of a text such as "12", "-0.75" or "0.00101". It fails with a
// *FieldError on that field for a text that is no decimal, and for one with more than 30 digits,
// or more than 30 after its point. An exponent written out ("1e3") is no decimal here.
func ParseDecimal(field, text string) (decimal.Decimal, error) {
	if !isDecimal(text) {
		return decimal.Decimal{}, &FieldError{field, "decimal", "must be a decimal number such as 12.5"}
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Decimal{}, &FieldError{field, "decimal", "must be a decimal number such as 12.5"}
	}
	if !bounded(d) {
		return decimal.Decimal{}, tooLong(field)
	}
	return d, nil
}

// isDecimal reports whether text is an optional minus, digits, and optionally a point and digits.
func isDecimal(text string) bool {
	if len(text) > maxText {
		return false
	}
	digits, points := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && points == 0 && digits > 0 && i < len(text)-1:
			points++
		case c == '-' && i == 0:
		default:
			return false
		}
	}
	return digits > 0
}

// bounded reports whether d may be computed with. Whatever is bounded can be written out and read
// back by ParseDecimal.
func bounded(d decimal.Decimal) bool {
	exponent := int(d.Exponent())
	return exponent >= -maxDigits && exponent <= maxDigits &&
		d.NumDigits()+max(exponent, 0) <= maxDigits
}

func tooLong(field string) error {
	return &FieldError{field, "digits",
		"must have at most 30 digits, at most 30 of them after the point"}
}

// rate returns a percentage in millionths of a percent; ok is false for one below 0, above 100, or
// with more than six digits after the point.
func rate(percent decimal.Decimal) (millionths uint64, ok bool) {
	if percent.Sign() < 0 || !bounded(percent) {
		return 0, false
	}
	whole, rest, ok := quick(percent, one, one, int(percent.Exponent())+rateDigits)
	return whole, ok && rest == exact && whole <= hundred
}

// percent is the inverse of rate.
func percent(millionths uint64) decimal.Decimal {
	for digits := rateDigits; digits > 0; digits-- { // so that texts and stored forms are short
		if millionths%10 != 0 {
			return decimal.New(int64(millionths), int32(-digits))
		}
		millionths /= 10
	}
	return decimal.New(int64(millionths), 0)
}
