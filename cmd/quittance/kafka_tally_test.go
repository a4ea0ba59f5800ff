package main

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// faults is how much the tests on brokers hurt the program.
var faults = flag.Int("faults", 0, "how many faults tests on brokers do; 0 is a few of each kind")

// A trialTally counts what was done in a trial.
type trialTally struct {
	rounds                  map[string]int
	figures                 map[string][]time.Duration
	posted, refused, looked int
	again, late             int // requests that were sent more than once; reads of a zombie
	twice                   int // requests refused twice while nodes were stopped and started in order
	replayed                int
	checking                time.Duration
}

func newTrialTally() *trialTally {
	return &trialTally{rounds: map[string]int{}, figures: map[string][]time.Duration{}}
}

// count counts an operation.
func (t *trialTally) count(o *trialOp) {
	switch {
	case o.kind == look:
		t.looked++
	case o.status == http.StatusCreated:
		t.posted++
	default:
		t.refused++
	}
	if o.sent > 1 {
		t.again++
	}
}

// figure keeps how long something took.
func (t *trialTally) figure(name string, d time.Duration) {
	t.figures[name] = append(t.figures[name], d)
}

// String is the table of counts.
func (t *trialTally) String() string {
	var b strings.Builder
	all := 0
	for _, kind := range slices.Sorted(maps.Keys(t.rounds)) {
		fmt.Fprintf(&b, "%5d  %s\n", t.rounds[kind], kind)
		all += t.rounds[kind]
	}
	fmt.Fprintf(&b, "%5d  faults, each under load: %d transactions acknowledged, each in the journal "+
		"once; %d refused for want of money and %d balances read, all as in one order (found in %.1f "+
		"s); %d requests were sent again and done once; %d answers asked for again and the same; "+
		"%d refused twice while nodes were stopped and started in order\n",
		all, t.posted, t.refused, t.looked, t.checking.Seconds(), t.again, t.replayed, t.twice)
	for _, name := range slices.Sorted(maps.Keys(t.figures)) {
		took := slices.Sorted(slices.Values(t.figures[name]))
		fmt.Fprintf(&b, "%5d  %s: median %.2f s, longest %.2f s\n", len(took), name,
			took[len(took)/2].Seconds(), took[len(took)-1].Seconds())
	}
	return b.String()
}

// trialCards are payments by card during a trial: quotes on their way to payment, by a provider in
// a process of its own, which fails by a seed.
type trialCards struct {
	r       *trial
	sandbox *process
	paying  sync.WaitGroup
	end     chan struct{}
	load    atomic.Bool
	payers  []*payer
}

const trialPayers = 2

// newTrialCards starts the provider.
func newTrialCards(r *trial) *trialCards {
	r.t.Setenv("QUITTANCE_STRIPE_KEY", "sk_test_kill")
	r.t.Setenv(webhookSecret, "whsec_kill")
	return &trialCards{r: r, sandbox: start(r.t, "sandbox", "--listen", "127.0.0.1:0",
		"--data", filepath.Join(r.t.TempDir(), "books"),
		"--webhook-url", r.nodes[0].url()+"/v1/webhooks/stripe", "--seed", "7",
		"--decline", "50", "--timeout", "20", "--error-before", "10", "--error-after", "30",
		"--duplicate", "100", "--reorder", "100")}
}

// anyNode sends each request of a payer to any node.
type anyNode struct {
	nodes []*trialNode
	next  atomic.Uint32
	http  http.Transport
}

// RoundTrip sends a request to the node whose turn it is.
func (a *anyNode) RoundTrip(q *http.Request) (*http.Response, error) {
	q.URL.Host = a.nodes[int(a.next.Add(1))%len(a.nodes)].listen
	return a.http.RoundTrip(q)
}

// begin starts the payers. All are of one tenant; the platform's payouts are in another shard.
func (c *trialCards) begin() {
	c.r.t.Helper()
	run, stop := c.r.t.Context(), make(chan struct{})
	c.end = stop
	for n := range trialPayers {
		p := &payer{n: n, client: c.books().as(roleTradesperson)}
		p.client.http.Timeout = 3 * time.Second
		p.client.http.Transport = &anyNode{nodes: c.r.nodes}
		customer, err := p.insist(run, "/v1/customers", "customer", map[string]string{"name": "Ida"})
		if err != nil {
			c.r.fatal("%v", err)
		}
		p.customer = customer.ID
		c.payers = append(c.payers, p)
	}
	for _, p := range c.payers {
		ctx, cancel := contextUntil(run, stop)
		c.paying.Go(func() {
			defer cancel()
			p.run(ctx, &c.load)
		})
	}
}

// books are a tenant's keys, for the first node.
func (c *trialCards) books() devFile {
	t := c.r.tenants[0]
	return devFile{URL: c.r.nodes[0].url(), Tenant: t.id, Keys: t.keys}
}

// repeat asks for some answers again.
func (c *trialCards) repeat() (replayed int, err error) {
	for _, p := range c.payers {
		n, err := p.repeat()
		if err != nil {
			return 0, err
		}
		replayed += n
	}
	return replayed, nil
}

// finish lets every payment come to its end, holds the provider's books against ours, has all of it
// paid out and settled, and holds the order of what happened to each payment.
func (c *trialCards) finish() {
	r := c.r
	r.t.Helper()
	close(c.end)
	c.paying.Wait()
	k := &killing{t: r.t, sandbox: c.sandbox, server: r.nodes[0].process, dev: c.books()}
	amounts := map[string]string{}
	for _, p := range c.payers {
		if err := p.finish(amounts); err != nil {
			r.fatal("%v", err)
		}
	}
	charges := k.charged(amounts)
	k.payOut(amounts)
	facts := func(payment string) []string {
		return slices.DeleteFunc(slices.Clone(r.books.facts[payment]), func(kind string) bool {
			return !strings.HasPrefix(kind, "payment.")
		})
	}
	r.until("the journals have all that happened to the payments", time.Minute, func() bool {
		for shard := range r.shards {
			if _, err := r.books.read(shard); err != nil {
				r.fatal("the journal of shard %d: %v", shard, err)
			}
		}
		for payment := range amounts {
			if len(facts(payment)) < 2 {
				return false
			}
		}
		return true
	})
	for payment := range amounts {
		if !slices.Equal(facts(payment), []string{"payment.succeeded", "payment.settled"}) {
			r.t.Errorf("what happened to %s: %v", payment, r.books.facts[payment])
		}
	}
	r.t.Logf("%d payments, charged once each (%d charges), paid out and settled", len(amounts),
		charges)
}
