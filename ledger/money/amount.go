package money

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// An Amount is a whole number of minor units of one currency, positive, negative or zero. The zero
// Amount is nothing of no currency. Amounts compare with ==, which is also true of their currency.
type Amount struct {
	minor    int64
	currency Currency
}

// ErrOverflow reports an amount that does not fit in 64 bits of minor units.
var ErrOverflow = errors.New("the amount is too large")

// A MismatchError reports arithmetic or comparison of amounts in two currencies.
type MismatchError struct{ A, B Currency }

// Error names both currencies.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("amounts in %q and %q do not mix", e.A, e.B)
}

// New returns the amount of minor units of c: New(1234, EUR) is 12.34 euro.
func New(minor int64, c Currency) Amount { return Amount{minor, c} }

// Minor returns the amount in minor units.
func (a Amount) Minor() int64 { return a.minor }

// Currency returns the amount's currency.
func (a Amount) Currency() Currency { return a.currency }

// IsZero reports whether a is nothing, of whatever currency.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Sign returns -1, 0 or 1 for an amount below, at or above zero.
func (a Amount) Sign() int { return cmp.Compare(a.minor, 0) }

// Add returns a + b. It fails with a *MismatchError on two currencies and with ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, &MismatchError{a.currency, b.currency}
	}
	sum := a.minor + b.minor
	if b.minor > 0 && sum < a.minor || b.minor < 0 && sum > a.minor {
		return Amount{}, ErrOverflow
	}
	return Amount{sum, a.currency}, nil
}

// Sub returns a - b. It fails with a *MismatchError on two currencies and with ErrOverflow.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, &MismatchError{a.currency, b.currency}
	}
	difference := a.minor - b.minor
	if b.minor > 0 && difference > a.minor || b.minor < 0 && difference < a.minor {
		return Amount{}, ErrOverflow
	}
	return Amount{difference, a.currency}, nil
}

// Neg returns -a. It fails with ErrOverflow on the smallest amount there is, which has no opposite.
func (a Amount) Neg() (Amount, error) {
	if a.minor == math.MinInt64 {
		return Amount{}, ErrOverflow
	}
	return Amount{-a.minor, a.currency}, nil
}

// Cmp returns -1, 0 or 1 for a below, equal to or above b. It fails with a *MismatchError on two
// currencies.
func (a Amount) Cmp(b Amount) (int, error) {
	if a.currency != b.currency {
		return 0, &MismatchError{a.currency, b.currency}
	}
	return cmp.Compare(a.minor, b.minor), nil
}

// String returns the amount in major units with all digits of its currency and without its code:
// "12.34", "-0.05", "500" for yen. Parse reads it back.
func (a Amount) String() string {
	var room [24]byte
	return string(a.AppendText(room[:0]))
}

// AppendText appends what String returns to b.
func (a Amount) AppendText(b []byte) []byte {
	size := magnitude(a.minor)
	if a.minor < 0 {
		b = append(b, '-')
	}
	digits := a.currency.Digits()
	unit := pow10[digits]
	b = strconv.AppendUint(b, size/unit, 10)
	if digits == 0 {
		return b
	}
	b = append(b, '.')
	for fraction := size % unit; unit > 1; fraction %= unit {
		unit /= 10
		b = append(b, byte('0'+fraction/unit))
	}
	return b
}

// pow10 is 10 to the number of minor digits a currency may have.
var pow10 = [...]uint64{1, 10, 100, 1000, 10000}

// magnitude returns |n|, which for the smallest int64 is 1<<63.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
