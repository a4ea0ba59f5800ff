package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"testing"

	"pgregory.net/rapid"
)

var (
	eur = MustParseCurrency("EUR")
	usd = MustParseCurrency("USD")
	jpy = MustParseCurrency("JPY")
	kwd = MustParseCurrency("KWD")
	uyw = MustParseCurrency("UYW")
)

// Every amount that enters the system enters through Parse: what it takes, it takes exactly.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		c    Currency
		want int64
	}{
		{"12.34", eur, 1234}, {"-5", eur, -500}, {"0.5", eur, 50}, {"0", eur, 0}, {"-0.01", eur, -1},
		{"1", jpy, 1}, {"0.001", kwd, 1}, {"0.0001", uyw, 1}, {"-0", eur, 0}, {"10.00", eur, 1000},
		{"92233720368547758.07", eur, math.MaxInt64}, {"-92233720368547758.08", eur, math.MinInt64},
		{"9223372036854775807", jpy, math.MaxInt64}, {"-9223372036854775808", jpy, math.MinInt64},
	} {
		got, err := Parse(test.text, test.c)
		if want := New(test.want, test.c); got != want || err != nil {
			t.Errorf("Parse(%q, %s) = %d, %v; want %d", test.text, test.c, got.Minor(), err, test.want)
		}
	}
}

// What is not exactly an amount of the currency is refused, never rounded and never guessed.
func TestParseRefused(t *testing.T) {
	syntax, precision := new(*SyntaxError), new(*PrecisionError)
	for _, test := range []struct {
		text string
		c    Currency
		want any
	}{
		{"", eur, syntax}, {"1e5", eur, syntax}, {"+1", eur, syntax}, {" 1", eur, syntax},
		{"1 ", eur, syntax}, {".5", eur, syntax}, {"1.", eur, syntax}, {"-", eur, syntax},
		{"--1", eur, syntax}, {"-.5", eur, syntax}, {"1,5", eur, syntax}, {"1.2.3", eur, syntax},
		{"0x1", eur, syntax}, {"NaN", eur, syntax}, {"01", eur, syntax}, {"1_0", eur, syntax},
		{"٣", eur, syntax}, {"1.-1", eur, syntax},
		{"1.234", eur, precision}, {"1.230", eur, precision}, {"1.0", jpy, precision},
		{"0.0001", kwd, precision}, {"1.5", Currency{}, precision},
		{"92233720368547758.08", eur, &ErrOverflow}, {"-92233720368547758.09", eur, &ErrOverflow},
		{"99999999999999999999", jpy, &ErrOverflow}, {"18446744073709551616", jpy, &ErrOverflow},
		{"1844674407370955162", kwd, &ErrOverflow},
	} {
		got, err := Parse(test.text, test.c)
		ok := errors.Is(err, ErrOverflow)
		if test.want != &ErrOverflow {
			ok = err != nil && errors.As(err, test.want)
		}
		if !ok || got != (Amount{}) {
			t.Errorf("Parse(%q, %s) = %v, %v; want %T", test.text, test.c, got, err, test.want)
		}
	}
}

// currencies returns every currency that ParseCurrency knows.
func currencies() []Currency {
	all := make([]Currency, 0, len(known)-1)
	for i := range known[1:] {
		all = append(all, Currency{uint8(i + 1)})
	}
	return all
}

// A text that String wrote must be read back as the same amount, in every currency.
func TestStringParse(t *testing.T) {
	all := currencies()
	rapid.Check(t, func(t *rapid.T) {
		a := New(rapid.Int64().Draw(t, "minor"), rapid.SampledFrom(all).Draw(t, "currency"))
		if got, err := Parse(a.String(), a.Currency()); got != a || err != nil {
			t.Fatalf("Parse(%q) = %v, %v", a, got, err)
		}
	})
}

