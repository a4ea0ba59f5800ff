package money

import (
	"fmt"
	"math"
	"strings"
)

// A SyntaxError reports a text that is not an amount.
type SyntaxError struct{ Text string }

// Error quotes the beginning of the text.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%.40q is not an amount: write it like 12.34", e.Text)
}

// A PrecisionError reports an amount with more digits after its point than its currency has.
type PrecisionError struct {
	Text     string
	Currency Currency
}

// Error says how many digits there may be.
func (e *PrecisionError) Error() string {
	return fmt.Sprintf("%.40q has more digits after the point than %s, which has %d",
		e.Text, e.Currency, e.Currency.Digits())
}

// Parse returns the amount of c that text writes in major units: "12.34", "-5", "0.5". The form is
// that of a number in JSON without exponent: an optional minus; 0, or digits that begin with
// another; then optionally a point and at least one digit.
//
// It fails with a *SyntaxError for any other text, with a *PrecisionError for more digits after the
// point than c has (zeros too: "1.230" is no amount of euro), and with ErrOverflow.
func Parse(text string, c Currency) (Amount, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !isNumber(whole) || point && !isNumber(fraction) || len(whole) > 1 && whole[0] == '0' {
		return Amount{}, &SyntaxError{strings.Clone(text)}
	}
	if len(fraction) > c.Digits() {
		return Amount{}, &PrecisionError{strings.Clone(text), c}
	}
	size, ok := appendDigits(0, whole)
	size, ok2 := appendDigits(size, fraction)
	size, ok3 := appendDigits(size, "0000"[:c.Digits()-len(fraction)])
	switch {
	case !ok || !ok2 || !ok3:
		return Amount{}, ErrOverflow
	case negative && size <= 1<<63:
		return Amount{int64(-size), c}, nil
	case !negative && size <= math.MaxInt64:
		return Amount{int64(size), c}, nil
	}
	return Amount{}, ErrOverflow
}

// isNumber reports whether s is one or more decimal digits.
func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// appendDigits writes digits behind n, and reports whether the number still fits.
func appendDigits(n uint64, digits string) (uint64, bool) {
	for i := range len(digits) {
		d := uint64(digits[i] - '0')
		if n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}
