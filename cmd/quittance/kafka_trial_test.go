package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// A trial is the real program, as several processes that serve one log together, on real brokers.
// Clients put load on it while it is hurt, and what they were answered is held against what it has.
//
//	clients ──HTTP──▶ any node ──▶ the owner of the tenant's shard ──▶ brokers
//	   │                                                                  │
//	   └── each call, its answer and both times ──▶ books ◀── journal ────┘
type trial struct {
	t       *testing.T
	brokers *kafkatest.Cluster
	prefix  string // of the topics
	shards  int
	flags   []string // of serve, where the log is
	nodes   []*trialNode
	log     compaction.Log // as a reader beside the nodes
	calls   int            // how many requests of call have a key
	began   time.Time

	platform string // a key of the platform
	tenants  []*trialTenant
	accounts []*trialAccount
	clients  []*trialClient
	guests   []*trialClient // of this round only
	books    *trialBooks
	cards    *trialCards // nil without payments by card
	tally    *trialTally
	patient  bool // clients wait as long as Retry-After says, as they should
}

// A trialNode is one of the processes and its data folder, which outlives it.
type trialNode struct {
	n            int
	listen, data string
	process      *process
	down, paused bool
}

func (n *trialNode) url() string { return "http://" + n.listen }

// A trialShape says what a trial is to have.
type trialShape struct {
	brokers kafkatest.Options
	nodes   int
	shards  int
	perWay  int               // clients of each account
	topics  map[string]string // settings of the compacted topics
	cards   bool
}

// trialSession is how long a node may be silent before its shards go to others: what brokers with
// default settings allow at least.
const trialSession = 6 * time.Second

// newTrial starts brokers and nodes and makes tenants, one in each shard.
func newTrial(t *testing.T, shape trialShape) *trial {
	t.Helper()
	kafkatest.Require(t)
	r := &trial{t: t, prefix: kafkatest.Prefix(t), shards: shape.shards, began: time.Now(),
		tally: newTrialTally()}
	r.brokers = kafkatest.Start(t, shape.brokers)
	r.flags = []string{"--log", "kafka", "--brokers", strings.Join(r.brokers.Addrs(), ","),
		"--topic-prefix", r.prefix}
	r.lay(shape.nodes)
	r.platform = strings.TrimSpace(r.run(append([]string{"topics", "apply", "--yes",
		"--shards", strconv.Itoa(r.shards)}, r.flags...), append([]string{"keys", "create",
		"--data", r.nodes[0].data, "--tenant", platformTenant, "--role", "platform"}, r.flags...)))
	r.alter(shape.topics)
	r.open()
	if shape.cards {
		r.cards = newTrialCards(r)
	}
	for _, n := range r.nodes {
		r.start(n)
	}
	r.settle()
	r.populate(shape.perWay)
	if r.cards != nil {
		r.cards.begin()
	}
	r.t.Logf("%d brokers and %d nodes are ready after %.1f s", len(r.brokers.Addrs()), len(r.nodes),
		time.Since(r.began).Seconds())
	return r
}

// run runs commands in this process, one after the other, and returns what the last one prints.
func (r *trial) run(lines ...[]string) (printed string) {
	r.t.Helper()
	for _, line := range lines {
		printed = succeed(r.t, line...)
	}
	return printed
}

