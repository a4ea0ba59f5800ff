package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// TestDoor sends what no operation takes: each is refused under its own kind, in the form of all
// problems.
func TestDoor(t *testing.T) {
	w := newWorld(t)
	large := `{"reference":"` + strings.Repeat("x", bodyLimit) + `"}`
	deep := `{"metadata":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`
	twice := `{"postings":[{"debit":"a","debit":"b","credit":"c","amount":"1","currency":"EUR"}]}`
	body := func(text string, header ...string) request {
		r := request{as: "acme/finance", body: text, header: map[string]string{}}
		for i := 0; i < len(header); i += 2 {
			r.header[header[i]] = header[i+1]
		}
		return r
	}
	nobody := func(authorization string) request {
		return request{body: sale, header: map[string]string{"Authorization": authorization}}
	}
	get := func(path string) request {
		return request{as: "acme/finance", method: "GET", path: path}
	}
	unknown := "Bearer qk_acme_" + strings.Repeat("0", 26) + "_" + strings.Repeat("0", 64)
	for _, c := range []struct {
		name   string
		status int
		slug   string
		r      request
	}{
		{"no key", 401, "unauthenticated", request{body: sale}},
		{"another scheme", 401, "unauthenticated", nobody("Basic eDp5")},
		{"no such key", 401, "unauthenticated", nobody(unknown)},
		{"nonsense", 401, "unauthenticated", nobody("Bearer \x00")},
		{"another type", 415, "unsupported-media-type", body(sale, "Content-Type", "text/plain")},
		{"another charset", 415, "unsupported-media-type",
			body(sale, "Content-Type", "application/json; charset=latin1")},
		{"compressed", 415, "unsupported-media-type", body(sale, "Content-Encoding", "gzip")},
		{"too large", 413, "body-too-large", body(large)},
		{"too deep", 400, "malformed-json", body(deep)},
		{"not UTF-8", 400, "malformed-json", body("{\"reference\":\"\xff\"}")},
		{"a member twice", 400, "malformed-json", body(twice)},
		{"a member twice, escaped", 400, "malformed-json",
			body(strings.Replace(twice, `"debit":"b"`, `"\u0064ebit":"b"`, 1))},
		{"metadata twice", 400, "malformed-json", body(`{"metadata":{"a":"1","b":"2","a":"1"}}`)},
		{"half a character", 400, "malformed-json", body(`{"reference":"\ud800"}`)},
		{"NUL", 422, "invalid-request", body(`{"reference":"\u0000"}`)},
		{"null", 422, "invalid-request", body(`{"reference":null}`)},
		{"nothing", 422, "invalid-request", body(``)},
		{"an empty key", 400, "idempotency-key-invalid", body(sale, "Idempotency-Key", "")},
		{"a key with a space", 400, "idempotency-key-invalid", body(sale, "Idempotency-Key", "a b")},
		{"a long key", 400, "idempotency-key-invalid",
			body(sale, "Idempotency-Key", strings.Repeat("x", 256))},
		{"another method", 405, "method-not-allowed", request{as: "acme/finance", method: "PATCH"}},
		{"another address", 404, "not-found", request{as: "acme/finance", path: "/v1/none"}},
		{"a query", 422, "invalid-request", get("/v1/accounts?limit=1&surprise=1")},
		{"an empty limit", 422, "invalid-request", get("/v1/accounts?limit=")},
		{"two limits", 422, "invalid-request", get("/v1/accounts?limit=1&limit=2")},
		{"a broken query", 422, "invalid-request", get("/v1/accounts?limit=%zz")},
		{"an odd limit", 422, "invalid-request", get("/v1/accounts?limit=many")},
		{"a large limit", 422, "invalid-request", get("/v1/accounts?limit=1000")},
		{"an odd id", 404, "not-found", get("/v1/quotes/x%2F..%2Fy")},
	} {
		if c.r.method == "" {
			c.r.method = "POST"
		}
		if c.r.path == "" {
			c.r.path = "/v1/transactions"
		}
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			a := w.want(c.status, c.r).is("type", "/problems/"+c.slug)
			h := a.rec.Header()
			if h.Get("Content-Type") != "application/problem+json" || a.at("title") == "" ||
				a.at("instance") != h.Get("X-Request-Id") {
				t.Errorf("%v %s", h, a.rec.Body)
			}
			if c.slug == "malformed-json" && a.at("rule") == "" {
				t.Errorf("without a rule: %s", a.rec.Body)
			}
			if c.status == 405 && h.Get("Allow") != "POST" ||
				c.status == 401 && h.Get("Www-Authenticate") == "" {
				t.Errorf("%v", h)
			}
		})
	}
}

