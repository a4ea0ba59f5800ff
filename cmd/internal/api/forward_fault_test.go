package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// post is a transaction of acme's under a key.
func post(key string) request {
	return request{as: "acme/finance", method: "POST", path: "/v1/transactions",
		body:   strings.Replace(sale, `,"reference":"r1"`, "", 1),
		header: map[string]string{keyHeader: key}}
}

// posted counts what was posted to acme's till, in its owner's books.
func (c *cluster) posted() string {
	c.t.Helper()
	entry := c.entry
	defer func() { c.entry = entry }()
	for c.entry = range c.nodes {
		if c.nodes[c.entry] == c.owner("acme") {
			break
		}
	}
	return c.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts/cash:till"}).
		at("balances.0.balance")
}

// TestForwardNoOwner answers 503 with Retry-After when a shard has no owner for longer than a
// request waits, and says that nothing was done.
func TestForwardNoOwner(t *testing.T) {
	c := newCluster(t, 2)
	c.directory.set("", shardOf("acme"))
	began := time.Now()
	a := c.want(503, post("k1")).is("type", "/problems/unavailable")
	if took := time.Since(began); took < patience {
		t.Errorf("it took %v, want %v", took, patience)
	}
	if a.rec.Header().Get("Retry-After") == "" || a.rec.Header().Get(keyHeader) != "k1" {
		t.Errorf("%v", a.rec.Header())
	}
	r := post("k1")
	r.header = nil
	if a := c.want(503, r); !strings.HasPrefix(a.rec.Header().Get(keyHeader), "auto-") {
		t.Errorf("the key to repeat the request with is not told: %v", a.rec.Header())
	}
	r.more = http.Header{keyHeader: {"k1", "k2"}}
	if a := c.want(503, r); a.rec.Header().Get(keyHeader) != "" {
		t.Errorf("one of two keys is told as the one to repeat the request with: %v", a.rec.Header())
	}
}

// TestForwardOwnerAppears waits for an owner that comes in time: elsewhere or at the entry itself,
// for the caller's tenant and for the one that is visited.
func TestForwardOwnerAppears(t *testing.T) {
	c := newCluster(t, 3)
	c.patient()
	for i, where := range []int{2, 0, 1} {
		c.directory.set("", shardOf("acme"))
		for n := range c.nodes {
			if n != where {
				c.leave(n, shardOf("acme"))
			}
		}
		settled := make(chan struct{})
		time.AfterFunc(200*time.Millisecond, func() {
			defer close(settled)
			c.join(where, shardOf("acme"))
		})
		if i%2 == 0 {
			c.want(201, post("k"+string(rune('0'+i))))
		} else {
			c.want(200, request{as: "platform/platform", method: "GET", path: "/v1/accounts",
				header: map[string]string{tenantHeader: "acme"}})
		}
		<-settled
	}
	if got := c.posted(); got != "24.68" {
		t.Errorf("%s was posted", got)
	}
}

// TestForwardOpening tries a request again, with the body that was read, when its own node is still
// opening the shard.
func TestForwardOpening(t *testing.T) {
	c := newCluster(t, 2)
	c.patient()
	c.entry = 1
	for _, key := range []string{"k1", "k2", "k3", "k4"} {
		c.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts"})
		owned := c.nodes[1].api.owned()
		c.leave(1, shardOf("acme"))
		if err := c.nodes[1].shards.Own(t.Context(), owned); err != nil {
			t.Fatal(err)
		}
		c.want(201, post(key))
	}
}

// leave has a node give up a shard, join has it own one more and say so.
func (c *cluster) leave(i int, shard int) {
	var keep []int
	for _, n := range c.nodes[i].api.owned() {
		if n != shard {
			keep = append(keep, n)
		}
	}
	if err := c.nodes[i].shards.Own(context.Background(), keep); err != nil {
		c.t.Error(err)
	}
}

func (c *cluster) join(i int, shard int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n := c.nodes[i]
	if err := n.shards.Own(ctx, append(n.api.owned(), shard)); err != nil {
		c.t.Error(err)
	}
	if err := n.shards.Ready(ctx); err != nil {
		c.t.Error(err)
	}
	c.directory.set(n.server.URL, shard)
}