// Exports are compared byte for byte, so an amount has one text.
func TestString(t *testing.T) {
	for _, test := range []struct {
		a    Amount
		want string
	}{
		{New(1234, eur), "12.34"}, {New(-5, eur), "-0.05"}, {New(500, jpy), "500"},
		{New(7, kwd), "0.007"}, {New(-12345, uyw), "-1.2345"}, {Amount{}, "0"},
		{New(math.MinInt64, eur), "-92233720368547758.08"},
	} {
		if got := test.a.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// The digits decide what a text means; a wrong one is off by a factor of ten.
func TestCurrencyDigits(t *testing.T) {
	for code, want := range map[string]int{
		"EUR": 2, "USD": 2, "GBP": 2, "SEK": 2, "HUF": 2, "JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0,
		"UGX": 0, "KWD": 3, "BHD": 3, "TND": 3, "CLF": 4, "UYW": 4, "MGA": 2, "MRU": 2, "XCG": 2,
	} {
		if got := MustParseCurrency(code).Digits(); got != want {
			t.Errorf("%s has %d digits, want %d", code, got, want)
		}
	}
	for _, c := range currencies() {
		if again, err := ParseCurrency(c.String()); again != c || err != nil {
			t.Errorf("ParseCurrency(%q) = %q, %v", c, again, err)
		}
	}
}

// A code that is not in the list must not become money.
func TestParseCurrencyRefused(t *testing.T) {
	for _, code := range []string{"", "eur", "EU", "EURO", "XXX", "XTS", "XAU", "ZZZ", "E R", "€",
		"日本円"} {
		var refused *CurrencyError
		if c, err := ParseCurrency(code); !errors.As(err, &refused) || c != (Currency{}) {
			t.Errorf("ParseCurrency(%q) = %v, %v; want a *CurrencyError", code, c, err)
		}
	}
}

// Sums that do not fit or do not mix are errors, at the very edge too.
func TestArithmeticRefused(t *testing.T) {
	maximum, minimum := New(math.MaxInt64, eur), New(math.MinInt64, eur)
	one := New(1, eur)
	for name, f := range map[string]func() (Amount, error){
		"max + 1": func() (Amount, error) { return maximum.Add(one) },
		"min - 1": func() (Amount, error) { return minimum.Sub(one) },
		"0 - min": func() (Amount, error) { return New(0, eur).Sub(minimum) },
		"-min":    minimum.Neg,
	} {
		if got, err := f(); !errors.Is(err, ErrOverflow) {
			t.Errorf("%s = %v, %v; want ErrOverflow", name, got, err)
		}
	}
	var mixed *MismatchError
	if _, err := one.Add(New(1, usd)); !errors.As(err, &mixed) {
		t.Errorf("Add: %v; want a *MismatchError", err)
	}
	if _, err := one.Sub(New(1, usd)); !errors.As(err, &mixed) {
		t.Errorf("Sub: %v; want a *MismatchError", err)
	}
	if _, err := one.Cmp(New(1, usd)); !errors.As(err, &mixed) {
		t.Errorf("Cmp: %v; want a *MismatchError", err)
	}
}

// Arithmetic is exact, and refuses exactly what does not fit.
func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Int64().Draw(t, "x"), rapid.Int64().Draw(t, "y")
		a, b := New(x, eur), New(y, eur)
		bx, by := big.NewInt(x), big.NewInt(y)
		check := func(op string, want *big.Int, got Amount, err error) {
			if !want.IsInt64() {
				if !errors.Is(err, ErrOverflow) {
					t.Fatalf("%s = %v, %v; want ErrOverflow", op, got, err)
				}
			} else if err != nil || got != New(want.Int64(), eur) {
				t.Fatalf("%s = %v, %v; want %v", op, got, err, want)
			}
		}
		sum, err := a.Add(b)
		check("+", new(big.Int).Add(bx, by), sum, err)
		difference, err := a.Sub(b)
		check("-", new(big.Int).Sub(bx, by), difference, err)
		opposite, err := a.Neg()
		check("neg", new(big.Int).Neg(bx), opposite, err)
		if got, err := a.Cmp(b); err != nil || got != bx.Cmp(by) {
			t.Fatalf("Cmp = %d, %v; want %d", got, err, bx.Cmp(by))
		}
	})
}