// lay makes the nodes' data folders, with one secret for all of them.
func (r *trial) lay(nodes int) {
	r.t.Helper()
	dir := r.t.TempDir()
	secret := bytes.Repeat([]byte("one for all "), 3)[:secretSize]
	for n := range nodes {
		node := &trialNode{n: n, listen: steadyAddress(r.t),
			data: filepath.Join(dir, fmt.Sprintf("node-%d", n)), down: true}
		if err := os.MkdirAll(node.data, 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := writeFile(filepath.Join(node.data, "secret"), secret); err != nil {
			r.t.Fatal(err)
		}
		r.nodes = append(r.nodes, node)
	}
}

// open opens the log, to read what the nodes have written.
func (r *trial) open() {
	r.t.Helper()
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		r.t.Fatal(err)
	}
	log, err := kafka.Open(r.t.Context(), kafka.Options{
		Connection: kafka.Connection{Brokers: r.brokers.Addrs()}, Topics: schema.Topics(),
		Prefix: r.prefix, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.log = log
	r.books = newTrialBooks(r)
	r.t.Cleanup(func() {
		if err := log.Close(); err != nil {
			r.t.Error(err)
		}
	})
}

// start starts a node, on the data as they are.
func (r *trial) start(n *trialNode) {
	r.t.Helper()
	n.process = start(r.t, append([]string{"serve", "--data", n.data, "--listen", n.listen,
		"--advertise", n.url(), "--session-timeout", trialSession.String(), "--rate", "0",
		"--shards", strconv.Itoa(r.shards),
		"--call-timeout", "5s"}, r.serving()...)...)
	n.down = false
}

// serving are the flags that every node is served with.
func (r *trial) serving() []string {
	if r.cards == nil {
		return r.flags
	}
	return append(slices.Clone(r.flags), "--sandbox-url", r.cards.sandbox.url)
}

// kill ends a node as a crash would.
func (r *trial) kill(n *trialNode) {
	r.t.Helper()
	if err := n.process.kill(); err != nil {
		r.t.Fatal(err)
	}
	n.down = true
}

// fatal ends the test, with what the nodes said last.
func (r *trial) fatal(format string, args ...any) {
	r.t.Helper()
	now := r.now()
	for _, t := range r.tenants {
		r.t.Logf("shard %d, of %s: what was done last was sent %.1f s ago", t.shard, t.id,
			time.Duration(now-t.fresh.Load()).Seconds())
	}
	for _, c := range slices.Concat(r.clients, r.guests) {
		if said := c.said.Load(); said != nil {
			r.t.Logf("client %d of %s heard last: %s", c.n, c.account.tenant.id, *said)
		}
	}
	for _, n := range r.nodes {
		if n.process == nil {
			continue
		}
		if !n.down && !n.paused {
			r.t.Logf("node %d serves %v", n.n, r.served(n))
		}
		lines := strings.SplitAfter(n.process.log.String(), "\n")
		r.t.Logf("node %d (%s) said last:\n%s", n.n, n.listen,
			strings.Join(lines[max(0, len(lines)-40):], ""))
	}
	r.t.Logf("until then:\n%s", r.tally)
	r.t.Fatalf(format, args...)
}

// until polls a condition until it holds.
func (r *trial) until(what string, patience time.Duration, holds func() bool) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !holds(); <-tick.C {
		if err := r.failure(); err != nil {
			r.fatal("while waiting until %s: %v", what, err)
		}
		if time.Since(began) > patience {
			r.fatal("after %v: not %s", patience, what)
		}
	}
}

var servingLine = regexp.MustCompile(`(?m)^quittance_shard_serving\{shard="(\d+)"\} 1$`)

// served returns the shards that a node says it serves.
func (r *trial) served(n *trialNode) (shards []int) {
	c := &http.Client{Timeout: 2 * time.Second}
	a, err := c.Get(n.url() + "/metrics")
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(a.Body)
	if e := a.Body.Close(); err != nil || e != nil {
		return nil
	}
	for _, m := range servingLine.FindAllSubmatch(text, -1) {
		shard, err := strconv.Atoi(string(m[1]))
		if err != nil {
			r.t.Fatal(err)
		}
		shards = append(shards, shard)
	}
	return shards
}

// settle waits until each shard is served by one of the nodes that run, and each of them serves
// some.
func (r *trial) settle() {
	r.t.Helper()
	r.until("each shard is served, and each node serves some", 2*time.Minute, func() bool {
		var all []int
		for _, n := range r.nodes {
			if n.down || n.paused {
				continue
			}
			shards := r.served(n)
			if len(shards) == 0 {
				return false
			}
			all = append(all, shards...)
		}
		slices.Sort(all)
		return len(all) == r.shards && len(slices.Compact(all)) == r.shards
	})
}

// owner returns a node that serves shards, and which.
func (r *trial) owner() (*trialNode, []int) {
	r.t.Helper()
	for _, i := range rand.Perm(len(r.nodes)) {
		if n := r.nodes[i]; !n.down && !n.paused {
			if shards := r.served(n); len(shards) > 0 {
				return n, shards
			}
		}
	}
	r.fatal("no node serves a shard")
	return nil, nil
}

// call asks a node for something and wants it to succeed, at last: the group may give shards away
// whenever it has not heard of a node for a while.
func (r *trial) call(n *trialNode, key, method, path string, body, out any) {
	r.t.Helper()
	c := &client{url: n.url(), key: key, http: newHTTPClient()}
	once := ""
	if method == http.MethodPost {
		r.calls++
		once = fmt.Sprintf("%scall-%d", r.prefix, r.calls)
	}
	err := insisted(func() error {
		_, err := c.send(r.t.Context(), method, path, once, body, out, nil)
		return err
	})
	if err != nil {
		r.fatal("node %d: %v", n.n, err)
	}
}

// populate makes a tenant in each shard, with two accounts that must not be overdrawn.
func (r *trial) populate(perWay int) {
	r.t.Helper()
	for shard := range r.shards {
		tenant := &trialTenant{shard: shard}
		for n := 0; tenant.id == ""; n++ {
			if id := fmt.Sprintf("tenant-%d", n); compaction.ShardOf(id, r.shards) == shard {
				tenant.id = id
			}
		}
		var made struct {
			Keys []struct{ Role, Secret string }
		}
		r.call(r.nodes[shard%len(r.nodes)], r.platform, "POST", "/v1/tenants",
			map[string]string{"id": tenant.id, "name": "A tenant of shard " + strconv.Itoa(shard)}, &made)
		tenant.keys = map[string]string{rolePlatform: r.platform}
		for _, k := range made.Keys {
			tenant.keys[k.Role] = k.Secret
		}
		r.tenants = append(r.tenants, tenant)
		for n := range 2 {
			r.openAccount(tenant, n, perWay)
		}
	}
}

// openAccount makes an account, with a first deposit that no client made, and its clients.
func (r *trial) openAccount(tenant *trialTenant, n, clients int) {
	r.t.Helper()
	a := &trialAccount{tenant: tenant, wallet: fmt.Sprintf("wallet:%d", n),
		pool: fmt.Sprintf("pool:%d", n), balance: 1000}
	node := r.nodes[rand.IntN(len(r.nodes))]
	key := tenant.keys[roleTradesperson]
	r.call(node, key, "PUT", "/v1/accounts/"+a.wallet, map[string]string{"currency": "EUR",
		"rule": "credits_must_not_exceed_debits"}, nil)
	var first struct{ ID string }
	r.call(node, key, "POST", "/v1/transactions", posting(a.wallet, a.pool, cents(a.balance)), &first)
	a.ids = append(a.ids, first.ID)
	r.accounts = append(r.accounts, a)
	for range clients {
		r.clients = append(r.clients, newTrialClient(r, a, len(r.clients)))
	}
}

// cents writes minor units as the API wants amounts.
func cents(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

// now is the time of the trial.
func (r *trial) now() int64 { return int64(time.Since(r.began)) }

// failure returns the first answer that there should not have been.
func (r *trial) failure() error {
	for _, c := range slices.Concat(r.clients, r.guests) {
		if err := c.failed.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// flowing waits until clients of each of the tenants were answered something that was sent after a
// time, and returns how long after that time this was.
func (r *trial) flowing(tenants []*trialTenant, since int64) time.Duration {
	r.t.Helper()
	waits := func(t *trialTenant) bool { return t.fresh.Load() < since }
	r.until("the clients of each tenant are answered again", 2*time.Minute, func() bool {
		return !slices.ContainsFunc(tenants, waits)
	})
	return time.Duration(r.now() - since)
}

// of returns the tenants of shards.
func (r *trial) of(shards []int) []*trialTenant {
	return slices.DeleteFunc(slices.Clone(r.tenants), func(t *trialTenant) bool {
		return !slices.Contains(shards, t.shard)
	})
}

// round puts load on the nodes, does something to them, waits until all is well and checks.
func (r *trial) round(f trialFault) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	r.patient, r.guests = f.patient, nil
	stop := r.load(ctx)
	r.flowing(r.tenants, r.now())
	f.do(r)
	r.settle()
	r.flowing(r.tenants, r.now())
	cancel()
	stop()
	r.check(f.kind)
}

// load has all clients work until ctx ends, and returns a function that waits for their last
// answers.
func (r *trial) load(ctx context.Context) (wait func()) {
	done := make(chan struct{}, len(r.clients))
	for _, c := range r.clients {
		go func() {
			c.work(ctx)
			done <- struct{}{}
		}()
	}
	if r.cards != nil {
		r.cards.load.Store(true)
	}
	return func() {
		if r.cards != nil {
			r.cards.load.Store(false)
		}
		for range r.clients {
			<-done
		}
	}
}

// contextUntil returns a context that ends with another one, and when a channel is closed.
func contextUntil(ctx context.Context, end <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-end:
		case <-ctx.Done():
		}
		cancel()
	}()
	return ctx, cancel
}

// told reads JSON into a value, and is for answers of a form that is known.
func told[T any](text []byte) (v T, err error) {
	err = json.Unmarshal(text, &v)
	return v, err
}
