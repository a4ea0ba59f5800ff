package api

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A patientWriter is an answer whose connection tells how long it may still be read.
type patientWriter struct {
	*httptest.ResponseRecorder
	until time.Time // the latest that was said; zero: for ever
}

// SetReadDeadline is what the connection has for http.ResponseController.
func (w *patientWriter) SetReadDeadline(t time.Time) error {
	if t.IsZero() || t.After(w.until) && !w.until.IsZero() {
		w.until = t
	}
	return nil
}

// TestSlowRequestIsNoClientGone holds every route's connection to the time that the route has. The
// server takes a connection that cannot be read any more for a client that went away and cancels
// the request: commands that took more than five seconds, and reports of more than a minute, were
// answered 200 with nothing in it.
func TestSlowRequestIsNoClientGone(t *testing.T) {
	w := newWorld(t)
	for _, rt := range w.api.routes {
		path := strings.NewReplacer("{", "", "}", "").Replace(rt.path)
		r := httptest.NewRequestWithContext(t.Context(), rt.method, path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		if rt.limit == 0 && rt.raw == 0 {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		role := "platform/platform"
		if rt.roles&platform == 0 {
			role = "acme/tradesperson"
		}
		r.Header.Set("Authorization", "Bearer "+w.keys[role])
		rec := &patientWriter{httptest.NewRecorder(), time.Now()}
		least := time.Now().Add(rt.timeout)
		w.api.ServeHTTP(rec, r)
		if !rec.until.IsZero() && rec.until.Before(least) {
			t.Errorf("%s %s: the connection is read for %v, want %v or more", rt.method, rt.path,
				time.Until(rec.until), rt.timeout)
		}
	}
}

// TestCancelledRequestIsNotDone answers a request that was cancelled although its client is there.
// One that is not answered at all is a 200 to whoever sent it, here or by a hop.
func TestCancelledRequestIsNotDone(t *testing.T) {
	w := newLoggedWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rec := httptest.NewRecorder()
	x := &exchange{ResponseWriter: rec, api: w.api, id: "req_1",
		r: httptest.NewRequestWithContext(ctx, "POST", "/v1/quotes", nil)}
	func() {
		defer x.end()
		x.fail(ctx.Err())
	}()
	w.told(rec, rec.Code == 503 && rec.Header().Get("Retry-After") != "").
		is("type", "/problems/outcome-unknown", "instance", "req_1")
	lines := w.lines()
	if len(lines) != 1 {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	lines[0].is(t, "level", "INFO", "status", "499", "problem", "<nil>", "error", "<nil>")
}

// TestSlowBodyOfRefused: a server reads on what a client that it refuses has still to send, before
// it answers. Whoever had no key, and sent nothing more, had a connection for as long as the route
// may take, a quarter of an hour where it verifies the books.
func TestSlowBodyOfRefused(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.api)
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = fmt.Fprint(c, "POST /v1/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer qk_wrong\r\n"+
		"Content-Length: 100\r\n\r\n{")
	if err == nil {
		err = c.SetReadDeadline(time.Now().Add(4 * spare))
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("it is not answered: %v", err)
	}
	if err := a.Body.Close(); err != nil || a.StatusCode != http.StatusUnauthorized || !a.Close {
		t.Errorf("it is answered by %s, the connection ends: %t, %v", a.Status, a.Close, err)
	}
}