// TestForwardMoves moves a shard from node to node under load: every request is answered as if it
// had stayed, and what was asked once is done once.
func TestForwardMoves(t *testing.T) {
	c := newCluster(t, 3)
	c.patient()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		at := 1
		for range 6 {
			time.Sleep(100 * time.Millisecond)
			c.directory.set("", shardOf("acme"))
			c.leave(at, shardOf("acme"))
			at = (at + 1) % 3
			c.join(at, shardOf("acme"))
		}
	}()
	count := 0
	for moving := true; moving; {
		select {
		case <-ended:
			moving = false
		default:
		}
		c.entry = count % 3
		r := post("k")
		r.header = nil
		c.want(201, r)
		count++
	}
	c.entry = 0
	want := c.want(200, request{as: "acme/finance", method: "GET",
		path: "/v1/accounts/cash:till"}).at("balances.0.balance")
	sum := money.New(int64(count)*1234, money.MustParseCurrency("EUR"))
	if want != sum.String() {
		t.Errorf("%d requests of 12.34 were answered, and %s was posted", count, want)
	}
}

// TestForwardOwnerDies cuts the connection before the request is done, after it is done and in the
// middle of the answer: it is asked again under its key, done once, and answered.
func TestForwardOwnerDies(t *testing.T) {
	for name, die := range map[string]func(n *node, w http.ResponseWriter, r *http.Request){
		"before": func(*node, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"after": func(n *node, w http.ResponseWriter, r *http.Request) {
			n.api.ServeHTTP(&mute{header: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		},
		"in the middle": func(n *node, w http.ResponseWriter, r *http.Request) {
			m := &mute{header: http.Header{}}
			n.api.ServeHTTP(m, r)
			for name, values := range m.header {
				w.Header()[name] = values
			}
			w.WriteHeader(m.status)
			io.WriteString(w, `{"id":"half of`)
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 2)
			c.patient()
			c.t = t
			times := 0
			c.nodes[1].before = func(w http.ResponseWriter, r *http.Request) bool {
				if times++; times <= 2 {
					die(c.nodes[1], w, r)
				}
				return false
			}
			for _, key := range []string{"k1", ""} {
				times = 0
				r := post(key)
				if key == "" {
					r.header = nil
				}
				a := c.want(201, r)
				if times != 3 || !strings.HasSuffix(a.rec.Body.String(), "}\n") {
					t.Errorf("after %d times: %s", times, a.rec.Body)
				}
			}
			c.nodes[1].before = nil
			if got := c.posted(); got != "24.68" {
				t.Errorf("%s was posted", got)
			}
		})
	}
}

// A mute is the answer of a node that dies.
type mute struct {
	header http.Header
	status int
}

func (m *mute) Header() http.Header         { return m.header }
func (m *mute) WriteHeader(status int)      { m.status = status }
func (m *mute) Write(b []byte) (int, error) { return len(b), nil }

// TestForwardOwnerLost says that it is not known whether a mutation was done, when its owner broke
// off and nobody came in its place; of a query it says that it can be repeated.
func TestForwardOwnerLost(t *testing.T) {
	c := newCluster(t, 2)
	c.nodes[1].before = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
	a := c.want(503, post("k1")).is("type", "/problems/outcome-unknown")
	if a.rec.Header().Get(keyHeader) != "k1" || a.rec.Header().Get("Retry-After") == "" {
		t.Errorf("%v", a.rec.Header())
	}
	c.want(503, request{as: "acme/finance", method: "GET", path: "/v1/accounts"}).is(
		"type", "/problems/unavailable")
	// Where nobody listens connections are refused, and certainly nothing was done. A port that was
	// given back could be another test's by then.
	c.directory.set("http://127.0.0.1:1", shardOf("acme"))
	c.want(503, post("k2")).is("type", "/problems/unavailable")
}

// TestForwardOwnerPaused leaves an owner that keeps its connections and does not answer, once
// another is in its place.
func TestForwardOwnerPaused(t *testing.T) {
	c := newCluster(t, 3)
	c.patient()
	paused := make(chan struct{})
	c.nodes[1].before = func(http.ResponseWriter, *http.Request) bool {
		<-paused
		return false
	}
	defer close(paused)
	time.AfterFunc(100*time.Millisecond, func() {
		c.leave(1, shardOf("acme"))
		c.join(2, shardOf("acme"))
	})
	c.want(201, post("k1"))
	if got := c.posted(); got != "12.34" {
		t.Errorf("%s was posted", got)
	}
}

// TestForwardReportBreaksOff cuts the client's connection when a report's owner dies in the middle:
// half a report is not taken for a whole one.
func TestForwardReportBreaksOff(t *testing.T) {
	c := newCluster(t, 2)
	c.nodes[1].before = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "text/csv")
		io.WriteString(w, strings.Repeat("a,b\n", 10_000))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	r, err := http.NewRequest("GET", c.nodes[0].server.URL+"/v1/reconciliation?format=csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.keys["acme/finance"])
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%d bytes of a report were taken for all of it", len(text))
	}
}

