package sandbox

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/quittance/quittance/compaction"
)

// render returns the JSON of a body with what the request wants expanded.
func (c *call) render(body any) ([]byte, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	paths := c.form.list("expand")
	if len(paths) == 0 {
		return b, nil
	}
	if len(paths) > 20 {
		return nil, invalid("expand", "parameter_invalid", "Too much to expand.")
	}
	tree, err := decode(b)
	if err != nil {
		return nil, err
	}
	for _, path := range paths { // sorted: what is expanded comes before what is within it
		steps := strings.Split(path, ".")
		if len(steps) > 4 {
			return nil, invalid("expand", "parameter_invalid", "Nothing is that deep.")
		}
		if tree, err = c.expand(tree, steps); err != nil {
			return nil, err
		}
	}
	return json.Marshal(tree)
}

// decode reads JSON as maps; numbers stay as they are written.
func decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// expand replaces the ids along a path by the objects they name.
func (c *call) expand(v any, steps []string) (any, error) {
	if id, ok := v.(string); ok { // an id on the way: it has to be an object first
		o, known, err := get(c.state, id)
		if err != nil || !known {
			return v, err
		}
		if v, err = decode(o.JSON); err != nil {
			return nil, err
		}
	}
	if len(steps) == 0 {
		return v, nil
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			var err error
			if v[i], err = c.expand(v[i], steps); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		inner, ok := v[steps[0]]
		if !ok {
			return v, nil
		}
		if all, ok := inner.([]any); ok {
			inner = slices.Clone(all)
		}
		to, err := c.expand(inner, steps[1:])
		v[steps[0]] = to
		return v, err
	}
	return v, nil
}

// getObject answers with an object.
func getObject(kind string) operation {
	return func(c *call) (int, any, error) {
		o, ok, err := get(c.state, c.id)
		if err != nil {
			return 0, nil, err
		}
		if !ok || o.Kind != kind {
			return 0, nil, missing(kind, c.id, "id")
		}
		return 200, json.RawMessage(o.JSON), nil
	}
}

// lists answers with a page of the objects of a kind, the newest first: those under a parent if
// the parameter of that name is given, and those with a value if that of its name is.
func lists(kind, parent, field string) operation {
	return func(c *call) (int, any, error) {
		index, prefix := "kind", compaction.Key(books, kind, "")
		if under := c.form.text(parent); parent != "" && under != "" {
			if strings.ContainsFunc(under, notInID) {
				return 0, nil, missing(kind, under, parent)
			}
			index, prefix = "parent", compaction.Key(books, kind, under, "")
		}
		want := ""
		if field != "" {
			want = c.form.text(field)
		}
		created, err := c.created()
		if err != nil {
			return 0, nil, err
		}
		return c.page(kind, index, prefix, func(o Object) (keep, more bool, err error) {
			var seen struct {
				Created int64  `json:"created"`
				Status  string `json:"status"`
				Type    string `json:"type"`
			}
			if err := json.Unmarshal(o.JSON, &seen); err != nil {
				return false, false, err
			}
			fits := want == "" || want == map[string]string{"status": seen.Status,
				"type": seen.Type}[field]
			return fits && created.has(seen.Created), seen.Created >= created.from, nil
		})
	}
}

// span is a range of times in seconds, both ends included.
type span struct{ from, to int64 }

func (s span) has(t int64) bool { return t >= s.from && t <= s.to }

// created returns the range that the parameters created[gte], [gt], [lt] and [lte] ask for.
func (c *call) created() (span, error) {
	const always = 1 << 60
	s := span{0, always}
	for _, end := range []struct {
		name string
		set  func(int64)
	}{
		{"created[gte]", func(n int64) { s.from = max(s.from, n) }},
		{"created[gt]", func(n int64) { s.from = max(s.from, n+1) }},
		{"created[lte]", func(n int64) { s.to = min(s.to, n) }},
		{"created[lt]", func(n int64) { s.to = min(s.to, n-1) }},
	} {
		if c.form.text(end.name) == "" {
			continue
		}
		n, err := c.form.number(end.name, 0)
		if err != nil {
			return s, err
		}
		end.set(n)
	}
	return s, nil
}

// page answers with the objects of an index that keep wants, until it says that no more can come.
func (c *call) page(kind, index, prefix string, keep func(Object) (keep, more bool, err error)) (
	int, any, error) {
	limit, err := c.form.number("limit", 10)
	if err != nil {
		return 0, nil, err
	}
	if limit < 1 || limit > 100 {
		return 0, nil, invalid("limit", "parameter_invalid_integer", "Limit is from 1 to 100.")
	}
	p := compaction.Page{Prefix: prefix, Limit: 100, Reverse: true}
	if after := c.form.text("starting_after"); after != "" {
		o, ok, err := get(c.state, after)
		if err != nil {
			return 0, nil, err
		}
		if !ok || o.Kind != kind {
			return 0, nil, missing(kind, after, "starting_after")
		}
		p.After = prefix + place(o.Sequence)
	}
	l := list{Object: "list", URL: "/v1/" + kind + "s", Data: []any{}}
	for {
		rows, err := Objects.Lookup(c.state, index, p)
		if err != nil {
			return 0, nil, err
		}
		for _, r := range rows {
			kept, more, err := keep(r.Value)
			if err != nil {
				return 0, nil, err
			}
			if kept && len(l.Data) == int(limit) {
				l.HasMore = true
				return 200, l, nil
			}
			if kept {
				l.Data = append(l.Data, json.RawMessage(r.Value.JSON))
			}
			if !more {
				return 200, l, nil
			}
		}
		if len(rows) < p.Limit {
			return 200, l, nil
		}
		p.After = rows[len(rows)-1].Cursor
	}
}

// searchIntents answers with the payment intents whose metadata say what the query does. The query
// is one clause: metadata["key"]:"value".
func searchIntents(c *call) (int, any, error) {
	query, err := c.form.required("query")
	if err != nil {
		return 0, nil, err
	}
	bad := invalid("query", "parameter_invalid", `The query is to read metadata["key"]:"value".`)
	rest, ok := strings.CutPrefix(strings.TrimSpace(query), `metadata["`)
	name, rest, found := strings.Cut(rest, `"]:"`)
	value, closed := strings.CutSuffix(rest, `"`)
	if !ok || !found || !closed || strings.ContainsAny(name+value, `"\`) {
		return 0, nil, bad
	}
	index, prefix := "kind", compaction.Key(books, kindIntent, "")
	if name == "payment" && !strings.ContainsFunc(value, notInID) && value != "" {
		index, prefix = "parent", compaction.Key(books, kindIntent, value, "")
	}
	status, body, err := c.page(kindIntent, index, prefix, func(o Object) (bool, bool, error) {
		var pi intent
		err := json.Unmarshal(o.JSON, &pi)
		return pi.Metadata[name] == value, true, err
	})
	if l, ok := body.(list); ok {
		l.Object, l.URL = "search_result", "/v1/payment_intents/search"
		body = l
	}
	return status, body, err
}

// faultStats answers with how often each fault happened.
func faultStats(c *call) (int, any, error) { return 200, c.p.dice.counts(), nil }
