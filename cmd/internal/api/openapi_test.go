package api

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// TestOpenAPI compares the description with its golden copy: a change of the API is seen in review.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	got, err := w.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/openapi.json", got)
	rec := w.send(request{method: "GET", path: "/openapi.json"})
	if rec.Code != 200 || rec.Body.String() != string(got) {
		t.Errorf("/openapi.json: %d", rec.Code)
	}
	rec = w.send(request{method: "GET", path: "/openapi.yaml"})
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), "openapi: 3.1.0") {
		t.Errorf("/openapi.yaml: %d %.100s", rec.Code, rec.Body)
	}
}

// TestDescriptionAtOnce: several may be the first to ask, for any form of the description.
func TestDescriptionAtOnce(t *testing.T) {
	w := newWorld(t)
	var asking sync.WaitGroup
	for range 2 {
		for _, path := range []string{"/openapi.json", "/openapi.yaml", "/reference", "/reference.css"} {
			asking.Go(func() {
				rec := w.send(request{method: "GET", path: path})
				if rec.Code != 200 || rec.Body.Len() < 1000 {
					t.Errorf("%s: %d, %d bytes", path, rec.Code, rec.Body.Len())
				}
			})
		}
	}
	asking.Wait()
}

// TestOperations wants each operation explained: who may, what it does, what it may answer, with an
// example of its body that is itself accepted.
func TestOperations(t *testing.T) {
	w := newWorld(t)
	registry := w.api.huma.OpenAPI().Components.Schemas
	ids := map[string]bool{}
	for _, rt := range w.api.routes {
		op := operationOf(w.api.huma.OpenAPI().Paths[rt.path], rt.method)
		if ids[rt.id] || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(rt.id) {
			t.Errorf("operation id %q", rt.id)
		}
		ids[rt.id] = true
		if op.Summary == "" || len(op.Description) < 20 || rt.tag == "" || op.Security == nil {
			t.Errorf("%s is not explained", rt.id)
		}
		if strings.HasSuffix(op.Summary, ".") {
			t.Errorf("%s: the summary is a heading", rt.id)
		}
		want := []string{"400", "422", "500", "503"}
		if rt.roles != nobody {
			want = append(want, "401", "403", "404", "429")
		}
		if rt.mutation {
			want = append(want, "409", "413", "415", "507")
		}
		for _, status := range want {
			if op.Responses[status] == nil {
				t.Errorf("%s does not list %s", rt.id, status)
			}
		}
		if rt.limit == 0 {
			continue
		}
		var example any
		if err := json.Unmarshal([]byte(rt.example), &example); err != nil {
			t.Errorf("%s: example: %v", rt.id, err)
			continue
		}
		result := &huma.ValidateResult{}
		huma.Validate(registry, op.RequestBody.Content["application/json"].Schema,
			huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, example, result)
		for _, err := range result.Errors {
			t.Errorf("%s: example: %v", rt.id, err)
		}
	}
}

// TestReference serves a page that names every operation and loads nothing from elsewhere.
func TestReference(t *testing.T) {
	w := newWorld(t)
	rec := w.send(request{method: "GET", path: "/reference"})
	page := rec.Body.String()
	if rec.Code != 200 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", rec.Code, rec.Header())
	}
	for _, rt := range w.api.routes {
		if !strings.Contains(page, `id="`+rt.id+`"`) {
			t.Errorf("the page does not have %s", rt.id)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") {
			t.Errorf("the page leads to %s", m[1])
		}
		if name, local := strings.CutPrefix(m[1], "#"); local && !strings.Contains(page, `id="`+name+`"`) {
			t.Errorf("the page has no %s", m[1])
		}
	}
	policy := rec.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
	if rec := w.send(request{method: "GET", path: "/reference.css"}); rec.Code != 200 {
		t.Errorf("/reference.css: %d", rec.Code)
	}
}
