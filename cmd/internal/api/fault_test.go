package api

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// What a person reads about a value that does not fit the description is a sentence with an
// example, and no language of machines; each field is there once.
func TestFaultDetails(t *testing.T) {
	w := newWorld(t)
	promotion := func(member string) string { return `{"name":"S","percent":"10",` + member + `}` }
	posting := func(amount, currency string) string {
		return `{"postings":[{"debit":"a:x","credit":"b:x","amount":` + amount + `,"currency":"` +
			currency + `"}]}`
	}
	const whole = "must be a whole number, written without point or exponent"
	for _, c := range []struct{ path, body, field, rule, detail string }{
		{"promotions", promotion(`"limit_total":0`), "limit_total", "minimum",
			"must be at least 1: leave it out for no limit"},
		{"promotions", promotion(`"limit_per_customer":0`), "limit_per_customer", "minimum",
			"must be at least 1: leave it out for no limit"},
		{"promotions", promotion(`"limit_total":2000000000`), "limit_total", "maximum",
			"must be at most 1000000000"},
		{"promotions", promotion(`"limit_total":1e3`), "limit_total", "type", whole},
		{"promotions", promotion(`"limit_total":1.0`), "limit_total", "type", whole},
		{"promotions", promotion(`"priority":1,"limit_per_customer":1.0`), "limit_per_customer", "type",
			whole},
		{"promotions", promotion(`"limit_total":1.5`), "limit_total", "type", whole},
		{"promotions", promotion(`"limit_total":1e999`), "limit_total", "range",
			"is a number too large to be read"},
		{"promotions", promotion(`"from":"2026-03-01"`), "from", "format",
			`must be a time as in RFC 3339: "2026-03-01T12:00:00Z"`},
		{"promotions", promotion(`"funding":"nobody"`), "funding", "enum",
			`must be one of "tradesperson", "platform"`},
		{"transactions", posting(`"1,00"`, "EUR"), "postings.0.amount", "pattern",
			`must be an amount of zero or more in major units, such as "12.34"`},
		{"transactions", posting(`"`+strings.Repeat("x", 40)+`"`, "EUR"), "postings.0.amount",
			"max_length", "must have at most this many characters: 24"},
		{"transactions", posting(`"1"`, "eur"), "postings.0.currency", "pattern",
			`must be the code of a currency in ISO 4217, such as "EUR"`},
		{"customers", `{"name":"A","email":"x"}`, "email", "pattern",
			`must be an e-mail address, such as "ann@example.com"`},
		{"customers", `{"name":"  "}`, "name", "pattern", "must have a character that is not a space"},
		{"customers", `{"name":""}`, "name", "min_length",
			"must have at least this many characters: 1"},
	} {
		w.want(422, request{as: "acme/tradesperson", method: "POST", path: "/v1/" + c.path,
			body: c.body}).is("type", "/problems/invalid-request", "field", c.field, "rule", c.rule,
			"detail", c.field+" "+c.detail, "errors", "")
	}
	w.want(422, request{as: "acme/tradesperson", method: "GET", path: "/v1/invoices?status=x"}).is(
		"detail", `query.status must be one of "draft", "open", "paid", "void", "uncollectible"`)
}

// Each pattern that a body or a query is held to has a sentence, so that nobody is answered with a
// regular expression.
func TestSentences(t *testing.T) {
	w := newWorld(t)
	o := w.api.huma.OpenAPI()
	asked := map[string]bool{}
	var walk func(s *huma.Schema)
	walk = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if s.Ref != "" {
			s = o.Components.Schemas.SchemaFromRef(s.Ref)
		}
		if s.Pattern != "" {
			asked[s.Pattern] = true
		}
		walk(s.Items)
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			walk(s.Properties[name])
		}
	}
	for _, rt := range w.api.routes {
		op := operationOf(o.Paths[rt.path], rt.method)
		for _, p := range op.Parameters {
			if p.In == "query" {
				walk(p.Schema)
			}
		}
		if op.RequestBody != nil {
			for _, media := range op.RequestBody.Content {
				walk(media.Schema)
			}
		}
	}
	for pattern := range asked {
		if sentences[pattern] == "" {
			t.Errorf("%s has no sentence", pattern)
		}
	}
	for pattern := range sentences {
		if !asked[pattern] {
			t.Errorf("%s has a sentence, and nothing is held to it", pattern)
		}
	}
}
