package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
	"github.com/quittance/quittance/quoting/access"
)

// definitions are the tables that the API works on.
func definitions() []compaction.Definition {
	return slices.Concat(settlement.Tables(), gateways.Tables())
}

// A world is an engine with two tenants and the platform, and the API over it.
type world struct {
	t      testing.TB
	shards *compaction.Shards
	api    *API
	// handler takes what the world sends; nil is the API.
	handler http.Handler
	log     *bytes.Buffer
	keys    map[string]string // by "tenant/role"
	ids     map[string]string // of the keys
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, shards: compactiontest.Start(t, definitions()...), log: &bytes.Buffer{},
		keys: map[string]string{}, ids: map[string]string{}}
	o := Options{Shards: w.shards, Version: "test",
		Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, f := range change {
		f(&o)
	}
	var err error
	if w.api, err = New(o); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"acme", "bolt", "platform"} {
		w.tenant(tenant)
	}
	return w
}

// tenant makes a tenant with a key of each role.
func (w *world) tenant(tenant string) {
	w.t.Helper()
	w.do(tenant, func(tx *compaction.Tx) error {
		_, err := quoting.CreateTenant(tx, quoting.Tenant{ID: tenant, Name: tenant})
		return err
	})
	for _, role := range []access.Role{access.Tradesperson, access.Finance, access.Platform} {
		if (role == access.Platform) != (tenant == "platform") && role != access.Finance {
			continue
		}
		k, text, err := access.NewKey(tenant, "test", role, time.Now())
		if err != nil {
			w.t.Fatal(err)
		}
		w.keys[tenant+"/"+role.String()], w.ids[tenant+"/"+role.String()] = text, k.ID
		w.do(tenant, func(tx *compaction.Tx) error {
			access.PutKey(tx, k)
			return nil
		})
	}
}

// do has a command decided beside the API.
func (w *world) do(tenant string, f func(tx *compaction.Tx) error) {
	w.t.Helper()
	_, err := w.shards.Do(w.t.Context(), compaction.Command{Tenant: tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, f(tx)
		}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A request is what a test sends; zero fields are left out.
type request struct {
	as     string // "tenant/role"
	method string
	path   string
	body   any // marshalled unless it is a string
	header map[string]string
	more   http.Header // added beside what is there already
}

// send sends a request through the whole handler.
func (w *world) send(r request) *httptest.ResponseRecorder {
	w.t.Helper()
	var body io.Reader = http.NoBody
	switch b := r.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		body = bytes.NewReader(j)
	}
	req := httptest.NewRequestWithContext(w.t.Context(), r.method, r.path, body)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.as != "" {
		req.Header.Set("Authorization", "Bearer "+w.keys[r.as])
	}
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		req.Header.Set(name, r.header[name])
	}
	for name, values := range r.more {
		req.Header[name] = append(req.Header[name], values...)
	}
	rec := httptest.NewRecorder()
	if w.handler != nil {
		w.handler.ServeHTTP(rec, req)
		return rec
	}
	w.api.ServeHTTP(rec, req)
	return rec
}

// want sends a request, wants a status and returns the answer.
func (w *world) want(status int, r request) answer {
	w.t.Helper()
	rec := w.send(r)
	a := answer{w.t, rec, map[string]any{}}
	if rec.Code != status {
		w.t.Fatalf("%s %s: status %d, want %d: %s\n%s", r.method, r.path, rec.Code, status, rec.Body,
			w.log)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &a.body); err != nil {
		w.t.Fatalf("%s %s: %v: %s", r.method, r.path, err, rec.Body)
	}
	return a
}

// told returns an answer that must be as the test wants it.
func (w *world) told(rec *httptest.ResponseRecorder, ok bool) answer {
	w.t.Helper()
	a := answer{w.t, rec, map[string]any{}}
	if err := json.Unmarshal(rec.Body.Bytes(), &a.body); err != nil || !ok {
		w.t.Fatalf("status %d: %v: %s", rec.Code, err, rec.Body)
	}
	return a
}

// An answer is what the API said.
type answer struct {
	t    testing.TB
	rec  *httptest.ResponseRecorder
	body map[string]any
}

// at returns the text at a path such as "data.0.id", or "".
func (a answer) at(path string) string {
	a.t.Helper()
	var v any = a.body
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i := int(name[0] - '0')
			if i >= len(x) {
				return ""
			}
			v = x[i]
		}
	}
	if s, ok := v.(string); ok || v == nil {
		return s
	}
	j, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(j)
}

// is wants texts at paths, given in pairs.
func (a answer) is(pairs ...string) answer {
	a.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := a.at(pairs[i]); got != pairs[i+1] {
			a.t.Errorf("%s is %q, want %q: %s", pairs[i], got, pairs[i+1], a.rec.Body)
		}
	}
	return a
}

const sale = `{"postings":[{"debit":"cash:till","credit":"sales:shop","amount":"12.34",` +
	`"currency":"EUR"}],"metadata":{"b":"2","a":"1"},"reference":"r1"}`

// validate returns what huma finds wrong with a JSON text that is to fit a schema of the
// description.
func (w *world) validate(t testing.TB, schema, text string) []error {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	registry := w.api.huma.OpenAPI().Components.Schemas
	name := strings.ToUpper(schema[:1]) + schema[1:]
	result := &huma.ValidateResult{}
	huma.Validate(registry, registry.Map()[name], huma.NewPathBuffer(nil, 0),
		huma.ModeWriteToServer, v, result)
	return result.Errors
}
