package api

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// A logLine is a line of the log by its attributes.
type logLine map[string]any

// is wants texts of attributes, given in pairs.
func (l logLine) is(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := fmt.Sprint(l[pairs[i]]); got != pairs[i+1] {
			t.Errorf("%s is %q, want %q: %v", pairs[i], got, pairs[i+1], l)
		}
	}
}

// lines returns what a world has logged in JSON since the last time.
func (w *world) lines() []logLine {
	w.t.Helper()
	var all []logLine
	for text := range strings.Lines(w.log.String()) {
		all = append(all, decoded(w.t, []byte(text)))
	}
	w.log.Reset()
	return all
}

func newLoggedWorld(t *testing.T) *world {
	log := &bytes.Buffer{}
	w := newWorld(t, func(o *Options) { o.Logger = slog.New(slog.NewJSONHandler(log, nil)) })
	w.log = log
	return w
}

// TestFailureLogged wants one line for each request that failed, at the level that is the default,
// by which whoever is asked about an instance finds it. Nothing of what was sent is in it: texts of
// requests are secret or personal.
func TestFailureLogged(t *testing.T) {
	w := newLoggedWorld(t)
	ids := w.records("acme")
	secret := "ann-smith" // wherever a request has room for a text
	bearer := "Bearer qk_acme_" + secret
	for name, c := range map[string]struct {
		status  int
		problem string
		route   string
		r       request
	}{
		"no caller": {401, "unauthenticated", "/v1/accounts", request{method: "GET",
			path: "/v1/accounts", header: map[string]string{"Authorization": bearer}}},
		"a record": {404, "not-found", "/v1/accounts/{id}", request{as: "acme/finance",
			method: "GET", path: "/v1/accounts/" + secret}},
		"an address": {404, "not-found", "", request{as: "acme/finance", method: "GET",
			path: "/v1/" + secret}},
		"a query": {422, "invalid-request", "/v1/accounts", request{as: "acme/finance",
			method: "GET", path: "/v1/accounts?" + secret + "=" + secret}},
		"a path": {404, "not-found", "/v1/quotes/{id}", request{as: "acme/finance", method: "GET",
			path: "/v1/quotes/" + secret}},
		"a method": {405, "method-not-allowed", "", request{method: "ANN-SMITH", path: "/v1/accounts"}},
		"a body": {400, "malformed-json", "/v1/customers", request{as: "acme/tradesperson",
			method: "POST", path: "/v1/customers", body: `{"name":"` + secret + `"`}},
		"a field": {422, "invalid-request", "/v1/customers", request{as: "acme/tradesperson",
			method: "POST", path: "/v1/customers", body: `{"name":"Ann","` + secret + `":"1"}`}},
		"a key": {400, "idempotency-key-invalid", "/v1/transactions", request{as: "acme/finance",
			method: "POST", path: "/v1/transactions", body: sale,
			header: map[string]string{"Idempotency-Key": secret + " " + secret}}},
		"a rule": {422, "account-controlled", "/v1/transactions", request{as: "acme/finance",
			method: "POST", path: "/v1/transactions", header: map[string]string{
				"X-Request-Id": secret + "?"},
			body: strings.ReplaceAll(sale, "cash:till", "receivable:"+secret)}},
		"a state": {409, "document-state", "/v1/quotes/{id}/issue", request{as: "acme/tradesperson",
			method: "POST", path: "/v1/quotes/" + ids["quo"] + "/issue"}},
	} {
		w.log.Reset()
		a := w.want(c.status, c.r)
		if log := strings.ToLower(w.log.String()); strings.Contains(log, secret) ||
			strings.Contains(log, ids["quo"]) {
			t.Errorf("%s: the log has what was sent: %s", name, log)
		}
		lines := w.lines()
		if len(lines) != 1 {
			t.Fatalf("%s: %d lines: %v", name, len(lines), lines)
		}
		method, tenant := c.r.method, "acme"
		if !slices.Contains(methods, method) {
			method = "other"
		}
		if c.r.as == "" || c.route == "" {
			tenant = ""
		}
		lines[0].is(t, "level", "INFO", "msg", "a request failed", "request", a.at("instance"),
			"method", method, "route", c.route, "status", a.at("status"), "problem", c.problem,
			"tenant", tenant, "error", "<nil>")
	}
	w.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts"})
	if lines := w.lines(); len(lines) > 0 {
		t.Errorf("a request that was done is logged: %v", lines)
	}
}

// TestFailureLoggedAgain names the kind of a refusal that is given again, which nothing but the
// stored answer knows.
func TestFailureLoggedAgain(t *testing.T) {
	w := newLoggedWorld(t)
	r := request{as: "acme/finance", method: "POST", path: "/v1/transactions",
		body:   strings.ReplaceAll(sale, "sales:shop", "cash:till"),
		header: map[string]string{"Idempotency-Key": "k1", "X-Request-Id": "mine-1"}}
	for range 2 {
		w.want(422, r)
	}
	lines := w.lines()
	if len(lines) != 2 {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	for _, line := range lines {
		line.is(t, "request", "mine-1", "problem", "transaction-invalid", "status", "422")
	}
}

// TestErrorLogged logs what is ours to fix, or for an operator, at the level of errors and with the
// error itself, once; what passes by itself is no error.
func TestErrorLogged(t *testing.T) {
	w := newLoggedWorld(t)
	for _, c := range []struct {
		err                           error
		level, status, problem, cause string
	}{
		{errors.New("a bug"), "ERROR", "500", "about:blank", "a bug"},
		{&compaction.SpaceError{}, "ERROR", "507", "out-of-space",
			(&compaction.SpaceError{}).Error()},
		{compaction.ErrQueueFull, "INFO", "503", "busy", "<nil>"},
	} {
		x := &exchange{ResponseWriter: httptest.NewRecorder(), api: w.api, id: "req_1",
			r: httptest.NewRequest("GET", "/?secret", nil)}
		func() {
			defer x.end()
			x.fail(c.err)
		}()
		lines := w.lines()
		if len(lines) != 1 {
			t.Fatalf("%v: %d lines: %v", c.err, len(lines), lines)
		}
		lines[0].is(t, "level", c.level, "msg", "a request failed", "request", "req_1",
			"status", c.status, "problem", c.problem, "error", c.cause)
	}
}

// TestForwardFailureLogged has a line with the same id and kind on both nodes that a refused
// request came to: whoever searches one node's log finds it.
func TestForwardFailureLogged(t *testing.T) {
	c := newCluster(t, 2)
	c.want(422, request{as: "acme/finance", method: "POST", path: "/v1/transactions",
		body:   strings.ReplaceAll(sale, "sales:shop", "cash:till"),
		header: map[string]string{"X-Request-Id": "mine-1"}})
	want := regexp.MustCompile(`level=INFO msg="a request failed" request=mine-1 method=POST ` +
		`route=/v1/transactions status=422 took=\S+ tenant=(acme|"") problem=transaction-invalid\n`)
	for i, n := range c.nodes {
		// The line follows the answer, so the server ends first.
		n.server.Close()
		if found := want.FindAllString(n.log.String(), -1); len(found) != 1 {
			t.Errorf("node %d has %d lines: %s", i, len(found), n.log)
		}
	}
}