// The vectors of two well-known shops and of the domain text are known answers to Split.
func TestSplitVectors(t *testing.T) {
	stored, err := os.ReadFile("testdata/split.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Total   int64
		Weights []uint64
		Parts   []int64
	}
	if err := json.Unmarshal(stored, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors {
		parts, err := New(v.Total, eur).Split(v.Weights...)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]int64, len(parts))
		for i, p := range parts {
			got[i] = p.Minor()
		}
		if fmt.Sprint(got) != fmt.Sprint(v.Parts) {
			t.Errorf("Split(%d; %v) = %v, want %v", v.Total, v.Weights, got, v.Parts)
		}
	}
}

// There is no way to give money to nobody.
func TestSplitNoParts(t *testing.T) {
	if _, err := New(1, eur).Split(); !errors.Is(err, ErrNoParts) {
		t.Errorf("got %v, want ErrNoParts", err)
	}
}

// Parts that add up may still be wrong by an overflow, and parts near their share may not add up:
// both are checked, with weights whose sum does not fit in 64 bits among them.
func TestSplitConserves(t *testing.T) {
	weight := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 9),
		rapid.Uint64Range(math.MaxUint64-9, math.MaxUint64))
	minor := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-99, 99),
		rapid.Int64Range(math.MinInt64, math.MinInt64+9))
	rapid.Check(t, func(t *rapid.T) {
		a := New(minor.Draw(t, "amount"), eur)
		weights := rapid.SliceOfN(weight, 1, 9).Draw(t, "weights")
		parts, err := a.Split(weights...)
		if err != nil {
			t.Fatal(err)
		}
		checkSplit(t, a, weights, parts)
	})
}

func checkSplit(t *rapid.T, a Amount, weights []uint64, parts []Amount) {
	total := new(big.Int)
	for _, w := range weights {
		total.Add(total, new(big.Int).SetUint64(w))
	}
	sum := New(0, a.Currency())
	for i, p := range parts {
		share := big.NewRat(a.Minor(), int64(len(weights)))
		if total.Sign() != 0 {
			w := new(big.Int).SetUint64(weights[i])
			share.SetFrac(w.Mul(w, big.NewInt(a.Minor())), total)
		}
		off := new(big.Rat).Sub(new(big.Rat).SetInt64(p.Minor()), share)
		if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
			t.Fatalf("part %d is %d, want within 1 of %v", i, p.Minor(), share.FloatString(2))
		}
		var err error
		if sum, err = sum.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	if sum != a {
		t.Fatalf("parts add up to %v, want %v", sum, a)
	}
}

// Any text either is an amount, and then the only one its String reads back to, or is refused.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"12.34", "-5", "0.5", "", "1e5", "+1", " 1", ".5", "1.", "-0",
		"007"} {
		for _, code := range []string{"EUR", "JPY", "KWD", "UYW"} {
			f.Add(text, code)
		}
	}
	f.Fuzz(func(t *testing.T, text, code string) {
		c, err := ParseCurrency(code)
		if err != nil {
			if err.Error() == "" {
				t.Error("a refusal without words")
			}
			return
		}
		a, err := Parse(text, c)
		if err != nil {
			if err.Error() == "" || a != (Amount{}) {
				t.Errorf("Parse(%q) = %v, %v", text, a, err)
			}
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		unit := new(big.Rat).SetUint64(pow10[c.Digits()])
		if !ok || exact.Mul(exact, unit).Cmp(new(big.Rat).SetInt64(a.Minor())) != 0 {
			t.Errorf("Parse(%q, %s) = %d", text, c, a.Minor())
		}
		if again, err := Parse(a.String(), c); again != a || err != nil {
			t.Errorf("Parse(%q) = %v, %v", a, again, err)
		}
	})
}

// Only codes of the list are currencies, and each is written as it was read.
func FuzzParseCurrency(f *testing.F) {
	for _, code := range []string{"EUR", "eur", "", "XXX", "ÄÖÜ"} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if c, err := ParseCurrency(code); (err == nil) != (c.String() == code && code != "") {
			t.Errorf("ParseCurrency(%q) = %q, %v", code, c, err)
		}
	})
}

// Splitting an invoice over its lines happens on every pricing.
func BenchmarkSplit(b *testing.B) {
	a, weights := New(1_234_567, eur), []uint64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Split(weights...); err != nil {
			b.Fatal(err)
		}
	}
}
