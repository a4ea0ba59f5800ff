package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// A client calls a provider as a program would.
type client struct {
	t       testing.TB
	address string
	key     string
}

// opened runs a provider on a folder until stop is called, or the test ends.
func opened(t testing.TB, o Options) (p *Provider, c client, stop func()) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	p, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	server := httptest.NewServer(p.Handler())
	stop = sync.OnceFunc(func() {
		server.Close()
		cancel()
		if err := errors.Join(<-ended, p.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	ready, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	if err := p.Ready(ready); err != nil {
		t.Fatal(err)
	}
	return p, client{t, server.URL, "sk_test"}, stop
}

// do sends a request; the parameters read "a=1&b=2".
func (c client) do(method, path, parameters, key string) (int, http.Header, []byte, error) {
	address, body := c.address+path, io.Reader(nil)
	if method == http.MethodGet {
		address += "?" + parameters
	} else {
		body = strings.NewReader(parameters)
	}
	r, err := http.NewRequest(method, address, body)
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, b, err
}

// post sends a request that must be answered with the status, and decodes the answer.
func (c client) post(status int, path, parameters string, v any) {
	c.t.Helper()
	got, _, b, err := c.do(http.MethodPost, path, parameters, "")
	c.check(path, status, got, b, err, v)
}

func (c client) get(status int, path, parameters string, v any) {
	c.t.Helper()
	got, _, b, err := c.do(http.MethodGet, path, parameters, "")
	c.check(path, status, got, b, err, v)
}

func (c client) check(path string, want, got int, b []byte, err error, v any) {
	c.t.Helper()
	if err == nil && got != want {
		c.t.Fatalf("%s: %d, want %d: %s", path, got, want, b)
	}
	if err == nil && v != nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		c.t.Fatalf("%s: %v: %s", path, err, b)
	}
}

// paid makes a payment that succeeds.
func (c client) paid(amount string) (pi intent) {
	c.t.Helper()
	c.post(200, "/v1/payment_intents", url.Values{"amount": {amount}, "currency": {"eur"},
		"payment_method": {"pm_card_visa"}, "confirm": {"true"},
		"metadata[tenant]": {"acme"}}.Encode(), &pi)
	return pi
}

// page is a list of objects of a type.
type pageOf[T any] struct {
	Data    []T  `json:"data"`
	HasMore bool `json:"has_more"`
}

// told collects the webhooks that an endpoint was sent.
type told struct {
	mu     sync.Mutex
	refuse int // how many to refuse first
	events []event
	wrong  []string
}

func endpoint(t testing.TB, secret string) (*told, Endpoint) {
	r := &told{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, err := io.ReadAll(q.Body)
		var e event
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.refuse > 0 {
			r.refuse--
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		header := q.Header.Get("Stripe-Signature")
		seconds, _, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
		at, wrong := time.Parse("", "")
		if n, bad := parseSeconds(seconds); bad == nil {
			at, wrong = n, nil
		}
		if err != nil || wrong != nil || json.Unmarshal(b, &e) != nil ||
			Sign(b, secret, at) != header {
			r.wrong = append(r.wrong, header)
		}
		r.events = append(r.events, e)
	}))
	t.Cleanup(server.Close)
	return r, Endpoint{URL: server.URL, Secret: secret}
}

func parseSeconds(s string) (time.Time, error) {
	var n json.Number = json.Number(s)
	i, err := n.Int64()
	return time.Unix(i, 0), err
}

// kinds returns the kinds of the events that came.
func (r *told) kinds() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		all = append(all, e.Type)
	}
	return all
}

// quiet waits until every webhook was taken.
func quiet(t testing.TB, p *Provider) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		n, err := p.Pending()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d webhooks were not taken", n)
		}
	}
}
