package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// passing reports whether a request that failed may succeed when it is sent again: nobody has
// answered it, or its shard was not served.
func passing(err error) bool {
	var refused *problem
	return err != nil && (!errors.As(err, &refused) || refused.Status == http.StatusServiceUnavailable)
}

// insisted sends a request until it is answered, for a minute.
func insisted(send func() error) error {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := send()
		switch {
		case !passing(err):
			return err
		case time.Since(began) > time.Minute:
			return fmt.Errorf("for a minute: %w", err)
		}
	}
}

// TestClientTellsWhereWhyIs: the reason of a fault of the server's own is in its log only. Whoever
// ran a verification that ended so was told "about:blank", and not what to look for.
func TestClientTellsWhereWhyIs(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusInternalServerError)
		if _, err := io.WriteString(w, `{"type":"about:blank","title":"Internal Server Error",`+
			`"status":500,"instance":"req_abc-7"}`); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	code, _, stderr := call(t, map[string]string{"QUITTANCE_KEY": "k"}, "verify",
		"--url", server.URL)
	want := "the server's log, in the lines of req_abc-7"
	if code != exitFailed || !strings.Contains(stderr, want) ||
		strings.Contains(stderr, "about:blank") {
		t.Errorf("exit code %d, want %d and where to look: %s", code, exitFailed, stderr)
	}
}

// TestClientWaits: the command line gave up a verification after 10 minutes that a server may take
// 15 for, and the server went on for nobody.
func TestClientWaits(t *testing.T) {
	if got := newHTTPClient().Timeout; got <= writeTimeout {
		t.Errorf("a client waits %v for an answer that may take %v", got, writeTimeout)
	}
}