// TestHeadersTwice refuses a request that says twice who asks, under which key or about whom: the
// first would be as good as the second, and what stands before the server may take the other.
func TestHeadersTwice(t *testing.T) {
	w := newWorld(t)
	post := func(key string, name string, values ...string) request {
		return request{as: "acme/finance", method: "POST", path: "/v1/transactions", body: sale,
			header: map[string]string{"Idempotency-Key": key}, more: http.Header{name: values}}
	}
	for _, second := range []string{"k2", "k1", ""} {
		a := w.want(400, post("k1", "Idempotency-Key", second)).is(
			"type", "/problems/idempotency-key-invalid", "detail", errRepeats.Error())
		if h := a.rec.Header(); h.Get("Idempotency-Key") != "" {
			t.Errorf("%v", h)
		}
	}
	for _, second := range []string{w.keys["acme/finance"], w.keys["bolt/finance"], "nonsense"} {
		w.want(401, post("k1", "Authorization", "Bearer "+second)).is(
			"type", "/problems/unauthenticated", "detail", errKeys.Error())
	}
	w.want(422, post("k1", "Quittance-Tenant", "acme", "bolt")).is(
		"type", "/problems/invalid-request", "field", "header.Quittance-Tenant")
	// Nothing of it was done, and the key is as good as new.
	w.want(404, request{as: "acme/finance", method: "GET", path: "/v1/accounts/cash:till"})
	if a := w.want(201, post("k1", "Quittance-Tenant", "acme")); a.rec.Header().Get(
		"Idempotency-Replayed") != "" {
		t.Errorf("%v", a.rec.Header())
	}
}

