package quoting

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/shopspring/decimal"
)

// maxAmount bounds every amount of a document, in minor units: sums over all that a document may
// hold stay far within 64 bits.
const maxAmount = 1_000_000_000_000_000

// A fraction says how the rest of a division compares with one half.
type fraction uint8

const (
	exact fraction = iota // there is no rest
	below
	half
	above
)

// pow10 is 10 to the power of its index, as far as 64 bits go.
var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// product returns quantity × price ÷ base − less in minor units of a currency with the digits
// given, rounded once, half away from zero. ok is false when it does not fit. The base is above 0.
func product(quantity, price, base decimal.Decimal, digits int, less int64) (int64, bool) {
	shift := int(quantity.Exponent()) + int(price.Exponent()) - int(base.Exponent()) + digits
	negative := quantity.Sign()*price.Sign() < 0
	whole, rest, ok := quick(quantity, price, base, shift)
	if !ok {
		if whole, rest, ok = slow(quantity, price, base, shift); !ok {
			return 0, false
		}
	}
	if whole > math.MaxInt64/4 {
		return 0, false
	}
	return roundAway(negative, int64(whole), rest, less), true
}

// quick divides in 128 bits. It does not answer where those, or 18 digits a number, are not enough.
func quick(q, p, b decimal.Decimal, shift int) (whole uint64, rest fraction, ok bool) {
	if q.NumDigits() > 18 || p.NumDigits() > 18 || b.NumDigits() > 18 {
		return 0, exact, false
	}
	hi, lo := bits.Mul64(size(q.CoefficientInt64()), size(p.CoefficientInt64()))
	divisor := size(b.CoefficientInt64())
	switch {
	case shift > 19 || shift < -19:
		return 0, exact, false
	case shift > 0:
		high, carried := bits.Mul64(hi, pow10[shift])
		over, low := bits.Mul64(lo, pow10[shift])
		sum, carry := bits.Add64(carried, over, 0)
		if high != 0 || carry != 0 {
			return 0, exact, false
		}
		hi, lo = sum, low
	case shift < 0:
		over, scaled := bits.Mul64(divisor, pow10[-shift])
		if over != 0 {
			return 0, exact, false
		}
		divisor = scaled
	}
	if hi >= divisor {
		return 0, exact, false
	}
	whole, r := bits.Div64(hi, lo, divisor)
	return whole, compareHalf(r, divisor), true
}

// slow is quick for numbers of any size. It does not answer when the quotient needs over 64 bits.
func slow(q, p, b decimal.Decimal, shift int) (whole uint64, rest fraction, ok bool) {
	n := new(big.Int).Mul(q.Coefficient(), p.Coefficient())
	n.Abs(n)
	d := b.Coefficient()
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	if shift > 0 {
		n.Mul(n, scale)
	} else {
		d.Mul(d, scale)
	}
	quotient, r := new(big.Int).QuoRem(n, d, new(big.Int))
	if !quotient.IsUint64() {
		return 0, exact, false
	}
	switch twice := r.Lsh(r, 1); {
	case twice.Sign() == 0:
		rest = exact
	case twice.Cmp(d) < 0:
		rest = below
	case twice.Cmp(d) == 0:
		rest = half
	default:
		rest = above
	}
	return quotient.Uint64(), rest, true
}

// roundAway rounds ±(whole + rest) − less half away from zero. What is taken off is whole, but it
// may carry the value over zero, where away is the other way.
func roundAway(negative bool, whole int64, rest fraction, less int64) int64 {
	if negative {
		n := -whole - less // the value is at or below n
		if n <= 0 && rest >= half || rest == above {
			n--
		}
		return n
	}
	n := whole - less // the value is at or above n
	if n >= 0 && rest >= half || rest == above {
		n++
	}
	return n
}

// portion returns amount × numerator ÷ denominator, rounded half away from zero. The numerator is
// not above the denominator, which is not 0.
func portion(amount int64, numerator, denominator uint64) int64 {
	hi, lo := bits.Mul64(size(amount), numerator)
	whole, r := bits.Div64(hi, lo, denominator)
	return roundAway(amount < 0, int64(whole), compareHalf(r, denominator), 0)
}

// compareHalf says how r ÷ divisor compares with one half.
func compareHalf(r, divisor uint64) fraction {
	switch other := divisor - r; {
	case r == 0:
		return exact
	case r < other:
		return below
	case r == other:
		return half
	}
	return above
}

// size returns |n|, which for the smallest int64 is 1<<63.
func size(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