// TestForwardClientGone stops asking when the client goes away.
func TestForwardClientGone(t *testing.T) {
	c := newCluster(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan struct{})
	c.nodes[1].before = func(_ http.ResponseWriter, r *http.Request) bool {
		cancel() // the client goes away when the owner has been asked
		<-r.Context().Done()
		close(gone)
		return true
	}
	r, err := http.NewRequestWithContext(ctx, "GET", c.nodes[0].server.URL+"/v1/accounts", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.keys["acme/finance"])
	if _, err := http.DefaultTransport.RoundTrip(r); err == nil {
		t.Error("answered")
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the owner was not told")
	}
}

// A hooked gateway sends webhooks about the tenant that their body names.
type hooked struct{ gateways.Gateway }

func (hooked) Verify(
	payload []byte, header func(string) string, _ time.Time,
) (gateways.Event, error) {
	if header("Signature") != "good" {
		return gateways.Event{}, &gateways.SignatureError{}
	}
	tenant, id, _ := strings.Cut(string(payload), " ")
	return gateways.Event{ID: id, Kind: "payment.changed", GatewayID: "pi_1",
		Object: gateways.ObjectPayment, Owner: gateways.Owner{Tenant: tenant, Payment: "pay_1"}}, nil
}

// TestForwardWebhooks takes webhooks at any node, verified at the entry and where they are kept,
// once each.
func TestForwardWebhooks(t *testing.T) {
	c := newCluster(t, 3, func(o *Options) {
		o.Gateways = map[string]gateways.Gateway{"hooked": hooked{}}
	})
	hook := func(body, signature string) request {
		return request{method: "POST", path: "/v1/webhooks/hooked", body: body,
			header: map[string]string{"Signature": signature, "Content-Type": "text/plain"}}
	}
	for c.entry = range c.nodes {
		for _, tenant := range []string{"acme", "bolt", "platform"} {
			c.want(200, hook(tenant+" evt_1", "good")).is("received", "true")
			c.want(401, hook(tenant+" evt_1", "bad")).is("type", "/problems/webhook-unsigned")
		}
		c.want(422, hook("acme ", "good")).is("type", "/problems/webhook-invalid")
		c.want(413, hook(strings.Repeat("x", webhookLimit+1), "good"))
	}
	for _, tenant := range []string{"acme", "bolt", "platform"} {
		err := c.owner(tenant).shards.Read(tenant, func(v *compaction.View) error {
			rows, err := gateways.WebhookEvents.Scan(v, compaction.Page{Prefix: tenant + "/"})
			if len(rows) != 1 {
				t.Errorf("%s has %d events", tenant, len(rows))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestForwardTell writes to the books of a tenant whose shard is elsewhere, and says what became of
// it: taken, refused, or out of reach.
func TestForwardTell(t *testing.T) {
	c := newCluster(t, 2)
	eur := func(minor int64) money.Amount { return money.New(minor, money.MustParseCurrency("EUR")) }
	line := func(id, payment string) gateways.Tell {
		p := payments.Payout{ID: "po_1", Tenant: "platform", Gateway: "stripe",
			State: payments.PayoutPaid, Amount: eur(-90)}
		e, err := p.LineEffect(payments.PayoutLine{ID: id, Tenant: "platform", Payout: "po_1",
			Owner: "acme", Kind: payments.LineFee, Payment: payment, Gross: eur(0), Fee: eur(90),
			Net: eur(-90), Created: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return gateways.Tell{Tenant: "acme", Kind: payments.EffectPayoutLine, Payload: e.Payload}
	}
	passing := func(err error) bool { return errors.Is(err, compaction.ErrNotServing) }
	tell := c.nodes[0].api.Tell
	for range 2 { // applied once
		if code, err := tell(t.Context(), line("txn_1", "")); err != nil || code != "" {
			t.Errorf("%q %v", code, err)
		}
		c.want(200, request{as: "acme/finance", method: "GET",
			path: "/v1/accounts/clearing:stripe"}).is("balances.0.debits", "0.90")
	}
	if _, err := tell(t.Context(), line("txn_2", "pay_none")); err == nil || passing(err) {
		t.Errorf("of a payment that nobody has: %v", err)
	}
	odd := gateways.Tell{Tenant: "acme", Kind: "?"}
	if _, err := tell(t.Context(), odd); err == nil || passing(err) {
		t.Errorf("of no kind: %v", err)
	}
	c.leave(1, shardOf("acme"))
	if _, err := tell(t.Context(), line("txn_1", "")); !passing(err) {
		t.Errorf("not owned there: %v", err)
	}
	c.nodes[1].server.Close()
	if _, err := tell(t.Context(), line("txn_1", "")); !passing(err) {
		t.Errorf("no connection: %v", err)
	}
	c.directory.set("", shardOf("acme"))
	if _, err := tell(t.Context(), line("txn_1", "")); !passing(err) {
		t.Errorf("no owner: %v", err)
	}
}
