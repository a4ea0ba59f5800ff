package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

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
