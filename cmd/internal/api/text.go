package api

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quittance/quittance/ledger/money"
)

// Types of values that appear in many bodies. Each describes itself once.
type (
	amountText   string // any amount in major units
	positiveText string // an amount of zero or more
	decimalText  string // a quantity, a unit price, a rate
	currencyCode string
	accountText  string
	metadata     map[string]string
	moment       time.Time
)

func described(pattern, doc, example string, longest int) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: pattern, Description: doc,
		MaxLength: &longest, Examples: []any{example}}
}

// Schema describes an amount.
func (amountText) Schema(huma.Registry) *huma.Schema {
	return described(`^-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,4})?$`,
		"An amount in major units, with at most the digits of its currency.", "12.34", 25)
}

// Schema describes an amount that is not below zero.
func (positiveText) Schema(huma.Registry) *huma.Schema {
	return described(`^(0|[1-9][0-9]{0,18})(\.[0-9]{1,4})?$`,
		"An amount in major units, with at most the digits of its currency.", "12.34", 24)
}

// Schema describes a decimal.
func (decimalText) Schema(huma.Registry) *huma.Schema {
	return described(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`,
		"A decimal of at most 30 digits.", "7.5", 62)
}

// Schema describes a currency.
func (currencyCode) Schema(huma.Registry) *huma.Schema {
	return described(`^[A-Z]{3}$`, "A currency of ISO 4217.", "EUR", 3)
}

const accountPattern = `^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*$`

// Schema describes the id of an account.
func (accountText) Schema(huma.Registry) *huma.Schema {
	return described(accountPattern, "The id of an account, in parts separated by colons.",
		"wallet:ann", 255)
}

// Schema describes metadata.
func (metadata) Schema(huma.Registry) *huma.Schema {
	pairs, longest := 50, 500
	s := &huma.Schema{Type: huma.TypeObject, MaxProperties: &pairs,
		Description: "Up to 50 names and texts of your own: names of 1 to 40 bytes, texts of up to " +
			"500 bytes.",
		AdditionalProperties: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
		Examples:             []any{map[string]any{"order": "1001"}},
	}
	s.PrecomputeMessages()
	return s
}

// Schema describes a time.
func (moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time",
		Description: "A time as in RFC 3339; answers are in UTC.",
		Examples:    []any{"2026-03-01T12:00:00Z"}}
}

// MarshalJSON writes the time in UTC, to the millisecond.
func (m moment) MarshalJSON() ([]byte, error) {
	return json.Marshal(momentText(time.Time(m)))
}

// UnmarshalJSON reads a time of RFC 3339.
func (m *moment) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*time.Time)(m)) }

// IsZero reports whether there is no time, for omitzero.
func (m moment) IsZero() bool { return time.Time(m).IsZero() }

const momentForm = "2006-01-02T15:04:05.000Z"

func momentText(t time.Time) string { return t.UTC().Format(momentForm) }

var _ huma.SchemaProvider = moment{}

// parseCurrency reads a currency of a field.
func parseCurrency[T ~string](field string, code T) (money.Currency, error) {
	c, err := money.ParseCurrency(string(code))
	return c, at(field, err)
}

// parseAmount reads an amount of a field; an empty text is zero.
func parseAmount[T ~string](field string, text T, c money.Currency) (money.Amount, error) {
	if text == "" {
		return money.New(0, c), nil
	}
	a, err := money.Parse(string(text), c)
	return a, at(field, err)
}
