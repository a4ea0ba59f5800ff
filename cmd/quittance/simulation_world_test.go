package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// A simulation is a world of brokers, nodes and clients that lives by a seed.
//
//	clients ─▶ node 0 ─┐
//	           node 1 ─┼─ a wire each ─▶ brokers
//	           node 2 ─┘
//	group: tells the nodes which shards are theirs
//	run:   makes things go wrong, then well again; then everything is checked
type simulation struct {
	t        *testing.T
	seed     uint64
	rng      *rand.Rand // of the schedule, which one goroutine goes through
	schema   *compaction.Schema
	network  kfake.VirtualNetwork
	cluster  *kfake.Cluster
	nodes    []*simNode
	group    *simGroup // nil where the brokers have one
	books    *simBooks
	provider *simProvider
	clients  []*simClient
	moves    chan func() // for the group

	shards  int
	size    int             // how many nodes
	http    *http.Transport // of clients; nil where they call the engine only
	standby bool
	members bool          // the brokers' own group decides who owns what
	pause   time.Duration // between two things that a client does
	stormy  time.Duration // how long things go wrong
	calm    time.Duration // between two mishaps, on average
	chosen  []mishap
	split   bool // the group's rules are broken: reads may be stale for a lease

	seeds      atomic.Uint64
	tick       atomic.Int64 // counts what clients ask and are answered
	reads      atomic.Int64
	replays    atomic.Int64
	sent       atomic.Int64  // answers over HTTP
	hops       atomic.Int64  // connections between nodes, to pass requests on
	healed     chan struct{} // closed when everything is to be well again
	healing    atomic.Bool
	background sync.WaitGroup // what was begun for later
	dying      sync.WaitGroup // processes that were killed
	calls      sync.WaitGroup // of clients, into processes

	wrong   *wrong        // the rule that is left out; nil for none
	claimed sync.Map      // by shard: where the last claim stands, for a wrong
	quit    chan struct{} // closed when nobody is to wait any longer

	mu     sync.Mutex
	faults []string // what should not have happened

	unknown, groups int
	began           time.Time
	took            time.Duration
	trace           simTrace
}

// newSimulation decides what a seed is about.
func newSimulation(t *testing.T, seed uint64) *simulation {
	s := &simulation{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1))}
	s.shards = 1 + s.rng.IntN(3)
	s.standby = s.rng.IntN(2) == 0
	s.members = s.rng.IntN(2) == 0
	s.pause = time.Duration(50+s.rng.IntN(3000)) * time.Millisecond
	s.stormy = time.Duration(1+s.rng.IntN(6)) * time.Minute
	s.calm = time.Duration(1+s.rng.IntN(12)) * time.Second
	s.size = 1 + s.rng.IntN(3)
	if s.rng.IntN(3) == 0 {
		s.http = &http.Transport{DialContext: s.network.DialContext, DisableKeepAlives: true}
	}
	for _, m := range mishaps {
		if s.rng.IntN(2) == 0 {
			s.chosen = append(s.chosen, m)
			s.split = s.split || m.name == splitting
		}
	}
	return s
}

// without leaves a rule out of the program, and lets only those things go wrong that the rule is
// for, more often and under more load than otherwise.
func (s *simulation) without(w *wrong) {
	s.wrong, s.chosen, s.split, s.http = w, nil, false, nil
	for _, m := range mishaps {
		if slices.Contains(w.amid, m.name) {
			s.chosen = append(s.chosen, m)
			s.split = s.split || m.name == splitting
		}
	}
	s.size, s.stormy = max(2, s.size), 3*time.Minute
	s.pause, s.calm = min(s.pause, 400*time.Millisecond), max(w.calm, min(s.calm, 4*time.Second))
}

// random returns a source of chance of its own, so that one goroutine's does not depend on
// another's.
func (s *simulation) random() *rand.Rand { return rand.New(rand.NewPCG(s.seed, s.seeds.Add(1)+1)) }

// anyNode returns one of the nodes.
func (s *simulation) anyNode() *simNode { return s.nodes[s.rng.IntN(len(s.nodes))] }

