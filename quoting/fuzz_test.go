package quoting

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// FuzzParseDecimal holds that reading a text never panics, that what is read is bounded, and that
// it is written and read back as the same number.
func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"0", "-0.75", "1e999999999", "00.10",
		"9999999999999999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDecimal("f", text)
		if err != nil {
			if !errors.As(err, new(*FieldError)) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if back, err := ParseDecimal("f", d.String()); err != nil || !back.Equal(d) {
			t.Errorf("%q is %s, which is read as %v (%v)", text, d, back, err)
		}
	})
}

// FuzzNormalizeCode holds that a code that is normal stays as it is, and fits a key.
func FuzzNormalizeCode(f *testing.F) {
	f.Add(" spring-10 ")
	f.Add("ſ/\x00")
	f.Fuzz(func(t *testing.T, text string) {
		code, err := NormalizeCode(text)
		if err != nil {
			return
		}
		if again, err := NormalizeCode(code); again != code || err != nil {
			t.Errorf("%q is %q is %q (%v)", text, code, again, err)
		}
		for _, c := range code {
			if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
				t.Errorf("%q is %q", text, code)
			}
		}
	})
}

// FuzzParseDate holds that a date that is read ends after it begins, in any zone.
func FuzzParseDate(f *testing.F) {
	f.Add("2026-04-05", "Pacific/Auckland")
	f.Add("2026-02-30", "Local")
	f.Fuzz(func(t *testing.T, text, name string) {
		d, err := ParseDate("f", text)
		if err != nil {
			return
		}
		z, err := zone(name)
		if err != nil {
			z = time.UTC
		}
		end, err := d.End(z)
		if err != nil || DateOf(end.Add(-1), z) != d {
			t.Errorf("%s in %v ends at %v (%v)", d, z, end, err)
		}
	})
}

// FuzzPrice holds that no numbers, however long or wrong, make Price panic or take long, and that
// what it refuses it refuses by field or by promotion.
func FuzzPrice(f *testing.F) {
	f.Add(
		int64(3),
		int32(0),
		int64(9999),
		int32(-2),
		int64(1),
		int32(0),
		int64(25),
		int32(0),
		int64(10),
		false,
	)
	f.Add(
		int64(-1),
		int32(999999999),
		int64(1),
		int32(-999999999),
		int64(0),
		int32(7),
		int64(-1),
		int32(-7),
		int64(0),
		true,
	)
	f.Fuzz(
		func(t *testing.T, q int64, qe int32, p int64, pe int32, b int64, be int32, r int64, re int32,
			off int64, inclusive bool) {
			l := Line{
				Quantity:  decimal.New(q, qe),
				UnitPrice: decimal.New(p, pe),
				BaseQuantity: decimal.NewNullDecimal(
					decimal.New(b, be),
				),
				UnitCost: decimal.NewNullDecimal(decimal.New(p, qe)),
				Tax:      Tax{StandardRate, decimal.New(r, re)},
			}
			d := Document{Currency: eur, Lines: []Line{l, l}, PricesInclusive: inclusive}
			a := promotion("a", func(x *Promotion) { x.Coupon.Percent = decimal.New(off, re) })
			for _, promotions := range [][]Applied{nil, {a}} {
				_, err := Price(d, promotions, time.Time{})
				if err != nil && !errors.As(err, new(*FieldError)) &&
					!errors.As(err, new(*PromotionError)) {
					t.Error(err)
				}
			}
		},
	)
}

// FuzzParseHash holds that a hash that is read is written with the same digits.
func FuzzParseHash(f *testing.F) {
	f.Add(Hash{1, 2, 255}.String())
	f.Add("zz")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHash(text)
		if err == nil && h != (Hash{}) && h.String() != strings.ToLower(text) {
			t.Errorf("%q is read as %s", text, h)
		}
	})
}
