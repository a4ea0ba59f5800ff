package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestScanTwice refuses a member that is there twice wherever that is and however its name is
// written: of two debit accounts the body's sender and its reader could mean different ones.
func TestScanTwice(t *testing.T) {
	many := make([]string, 3*fewNames)
	for i := range many {
		many[i] = fmt.Sprintf(`"n%d":{"a":1}`, i)
	}
	object := func(more ...string) string {
		return "{" + strings.Join(slices.Concat(many, more), ",") + "}"
	}
	for _, c := range []struct{ text, field string }{
		{`{"a":1,"a":1}`, "a"},
		{`{"a":1,"\u0061":2}`, "a"},
		{`{"":1,"":2}`, ""},
		{`{"a":{"b":[{},{"c":1,"d":{"c":1},"c":2}]}}`, "a.b.1.c"},
		{`[{"a":{"a":{"a":1}},"b":1},{"b":1,"a":1,"b":1}]`, "1.b"},
		{object(`"n0":1`), "n0"},
		{object(fmt.Sprintf(`"n%d":1`, fewNames)), fmt.Sprintf("n%d", fewNames)},
		{object(fmt.Sprintf(`"n%d":1`, len(many)-1)), fmt.Sprintf("n%d", len(many)-1)},
		{`{"o":` + object(`"m":{"n":1,"n":1}`) + `}`, "o.m.n"},
	} {
		_, err := scan([]byte(c.text))
		e, ok := errors.AsType[*malformedError](err)
		if !ok || e.rule != ruleUnique || e.field() != c.field ||
			!strings.HasSuffix(e.Error(), "is there twice") {
			t.Errorf("%.60s: %v, want that %q is there twice", c.text, err, c.field)
		}
	}
	for _, text := range []string{`{"a":{"a":1},"b":{"a":1,"b":1}}`, `{"a":1,"A":1,"a ":1}`, object(),
		`[{"a":1},{"a":1}]`, `{"a":` + object() + `,"n1":1}`} {
		if _, err := scan([]byte(text)); err != nil {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// TestScanNames holds the memory that names of members take: small objects in a long list take
// nothing each but for their names.
func TestScanNames(t *testing.T) {
	cost := func(text string) float64 {
		return testing.AllocsPerRun(10, func() {
			if _, err := scan([]byte(text)); err != nil {
				t.Fatal(err)
			}
		})
	}
	list := func(n int) string { return `{"l":[` + strings.Repeat(`{"a":1,"b":2},`, n) + `0]}` }
	if got := (cost(list(1010)) - cost(list(10))) / 1000; got > 2 {
		t.Errorf("an object of two members takes %.1f allocations, want its two names alone", got)
	}
}

// TestMalformedRule names the rule that a body breaks, and no path that is as long as the body.
func TestMalformedRule(t *testing.T) {
	for text, rule := range map[string]string{`{"a":`: "syntax", `{"a":01}`: "syntax",
		`{"a":1}x`: "syntax", "{\"a\":\"\xff\"}": "encoding", `{"a":"\udc00"}`: "encoding",
		strings.Repeat("[", maxDepth+1): "depth", `{"a":1,"a":1}`: "unique"} {
		_, err := scan([]byte(text))
		if p := problemOf(err); p.Status != 400 || p.Rule != rule {
			t.Errorf("%q: %+v, want the rule %s", text, p, rule)
		}
	}
	if p := problemOf(errBody); p.Status != 400 || p.Rule != "whole" {
		t.Errorf("%+v", p)
	}
	name := strings.Repeat("é", 1000)
	_, err := scan([]byte(`{"` + name + `":x}`))
	if p := problemOf(err); len(p.Field) > longestPath || p.Field == "" ||
		!strings.HasPrefix(name, p.Field) {
		t.Errorf("a path of %d bytes: %q", len(p.Field), p.Field)
	}
}

// FuzzScan compares scan with encoding/json: whatever it takes is JSON without a member that is
// there twice, and its fields are the members of the object. What it refuses for such a member has
// one.
func FuzzScan(f *testing.F) {
	for _, s := range []string{sale, `[]`, `{"a":{"b":[1,-0.5e+3,true,false,"\u00e9\ud83d\ude00"]}}`,
		`{"a":nul}`, `{"a":01}`, `"`, `{"a" : 1 , "a" : 2}`, "{\"\xff\":1}", `{"a":1}x`,
		`{"a":[{"b":1,"\u0062":2}]}`, `{"a":{"b":{}},"b":{"a":{},"b":1}}`,
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,` +
			`"p":1,"q":1,"r":1,"q":2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := scan([]byte(text))
		if err != nil {
			m, malformed := errors.AsType[*malformedError](err)
			if _, ok := errors.AsType[*forbiddenValueError](err); !malformed && !ok {
				t.Fatalf("%q: %v", text, err)
			}
			if malformed && m.rule == ruleUnique && !repeats(text) {
				t.Fatalf("%q has no member twice: %v", text, err)
			}
			return
		}
		if !json.Valid([]byte(text)) || repeats(text) {
			t.Fatalf("%q is taken and not JSON, or has a member twice", text)
		}
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &members) != nil {
			return
		}
		if len(fields) != len(members) {
			t.Fatalf("%q has the fields %q", text, fields)
		}
		for _, f := range fields {
			if string(compact(members[f.Name], true)) != string(f.Value) {
				t.Fatalf("%q: %s is %q", text, f.Name, f.Value)
			}
		}
	})
}

// repeats reports whether an object of a JSON text has a member twice, in what can be read of it.
func repeats(text string) bool {
	d := json.NewDecoder(strings.NewReader(text))
	type level struct {
		names map[string]bool // nil in a list
		value bool            // the next token is a value
	}
	within := []level{{}}
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		at := &within[len(within)-1]
		switch token {
		case json.Delim('}'), json.Delim(']'):
			within = within[:len(within)-1]
			continue
		}
		if at.names != nil && !at.value {
			name := token.(string)
			if at.names[name] {
				return true
			}
			at.names[name], at.value = true, true
			continue
		}
		at.value = false
		switch token {
		case json.Delim('{'):
			within = append(within, level{names: map[string]bool{}})
		case json.Delim('['):
			within = append(within, level{})
		}
	}
}