// run lives through the seed, in a bubble.
func (s *simulation) run() {
	s.began = time.Now()
	s.healed, s.moves, s.quit = make(chan struct{}), make(chan func()), make(chan struct{})
	var err error
	if s.schema, err = compaction.NewSchema(definitions()...); err != nil {
		s.t.Fatal(err)
	}
	s.cluster, err = kfake.NewCluster(kfake.NumBrokers(3), kfake.Ports(9092, 9093, 9094),
		kfake.ListenFn(s.network.Listen))
	if err != nil {
		s.t.Fatal(err)
	}
	defer time.Sleep(3 * time.Minute) // no time passes after this, and some answers are still late
	defer s.cluster.Close()
	if s.wrong != nil && s.wrong.brokers != nil {
		s.wrong.brokers(s.cluster)
	}
	if !s.members {
		s.group = &simGroup{s: s, rng: s.random(), owners: make([]*simNode, s.shards)}
	}
	s.books, s.provider = &simBooks{s: s}, newSimProvider(s.random())
	for i := range s.size {
		n := &simNode{s: s, name: fmt.Sprintf("node-%d", i), host: fmt.Sprintf("localhost:%d", 8080+i),
			rng: s.random(), disk: newDisk()}
		s.nodes = append(s.nodes, n)
		n.start()
	}
	ended := make(chan struct{})
	var group, clients sync.WaitGroup
	if s.group != nil {
		group.Go(func() { s.group.run(ended, s.moves) })
	}
	stop := make(chan struct{})
	for i := range 2 + s.rng.IntN(6) {
		c := &simClient{s: s, rng: s.random(), name: fmt.Sprintf("client-%d", i),
			tenant: fmt.Sprintf("tenant-%d", i%4)}
		s.clients = append(s.clients, c)
		clients.Go(func() { c.run(stop) })
	}
	s.storm()
	s.heal()
	close(stop)
	if !within(10*time.Minute, &clients) {
		s.fault("a client still waits for its answer, long after everything is well")
	}
	s.final(ended, &group)
	close(s.quit)
	s.calls.Wait()
	s.dying.Wait()
	s.took = time.Since(s.began)
}

// within waits for what is going on, but not for ever.
func within(d time.Duration, wg *sync.WaitGroup) bool {
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	select {
	case <-over:
		return true
	case <-time.After(d):
		return false
	}
}

// connection is how a process reaches the brokers.
func (s *simulation) connection(n *simNode, w *wire) kafka.Connection {
	return kafka.Connection{Brokers: s.cluster.ListenAddrs(), ClientID: n.name, Dial: w.dial}
}

// open opens the log for a process.
func (s *simulation) open(
	ctx context.Context, n *simNode, w *wire, logger *slog.Logger,
) (compaction.Log, error) {
	return kafka.Open(ctx, kafka.Options{
		Connection: s.connection(n, w),
		Topics:     s.schema.Topics(), Shards: s.shards, Create: true,
		Node: n.name, Address: n.url(), Logger: logger, Clock: n.now,
	})
}

// fault notes what should not have happened.
func (s *simulation) fault(format string, args ...any) {
	s.note("FAULT: "+format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// found reports whether a wrong has been found, so that nothing more need happen.
func (s *simulation) found() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrong != nil && len(s.faults) > 0
}

// over reports whether nobody is to wait any longer.
func (s *simulation) over() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

// lease is how long a process reads without asking the log.
func (s *simulation) lease() time.Duration {
	if s.wrong != nil && s.wrong.lease > 0 {
		return s.wrong.lease
	}
	return session / 2
}

// mislead gives a node's engine a log without the rule that is left out.
func (s *simulation) mislead(n *simNode, l compaction.Log) compaction.Log {
	if s.wrong == nil {
		return l
	}
	return &wrongLog{Log: l, wrong: s.wrong, node: n}
}

// told says what the seed was about.
func (s *simulation) told() string {
	var names []string
	for _, m := range s.chosen {
		names = append(names, m.name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes, %d shards, standby %t, members %t, %d clients, ", len(s.nodes),
		s.shards, s.standby, s.members, len(s.clients))
	fmt.Fprintf(&b, "%d postings (%d never known), %d sales, %d over HTTP (%d hops), ",
		len(s.books.ops), s.unknown, len(s.books.sold), s.sent.Load(), s.hops.Load())
	fmt.Fprintf(&b, "%d groups, %d reads, %d repeats, %v virtual; %s", s.groups, s.reads.Load(),
		s.replays.Load(), s.took.Round(time.Second), strings.Join(names, ", "))
	return b.String()
}

// A simTrace keeps the last lines of what happened.
type simTrace struct {
	mu    sync.Mutex
	lines []string
}

const traced = 400

func (t *simTrace) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) >= 2*traced {
		t.lines = slices.Delete(t.lines, 0, traced)
	}
	t.lines = append(t.lines, line)
}

// String returns the lines.
func (t *simTrace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// note traces a line of the schedule.
func (s *simulation) note(format string, args ...any) {
	s.trace.add(fmt.Sprintf("%9.3f  %s", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...)))
}

// Write traces a line that a node logs.
func (s *simulation) Write(line []byte) (int, error) {
	s.note("        %s", bytes.TrimSpace(line))
	return len(line), nil
}

// shorten leaves the time out of a logged line.
func (s *simulation) shorten(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
