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

// Patterns of texts that have no type of their own, or that several have.
const (
	amountPattern   = `^-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,4})?$`
	positivePattern = `^(0|[1-9][0-9]{0,18})(\.[0-9]{1,4})?$`
	decimalPattern  = `^-?[0-9]{1,30}(\.[0-9]{1,30})?$`
	currencyPattern = `^[A-Z]{3}$`
	accountPattern  = `^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*$`
)

// sentences say what a text must be that has to match a pattern of the description. A test wants
// one for each.
var sentences = map[string]string{
	amountPattern:   `must be an amount in major units, such as "12.34" or "-5"`,
	positivePattern: `must be an amount of zero or more in major units, such as "12.34"`,
	decimalPattern:  `must be a decimal number with a point, such as "7.5"`,
	currencyPattern: `must be the code of a currency in ISO 4217, such as "EUR"`,
	accountPattern: "must be the id of an account: letters, digits, `_`, `.` and `-`, in parts " +
		"separated by colons, such as \"wallet:ann\"",
	tenantPattern: "must be 1 to 63 lower-case letters, digits and hyphens, and not begin with a " +
		"hyphen, such as \"acme\"",
	`\S`:                 "must have a character that is not a space",
	`^[^@\s]+@[^@\s]+$`:  `must be an e-mail address, such as "ann@example.com"`,
	`^[0-9a-f]{64}$`:     "must be a SHA-256 as 64 hexadecimal digits in lower case",
	`^[A-Za-z0-9-]+$`:    `must be letters of ASCII, digits and hyphens, such as "SPRING10"`,
	`^[A-Za-z0-9_-]+$`:   "must be a next_cursor that a page of this list gave",
	`^[A-Za-z0-9_.-]*$`:  "must be letters of ASCII, digits, `_`, `.` and `-`",
	`^[A-Za-z0-9_.:-]+$`: "must be letters of ASCII, digits, `_`, `.`, `:` and `-`",
	`^[a-z][a-z0-9_-]*$`: `must be the name of a gateway, such as "stripe" or "offline"`,
	`^https?://[!-~]+$`:  `must be an address such as "https://example.com/paid"`,
	`^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?$`: "must be a date or a time in UTC: " +
		`"2026-03-01" or "2026-03-01T00:00:00Z"`,
	`^(quo|inv)_[0-9a-z]{26}$`: "must be the id of a quote, `quo_…`, or of an invoice, `inv_…`",
	`^cus_[0-9a-z]{26}$`:       "must be the id of a customer, `cus_` and 26 digits and letters",
	`^inv_[0-9a-z]{26}$`:       "must be the id of an invoice, `inv_` and 26 digits and letters",
	`^pay_[0-9a-z]{26}$`:       "must be the id of a payment, `pay_` and 26 digits and letters",
	`^pro_[0-9a-z]{26}$`:       "must be the id of a promotion, `pro_` and 26 digits and letters",
	`^quo_[0-9a-z]{26}$`:       "must be the id of a quote, `quo_` and 26 digits and letters",
}

// sentence says what a text must be that has to match a pattern.
func sentence(pattern string) string {
	if s, ok := sentences[pattern]; ok {
		return s
	}
	return "must match " + pattern
}

// Schema describes an amount.
func (amountText) Schema(huma.Registry) *huma.Schema {
	return described(amountPattern,
		"An amount in major units, with at most the digits of its currency.", "12.34", 25)
}

// Schema describes an amount that is not below zero.
func (positiveText) Schema(huma.Registry) *huma.Schema {
	return described(positivePattern,
		"An amount in major units, with at most the digits of its currency.", "12.34", 24)
}

// Schema describes a decimal.
func (decimalText) Schema(huma.Registry) *huma.Schema {
	return described(decimalPattern,
		"A decimal of at most 30 digits.", "7.5", 62)
}

// Schema describes a currency.
func (currencyCode) Schema(huma.Registry) *huma.Schema {
	return described(currencyPattern, "A currency of ISO 4217.", "EUR", 3)
}

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
