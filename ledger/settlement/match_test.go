package settlement

import (
	"testing"

	"github.com/quittance/quittance/ledger/money"
)

// An entry is matched with what it names and pays exactly; what is ambiguous is left to a person.
func TestBest(t *testing.T) {
	make := func(id string, minor, seen int64) Expectation {
		return Expectation{ID: id, Amount: euro(minor), Seen: euro(seen), Status: Expected}
	}
	for name, test := range map[string]struct {
		byReference, byAmount []Expectation
		want                  string
	}{
		"named, exact":            {[]Expectation{make("a", 9, 0), make("b", 5, 0)}, nil, "b"},
		"named twice, the older":  {[]Expectation{make("b", 5, 0), make("a", 5, 0)}, nil, "a"},
		"named, the rest of it":   {[]Expectation{make("a", 9, 4), make("b", 9, 0)}, nil, "a"},
		"named once, other sum":   {[]Expectation{make("a", 9, 0)}, []Expectation{make("b", 5, 0)}, "a"},
		"named, none of the sum":  {[]Expectation{make("a", 9, 0), make("b", 8, 0)}, nil, ""},
		"by amount":               {nil, []Expectation{make("a", 5, 0)}, "a"},
		"by amount, two":          {nil, []Expectation{make("a", 5, 0), make("b", 5, 0)}, ""},
		"by amount, partly seen":  {nil, []Expectation{make("a", 5, 1)}, ""},
		"nothing":                 {nil, nil, ""},
		"by amount, one of it is": {nil, []Expectation{make("a", 5, 1), make("b", 5, 0)}, "b"},
	} {
		got, ok := Best(StatementEntry{Amount: euro(5)}, test.byReference, test.byAmount)
		if !ok {
			got.ID = ""
		}
		if got.ID != test.want {
			t.Errorf("%s: %q, want %q", name, got.ID, test.want)
		}
	}
}

// What was seen is compared in all, with its sign and currency; the deadline makes it missing.
func TestSee(t *testing.T) {
	e := Expectation{Amount: euro(-10), Seen: euro(0), Status: Expected, Deadline: t0}
	steps := func(amounts ...money.Amount) Status {
		x := e
		for _, a := range amounts {
			var err error
			if x, err = x.See(a, "l", Auto, t0); err != nil {
				t.Fatal(err)
			}
		}
		return x.Status
	}
	usd := money.New(-10, money.MustParseCurrency("USD"))
	for want, got := range map[Status]Status{
		Matched: steps(euro(-10)), Under: steps(euro(-4)), Over: steps(euro(-11)),
		PartiallyMatched: steps(euro(-4), euro(-5)), CurrencyMismatch: steps(usd),
		Missing: e.StatusAt(t0.Add(1)), Expected: e.StatusAt(t0),
	} {
		if got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if s := steps(euro(-4), euro(-6)); s != Matched {
		t.Errorf("in parts: %v", s)
	}
}
