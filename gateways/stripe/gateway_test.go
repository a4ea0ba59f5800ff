package stripe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/gateways/gatewaytest"
	"github.com/quittance/quittance/gateways/sandbox"
	"github.com/quittance/quittance/gateways/stripe"
)

const (
	testKey    = "sk_test_sandbox"
	testSecret = "whsec_sandbox"
)

// provider runs a sandbox until the test ends.
func provider(t *testing.T, f sandbox.Faults) (*sandbox.Provider, string) {
	t.Helper()
	p, err := sandbox.Open(t.Context(), sandbox.Options{Dir: t.TempDir(), Key: testKey, Faults: f})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	server := httptest.NewServer(p.Handler())
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	ready, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	if err := p.Ready(ready); err != nil {
		t.Fatal(err)
	}
	return p, server.URL
}

// post calls a test helper of the sandbox and decodes its answer.
func post(t *testing.T, address string, form url.Values, v any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s: %d, %v", address, answer.StatusCode, err)
	}
}

func open(t *testing.T, f sandbox.Faults, timeout time.Duration) gatewaytest.Subject {
	p, address := provider(t, f)
	g, err := stripe.New(stripe.Options{URL: address, Key: testKey, WebhookSecret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	type object struct {
		ID   string   `json:"id"`
		Data []object `json:"data"`
	}
	return gatewaytest.Subject{
		Gateway: g, Currency: "EUR", Succeeds: "pm_card_visa", Timeout: timeout,
		Declines: "pm_card_visa_chargeDeclined", Acts: "pm_card_authenticationRequired",
		Silence: func(silent bool) {
			now := f
			if silent {
				now.Timeout, now.Hang = 1000, 20*time.Millisecond
			}
			p.SetFaults(now)
		},
		PayOut: func(t *testing.T) (ids []string) {
			var l object
			post(t, address+"/v1/test_helpers/payouts", nil, &l)
			for _, o := range l.Data {
				ids = append(ids, o.ID)
			}
			return ids
		},
		Dispute: func(t *testing.T, payment string) string {
			var o object
			post(t, address+"/v1/test_helpers/disputes",
				url.Values{"payment_intent": {payment}}, &o)
			return o.ID
		},
		Sign: func(payload []byte, at time.Time) map[string]string {
			return map[string]string{"Stripe-Signature": sandbox.Sign(payload, testSecret, at)}
		},
		Event: []byte(`{"id":"evt_1","object":"event","type":"payment_intent.succeeded",` +
			`"data":{"object":{"id":"pi_1","object":"payment_intent",` +
			`"metadata":{"tenant":"acme","payment":"pay_1"}}}}`),
		Says: gateways.Event{ID: "evt_1", Kind: "payment_intent.succeeded", GatewayID: "pi_1",
			Object: gateways.ObjectPayment,
			Owner:  gateways.Owner{Tenant: "acme", Payment: "pay_1"}},
	}
}

// TestGateway holds the adapter to the contract, against the sandbox.
func TestGateway(t *testing.T) {
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.Subject {
		return open(t, sandbox.Faults{}, 0)
	})
}

// TestSecrets holds that neither key nor secret is in an error, whatever went wrong: errors end in
// logs and records.
func TestSecrets(t *testing.T) {
	const key = "sk_live_verysecret"
	_, address := provider(t, sandbox.Faults{})
	for _, at := range []string{address, "http://127.0.0.1:1", "http://" + key + "@127.0.0.1:1"} {
		g, err := stripe.New(stripe.Options{URL: at, Key: key, WebhookSecret: testSecret})
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.FindPayout(t.Context(), gateways.Call{}, "po_1")
		if err == nil || strings.Contains(fmt.Sprintf("%+v", err), "secret") ||
			gateways.ClassOf(err) != gateways.Transient {
			t.Errorf("%s: %+v", at, err)
		}
		g.Close()
	}
}
