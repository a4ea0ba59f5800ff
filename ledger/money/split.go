package money

import (
	"errors"
	"math/bits"
	"slices"
)

// ErrNoParts reports a Split into no parts at all.
var ErrNoParts = errors.New("an amount cannot be split into no parts")

// Split divides a into parts proportional to weights; over no weight at all, into equal parts. The
// parts add up to exactly a, and each is within one minor unit of its exact share: every share is
// rounded down, and the units left over go one each to the shares with the largest fractions, ties
// to the earliest.
//
// Down is towards minus infinity, so the parts of -a are not the opposites of the parts of a:
// 5 over 7 and 3 is 4 and 1, -5 is -3 and -2. Who must undo a split negates the parts it gave.
//
// It fails only with ErrNoParts; any weights may be added up.
func (a Amount) Split(weights ...uint64) ([]Amount, error) {
	if len(weights) == 0 {
		return nil, ErrNoParts
	}
	var total wide
	for _, w := range weights {
		total = total.add(wide{0, w})
	}
	even := total == wide{}
	if even {
		total = wide{0, uint64(len(weights))}
	}
	size := magnitude(a.minor)
	parts := make([]Amount, len(weights))
	fractions := make([]wide, len(weights)) // numerators over total
	order := make([]int, len(weights))
	left := a.minor
	for i, weight := range weights {
		if even {
			weight = 1
		}
		hi, lo := bits.Mul64(size, weight)
		share, fraction := wide{hi, lo}.divide(total) // share ≤ size, as weight ≤ total
		minor := int64(share)
		if a.minor < 0 { // down is away from zero
			minor = -minor
			if fraction != (wide{}) {
				minor, fraction = minor-1, total.sub(fraction)
			}
		}
		parts[i], fractions[i], order[i] = Amount{minor, a.currency}, fraction, i
		left -= minor
	}
	slices.SortStableFunc(order, func(i, j int) int { return fractions[j].compare(fractions[i]) })
	for _, i := range order[:left] { // fewer than the shares that have a fraction
		parts[i].minor++
	}
	return parts, nil
}

// wide is an unsigned number of 128 bits.
type wide struct{ hi, lo uint64 }

func (x wide) add(y wide) wide {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	hi, _ := bits.Add64(x.hi, y.hi, carry)
	return wide{hi, lo}
}

func (x wide) sub(y wide) wide {
	lo, borrow := bits.Sub64(x.lo, y.lo, 0)
	hi, _ := bits.Sub64(x.hi, y.hi, borrow)
	return wide{hi, lo}
}

func (x wide) compare(y wide) int {
	switch {
	case x == y:
		return 0
	case x.hi < y.hi || x.hi == y.hi && x.lo < y.lo:
		return -1
	}
	return 1
}

// times returns x·n; the product must fit.
func (x wide) times(n uint64) wide {
	hi, lo := bits.Mul64(x.lo, n)
	return wide{hi + x.hi*n, lo}
}

// divide returns x / y, which must fit in 64 bits, and the remainder. For a y of more than 64 bits
// it divides by y's upper 64 bits first, which is at most one too much (Hacker's Delight, 9-5).
func (x wide) divide(y wide) (quotient uint64, remainder wide) {
	if y.hi == 0 {
		q, r := bits.Div64(x.hi, x.lo, y.lo)
		return q, wide{0, r}
	}
	shift := uint(bits.LeadingZeros64(y.hi))
	top := y.hi<<shift | y.lo>>1>>(63-shift)
	q, _ := bits.Div64(x.hi>>1, x.hi<<63|x.lo>>1, top)
	q >>= 63 - shift
	if q > 0 {
		q--
	}
	r := x.sub(y.times(q))
	if r.compare(y) >= 0 {
		q, r = q+1, r.sub(y)
	}
	return q, r
}
