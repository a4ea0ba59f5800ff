package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A patientWriter is an answer whose connection tells how long it may still be read.
type patientWriter struct {
	*httptest.ResponseRecorder
	until time.Time // zero: for ever
}

// SetReadDeadline is what the connection has for http.ResponseController.
func (w *patientWriter) SetReadDeadline(t time.Time) error {
	w.until = t
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
