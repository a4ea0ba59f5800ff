package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestBench runs each measurement for a moment: what it measures is for a quiet machine, that it
// measures is for every change.
func TestBench(t *testing.T) {
	t.Setenv(asProgram, "1") // for the servers it starts
	out := succeed(t, "bench", "--duration", "50ms", "--records", "2000", "--scratch", t.TempDir())
	for _, want := range []string{"price a quote of 20 lines", "engine, 64 callers × 100",
		"HTTP, 64 connections, batches of 50", "2,000 open in", "200 settled before",
		"2,000 settled before", "2,000 open payments:"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not measured:\n%s", want, out)
		}
	}
}

// TestMeasure holds that what is done is counted after the warm-up, and that an error ends it.
func TestMeasure(t *testing.T) {
	f, err := measure(t.Context(), "sleep", 2, 10, 200*time.Millisecond,
		func(context.Context, int, int) error { time.Sleep(10 * time.Millisecond); return nil })
	if err != nil || f.done < 10 || f.p50 < 10*time.Millisecond || f.p99 < f.p50 {
		t.Errorf("got %+v, %v", f, err)
	}
	broken := errors.New("broken")
	_, err = measure(t.Context(), "fail", 2, 1, time.Minute,
		func(context.Context, int, int) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// TestConnection holds that the client of the measurements reads what servers write: bodies with a
// length, in chunks and none, on one connection.
func TestConnection(t *testing.T) {
	long := strings.Repeat("0123456789", 5000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/chunks":
			for part := range strings.SplitSeq(long, "9") {
				_, _ = w.Write([]byte(part + "9")) // a client that is gone fails the test
				w.(http.Flusher).Flush()
			}
		default:
			_, _ = w.Write([]byte("short"))
		}
	}))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	c, err := dial(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		path   string
		status int
		body   string
	}{{"/", 200, "short"}, {"/chunks", 200, long + "9"}, {"/none", 204, ""}, {"/", 200, "short"}} {
		status, body, err := c.send([]byte("GET " + x.path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
		if err != nil || status != x.status || string(body) != x.body {
			t.Errorf("%s: %d, %d bytes, %v", x.path, status, len(body), err)
		}
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
}

// TestBenchLimited: a server as it is started by default ended the measurement with an answer in
// JSON, and the way out stood nowhere.
func TestBenchLimited(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer s.Close()
	refused(t, "set QUITTANCE_KEY", "bench", "http", "--url", s.URL)
	code, _, stderr := call(t, map[string]string{"QUITTANCE_KEY": "qk_x"}, "bench", "http",
		"--url", s.URL, "--duration", "10ms")
	if want := "with --rate 0"; code != exitFailed || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, %s, want %q", code, stderr, want)
	}
}