// TestNoRequest holds what docs/problems.md says of what the HTTP server refuses by itself: clients
// must not expect a problem there.
func TestNoRequest(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewUnstartedServer(w.api)
	server.Config.MaxHeaderBytes = 32 << 10
	server.Start()
	defer server.Close()
	large := "X-Large: " + strings.Repeat("x", 64<<10) + "\r\n"
	for status, text := range map[int]string{400: "nonsense\r\n", 505: "GET / HTTP/3.7\r\nHost: a\r\n",
		501: "POST /v1/keys HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n",
		431: "GET /healthz HTTP/1.1\r\nHost: a\r\n" + large} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
			t.Error(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		if h := res.Header; res.StatusCode != status || h.Get("X-Request-Id") != "" ||
			!strings.HasPrefix(h.Get("Content-Type"), "text/plain") || !res.Close {
			t.Errorf("%d %v, want %d in text/plain", res.StatusCode, h, status)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestContentType takes JSON whatever the case and charset it is declared with.
func TestContentType(t *testing.T) {
	w := newWorld(t)
	for _, declared := range []string{"application/json; charset=UTF-8", "Application/JSON",
		`application/json;charset="utf-8"`} {
		w.want(201, request{as: "acme/finance", method: "POST", path: "/v1/transactions",
			body:   strings.Replace(sale, `,"reference":"r1"`, "", 1),
			header: map[string]string{"Content-Type": declared}})
	}
}

// TestIdempotency repeats requests: the first answer is given again, refusals too; another request
// with the key is refused by the field that differs; another caller's key is another key.
func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	post := func(body, key string) request {
		return request{as: "acme/finance", method: "POST", path: "/v1/transactions", body: body,
			header: map[string]string{"Idempotency-Key": key}}
	}
	first := w.want(201, post(sale, "k1"))
	if h := first.rec.Header(); h.Get("Idempotency-Key") != "k1" ||
		h.Get("Idempotency-Replayed") != "" {
		t.Errorf("%v", h)
	}
	for _, body := range []string{sale, strings.ReplaceAll(sale, ",", " ,\n\t")} {
		again := w.want(201, post(body, "k1"))
		if again.rec.Body.String() != first.rec.Body.String() ||
			again.rec.Header().Get("Location") != first.rec.Header().Get("Location") ||
			again.rec.Header().Get("Idempotency-Replayed") != "true" {
			t.Errorf("%v %s", again.rec.Header(), again.rec.Body)
		}
	}
	w.want(409, post(strings.Replace(sale, "12.34", "12.35", 1), "k1")).is(
		"type", "/problems/idempotency-key-reused", "field", "postings")
	w.want(409, post(strings.Replace(sale, `,"reference":"r1"`, "", 1), "k1")).is("field", "reference")
	w.want(409, post(sale, "k2")).is("type", "/problems/reference-used")
	other := request{as: "acme/tradesperson", method: "POST", path: "/v1/transactions",
		body: strings.Replace(sale, "r1", "r2", 1), header: map[string]string{"Idempotency-Key": "k1"}}
	w.want(201, other)

	refused := post(strings.NewReplacer("sales:shop", "cash:till", "r1", "r4").Replace(sale), "k3")
	one := w.want(422, refused)
	two := w.want(422, refused)
	if one.rec.Body.String() != two.rec.Body.String() ||
		two.rec.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s\n%s", one.rec.Body, two.rec.Body)
	}
	made := w.want(201, request{as: "acme/finance", method: "POST", path: "/v1/transactions",
		body: strings.Replace(sale, "r1", "r3", 1)}).rec.Header().Get("Idempotency-Key")
	if rec := w.send(post(strings.Replace(sale, "r1", "r3", 1), made)); rec.Code != 201 ||
		rec.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("the server's own key %q: %d %s", made, rec.Code, rec.Body)
	}
	// What the path names is part of the request.
	hold := `{"postings":[{"debit":"a","credit":"b","amount":"1","currency":"EUR"}]}`
	paths := []string{}
	for range 2 {
		paths = append(paths, "/v1/holds/"+w.want(201, request{as: "acme/finance", method: "POST",
			path: "/v1/holds", body: hold}).at("id")+"/void")
	}
	void := request{as: "acme/finance", method: "POST", path: paths[0],
		header: map[string]string{"Idempotency-Key": "k4"}}
	w.want(200, void)
	void.path = paths[1]
	w.want(409, void).is("field", "path.id")
}

// TestRateLimit refuses a key that asks too often, says when to come back, and leaves others alone.
func TestRateLimit(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(o *Options) {
		o.RateLimit, o.Clock = RateLimit{PerSecond: 2}, func() time.Time { return now }
	})
	get := request{as: "acme/finance", method: "GET", path: "/v1/accounts"}
	w.want(200, get)
	w.want(200, get)
	a := w.want(429, get).is("type", "/problems/rate-limited", "retry_after", "1")
	if a.rec.Header().Get("Retry-After") != "1" {
		t.Errorf("%v", a.rec.Header())
	}
	w.want(200, request{as: "bolt/finance", method: "GET", path: "/v1/accounts"})
	now = now.Add(time.Second)
	w.want(200, get)
	guess := request{method: "GET", path: "/v1/accounts",
		header: map[string]string{"Authorization": "Bearer qk_acme_1_2"}}
	w.want(401, guess)
	w.want(401, guess)
	w.want(429, guess)
}

// TestPanic answers for a handler that panics, and logs it once, without what was sent.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	x := &exchange{ResponseWriter: httptest.NewRecorder(), api: w.api, id: "req_1",
		r: httptest.NewRequest("GET", "/?secret", nil)}
	func() {
		defer x.end()
		panic("oh")
	}()
	rec := x.ResponseWriter.(*httptest.ResponseRecorder)
	if rec.Code != 500 || !strings.Contains(rec.Body.String(), "about:blank") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if log := w.log.String(); strings.Count(log, "a handler panicked") != 1 ||
		strings.Contains(log, "secret") {
		t.Error(log)
	}
	cut := func() (p any) {
		defer func() { p = recover() }()
		x := &exchange{ResponseWriter: httptest.NewRecorder(), api: w.api,
			r: httptest.NewRequest("GET", "/", nil)}
		defer x.end()
		x.WriteHeader(200)
		panic("oh")
	}()
	if cut != http.ErrAbortHandler {
		t.Errorf("an answer that had begun ended with %v", cut)
	}
}

