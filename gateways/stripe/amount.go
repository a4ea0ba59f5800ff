package stripe

import (
	"math"
	"slices"
	"strings"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
)

// Stripe counts these currencies in whole units, and all others in hundredths except those of
// three digits (docs.stripe.com/currencies). That is not ISO 4217 everywhere.
var whole = []string{"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND",
	"VUV", "XAF", "XOF", "XPF"}

// digits is how many digits after the point Stripe's amounts of a currency have.
func digits(c money.Currency) int {
	switch {
	case slices.Contains(whole, c.String()):
		return 0
	case c.Digits() == 3:
		return 3
	default:
		return 2
	}
}

func lower(c money.Currency) string { return strings.ToLower(c.String()) }

// toStripe returns an amount as Stripe counts it. An amount that Stripe cannot say is refused.
func toStripe(a money.Amount) (int64, error) {
	refused := &gateways.Error{Class: gateways.Permanent, Gateway: Name, Code: "amount"}
	n := a.Minor()
	for range digits(a.Currency()) - a.Currency().Digits() {
		if n > math.MaxInt64/10 || n < math.MinInt64/10 {
			return 0, refused
		}
		n *= 10
	}
	for range a.Currency().Digits() - digits(a.Currency()) {
		if n%10 != 0 {
			return 0, refused
		}
		n /= 10
	}
	return n, nil
}

// fromStripe returns an amount that Stripe counted.
func fromStripe(n int64, code stripego.Currency) (money.Amount, error) {
	c, err := money.ParseCurrency(strings.ToUpper(string(code)))
	if err != nil {
		return money.Amount{}, senseless("currency")
	}
	for range c.Digits() - digits(c) {
		if n > math.MaxInt64/10 || n < math.MinInt64/10 {
			return money.Amount{}, senseless("amount")
		}
		n *= 10
	}
	for range digits(c) - c.Digits() {
		if n%10 != 0 {
			return money.Amount{}, senseless("amount")
		}
		n /= 10
	}
	return money.New(n, c), nil
}
