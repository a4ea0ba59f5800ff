package stripe

import (
	"testing"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/quittance/quittance/ledger/money"
)

// TestAmount holds how Stripe counts: not as ISO 4217 does where a currency's digits differ. A
// mistake here takes a hundred times the amount.
func TestAmount(t *testing.T) {
	for _, c := range []struct {
		code        string
		minor, want int64
	}{{"EUR", 1234, 1234}, {"JPY", 500, 500}, {"KWD", 12340, 12340}, {"ISK", 5, 500},
		{"UGX", 7, 700}, {"MGA", 500, 5}} {
		a := money.New(c.minor, money.MustParseCurrency(c.code))
		got, err := toStripe(a)
		if err != nil || got != c.want {
			t.Errorf("%s %d is %d at Stripe (%v), want %d", c.code, c.minor, got, err, c.want)
		}
		back, err := fromStripe(got, stripego.Currency(lower(a.Currency())))
		if err != nil || back != a {
			t.Errorf("%s %d came back as %v, %v", c.code, c.minor, back, err)
		}
	}
	if _, err := toStripe(money.New(501, money.MustParseCurrency("MGA"))); err == nil {
		t.Error("an amount that Stripe cannot say was sent")
	}
}
