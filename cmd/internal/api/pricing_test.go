package api

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestPreviewVectors prices the public e-invoices of the vectors through the API: what it answers
// is what each document itself states.
func TestPreviewVectors(t *testing.T) {
	w := newWorld(t)
	text, err := os.ReadFile("testdata/pricing.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		var document map[string]any
		// One document states a tax of "-0.00"; we have one nothing.
		line = strings.ReplaceAll(line, `"-0.00"`, `"0.00"`)
		if err := json.Unmarshal([]byte(line), &document); err != nil {
			t.Fatal(err)
		}
		want := document["want"].(map[string]any)
		id := document["id"]
		delete(document, "want")
		delete(document, "id")
		got := w.want(200, request{as: "acme/tradesperson", method: "POST",
			path: "/v1/pricing/preview", body: document})
		for name := range want {
			if !reflect.DeepEqual(got.body[name], want[name]) {
				t.Errorf("%v: %s is %v, want %v", id, name, got.body[name], want[name])
			}
		}
		n++
	}
	if n != 45 {
		t.Errorf("%d documents, want 45", n)
	}
}

// TestPreviewRefused wants a clear problem for a number where a decimal is a text: a float would
// already have lost digits when we saw it.
func TestPreviewRefused(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ body, field, rule, detail string }{
		{`{"currency":"EUR","lines":[{"quantity":1,"unit_price":"1","tax":{"category":"S","rate":"5"}}]}`,
			"lines.0.quantity", "type", "in quotes"},
		{`{"currency":"EUR","lines":[{"quantity":"1","unit_price":"1","tax":{"category":"S","rate":"5"}}],
			"prepaid":12.5}`, "prepaid", "type", "in quotes"},
		{`{"currency":"EUR","lines":[{"quantity":"1e3","unit_price":"1","tax":{"category":"S","rate":"5"}}]}`,
			"lines.0.quantity", "pattern", "decimal number"},
		{`{"currency":"EUR","lines":[{"quantity":"1","unit_price":"1","tax":{"category":"S","rate":"5"},
			"surprise":"1"}]}`, "lines.0.surprise", "unknown", "not known"},
		{`{"currency":"EUR","lines":[{"quantity":"1","unit_price":"1"}]}`, "lines.0.tax", "required", ""},
		{`{"currency":"EUR","lines":[{"quantity":"1","unit_price":"1","tax":{"category":"S","rate":"500"}}]}`,
			"lines.0.tax.rate", "range", "percentage"},
		{`{"currency":"EUR","lines":[{"quantity":"1","unit_price":"1","tax":{"category":"S","rate":"5"},
			"allowances":["0.001"]}]}`, "lines.0.allowances.0", "digits", "more digits"},
		{`{"currency":"EUR","lines":null}`, "lines", "value", "null"},
		{`{"currency":"EUR","lines":[]}`, "lines", "min_items", ""},
		{`{"currency":"EUR","lines":{}}`, "lines", "type", "list"},
		{`[]`, "", "type", "object"},
	} {
		a := w.want(422, request{as: "acme/tradesperson", method: "POST",
			path: "/v1/pricing/preview", body: c.body})
		a.is("field", c.field, "rule", c.rule, "status", "422")
		if !strings.Contains(a.at("detail"), c.detail) {
			t.Errorf("detail %q does not say %q", a.at("detail"), c.detail)
		}
	}
}

// TestPreviewExplains wants a preview to say by which rules its figures came about, and what each
// line leaves.
func TestPreviewExplains(t *testing.T) {
	w := newWorld(t)
	w.seller(200, "POST", "/v1/pricing/preview", `{"currency":"EUR","lines":[{"quantity":"2",`+
		`"unit_price":"50","unit_cost":"30","tax":{"category":"S","rate":"19"}}]}`).is(
		"lines.0", "100.00", "rules.0.rule", "line_net", "rules.1.rule", "tax",
		"rules.1.amount", "19.00", "line_details.0.margin.percent", "40")
}
