package gateways_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/gateways/sandbox"
	"github.com/quittance/quittance/gateways/stripe"
	"github.com/quittance/quittance/ledger/payments"
)

const (
	testKey    = "sk_test_sandbox"
	testSecret = "whsec_sandbox"
)

// TestFaults pays through a provider at which everything goes wrong that can, with its webhooks
// coming twice, late, in another order and saying what is not so. In the end every payment is what
// the provider holds of it, and each of them was charged at most once.
func TestFaults(t *testing.T) {
	const count = 60
	p, address := runSandbox(t, sandbox.Faults{Seed: 7, Decline: 100, Timeout: 120,
		ErrorBefore: 120, ErrorAfter: 120, Duplicate: 300, Reorder: 300, Conflict: 300,
		Hang: 10 * time.Millisecond})
	g, err := stripe.New(stripe.Options{URL: address, Key: testKey, WebhookSecret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	w := &world{T: t, gateway: newScripted()}
	w.shards = compactiontest.Start(t, append(payments.Tables(), gateways.Tables()...)...)
	set := map[string]gateways.Gateway{stripe.Name: g}
	hooks := httptest.NewServer(hook(gateways.Intake{Engine: w.shards, Gateways: set,
		Platform: "platform"}))
	t.Cleanup(hooks.Close)
	p.Subscribe(sandbox.Endpoint{URL: hooks.URL, Secret: testSecret})
	o := w.options()
	o.Handlers = plainBooks().Handlers(w.shards, set)
	stop := w.start(o)
	for i := range count {
		w.pay(fmt.Sprintf("pay_%03d", i), "pm_card_visa")
		if i == count/2 { // the worker dies and another takes over
			stop()
			w.start(o)
		}
	}
	w.until("all webhooks are taken and all effects done", func() bool {
		pending, err := p.Pending()
		if err != nil {
			t.Fatal(err)
		}
		return pending == 0 && w.outbox() == 0
	})
	p.SetFaults(sandbox.Faults{})
	paid := 0
	for i := range count {
		id := fmt.Sprintf("pay_%03d", i)
		if w.agrees(address, id) {
			paid++
		}
	}
	if s := p.Stats(); s.Timeout == 0 || s.ErrorAfter == 0 || s.ErrorBefore == 0 ||
		s.Duplicate == 0 || s.Reorder == 0 || s.Conflict == 0 || s.Decline == 0 {
		t.Errorf("some faults did not happen: %+v", s)
	}
	if paid < count/2 {
		t.Errorf("only %d of %d were paid", paid, count)
	}
}

// agrees checks that a payment is what the provider holds of it, and reports whether it is paid.
func (w *world) agrees(address, id string) bool {
	w.Helper()
	query := url.Values{"query": {`metadata["payment"]:"` + id + `"`}}
	var intents struct {
		Data []struct {
			ID       string `json:"id"`
			Status   string `json:"status"`
			Received int64  `json:"amount_received"`
		} `json:"data"`
	}
	ask(w.T, address+"/v1/payment_intents/search?"+query.Encode(), &intents)
	p := w.payment(id)
	if len(intents.Data) != 1 {
		w.Errorf("%s: the provider has %d payment intents of it", id, len(intents.Data))
		return false
	}
	pi := intents.Data[0]
	if pi.ID != p.GatewayID || pi.Status != p.State.String() ||
		pi.Received != p.AmountReceived.Minor() {
		w.Errorf("%s: the provider says %+v, we say %v of %s", id, pi, p.State, p.GatewayID)
	}
	var charges struct {
		Data []struct {
			Paid bool `json:"paid"`
		} `json:"data"`
	}
	ask(w.T, address+"/v1/charges?payment_intent="+pi.ID, &charges)
	paid := 0
	for _, c := range charges.Data {
		if c.Paid {
			paid++
		}
	}
	if paid > 1 || (paid == 1) != (p.State == payments.Succeeded) {
		w.Errorf("%s: charged %d times, we say %v", id, paid, p.State)
	}
	return paid == 1
}

// outbox returns how many effects are not done.
func (w *world) outbox() int {
	n := 0
	err := w.shards.Each(func(_ int, v *compaction.View) error {
		rows, err := compaction.Outbox.Scan(v, compaction.Page{})
		n += len(rows)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// hook is the endpoint of webhooks.
func hook(i gateways.Intake) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = i.Receive(r.Context(), stripe.Name, body, r.Header.Get)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
}

// ask gets an object from the provider.
func ask(t *testing.T, address string, v any) {
	t.Helper()
	if !asked(t, address, v) {
		t.Fatalf("%s: the provider fails", address)
	}
}

// asked is ask of a provider that fails now and then, and reports whether it did not.
func asked(t *testing.T, address string, v any) bool {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == http.StatusInternalServerError {
		return false
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s: %d %s, %v", address, answer.StatusCode, b, err)
	}
	return true
}

// runSandbox runs a provider until the test ends.
func runSandbox(t *testing.T, f sandbox.Faults) (*sandbox.Provider, string) {
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

// TestNothingOutlives holds that a worker which has returned has left no call behind.
func TestNothingOutlives(t *testing.T) {
	w := newWorld(t)
	entered, left := make(chan bool, 1), make(chan bool, 1)
	w.gateway.set(func(ctx context.Context, _ string) step {
		entered <- true
		<-ctx.Done()
		time.Sleep(20 * time.Millisecond) // slow to notice
		left <- true
		return step{before: failure(gateways.Unknown)}
	})
	w.pay("pay_1", "card")
	stop := w.start(w.options())
	<-entered
	stop()
	select {
	case <-left:
	default:
		t.Error("Run returned while a call was under way")
	}
	if e, _ := w.effect("pay_1-1"); e.State != compaction.EffectUnknown {
		t.Errorf("a call that was given up is %v", e.State)
	}
}