// TestUnavailable tells apart what the engine cannot do now: nothing of it is remembered, all of it
// says to try again.
func TestUnavailable(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		slug   string
	}{
		{compaction.ErrQueueFull, 503, "busy"},
		{compaction.ErrNotServing, 503, "unavailable"},
		{fmt.Errorf("%w: timeout", compaction.ErrUnreachable), 503, "log-unreachable"},
		{&compaction.StoppedError{Shard: 1, Err: errors.New("secret")}, 503, "unavailable"},
		{compaction.ErrRestoring, 503, "history-not-ready"},
		{compaction.ErrUnknownOutcome, 503, "outcome-unknown"},
		{context.DeadlineExceeded, 503, "outcome-unknown"},
		{&compaction.SpaceError{}, 507, "out-of-space"},
		{compaction.ErrNotCommitted, 503, "unavailable"},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || p.Type != "/problems/"+c.slug || p.RetryAfter == 0 ||
			strings.Contains(p.Detail, "compaction") || strings.Contains(p.Detail, "secret") {
			t.Errorf("%v: %+v", c.err, p)
		}
		x := &exchange{id: "req_1"}
		if _, remembered := x.refuse(c.err); remembered {
			t.Errorf("%v is remembered", c.err)
		}
	}
}

// TestHead: some load balancers ask by HEAD, and were told that the probes have no such method.
// What takes a key has none: its answers are not cached, so that there is nothing to ask.
func TestHead(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.api)
	defer server.Close()
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200,
		"/problems": 200, "/problems/busy": 200, "/openapi.json": 200, "/reference": 200,
		"/nothing": 404, "/v1/accounts": 405, "/v1/transactions/batch": 405} {
		a, err := http.Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Body.Close(); err != nil {
			t.Error(err)
		}
		if a.StatusCode != want || strings.Contains(a.Header.Get("Allow"), "HEAD") {
			t.Errorf("HEAD %s: %d, want %d, %v", path, a.StatusCode, want, a.Header)
		}
	}
}

// TestProbes wants answers without a key, and metrics without anything that a caller chose.
func TestProbes(t *testing.T) {
	w := newWorld(t)
	w.want(200, request{method: "GET", path: "/healthz"}).is("status", "ok")
	w.want(200, request{method: "GET", path: "/readyz"}).is("status", "ready")
	w.want(404, request{as: "acme/finance", method: "GET", path: "/v1/accounts/hidden-name"})
	w.want(404, request{as: "acme/finance", method: "GET", path: "/hidden-path"})
	rec := w.send(request{method: "GET", path: "/metrics"})
	for _, name := range []string{
		`quittance_http_requests_total{method="GET",route="/v1/accounts/{id}",status="404"} 1`,
		`quittance_http_request_duration_seconds_bucket`, `quittance_shard_serving{shard="0"} 1`,
		`quittance_shard_commands_total`, `go_goroutines`} {
		if !strings.Contains(rec.Body.String(), name) {
			t.Errorf("the metrics lack %s", name)
		}
	}
	if strings.Contains(rec.Body.String(), "hidden") || strings.Contains(rec.Body.String(), "acme") {
		t.Error("the metrics name what a caller chose")
	}
}

// TestRequestID takes the client's own id where it is one, and makes one where not.
func TestRequestID(t *testing.T) {
	w := newWorld(t)
	for sent, taken := range map[string]bool{"a-B_9": true, "": false, "a b": false,
		strings.Repeat("x", 65): false, "é": false} {
		rec := w.send(request{method: "GET", path: "/healthz",
			header: map[string]string{"X-Request-Id": sent}})
		if got := rec.Header().Get("X-Request-Id"); (got == sent) != taken || got == "" {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
}
