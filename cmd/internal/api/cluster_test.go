package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// clusterShards is how many shards the log of a cluster has: enough that acme, bolt and the
// platform are on three of them.
const clusterShards = 16

// A cluster is several nodes that share a log: an engine, an API and a server each.
type cluster struct {
	*world    // what it sends goes to the node named by entry
	nodes     []*node
	directory *directory
	entry     int
	secret    []byte
}

// A node is one process of a cluster.
type node struct {
	shards *compaction.Shards
	api    *API
	server *httptest.Server
	log    *safeBuffer
	// before sees what is passed on to the node, and may answer in its place by returning true.
	before func(w http.ResponseWriter, r *http.Request) bool
}

// A directory says who owns which shard, as the nodes' Peers.
type directory struct {
	mu      sync.Mutex
	owner   map[int]string
	changed chan struct{}
}

func (d *directory) set(address string, shards ...int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range shards {
		d.owner[n] = address
	}
	close(d.changed)
	d.changed = make(chan struct{})
}

// A peer is a directory as one node sees it.
type peer struct {
	*directory
	self string
}

// Owner returns who owns a shard.
func (p peer) Owner(shard int) (string, bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	address := p.owner[shard]
	return address, address != "" && address == p.self, p.changed
}

// A safeBuffer is a log that may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newCluster runs nodes on one log. The platform's shard is of the first, acme's of the second,
// bolt's of the last, and all others of the first.
func newCluster(t testing.TB, count int, change ...func(*Options)) *cluster {
	t.Helper()
	return newLeasedCluster(t, 0, count, change...)
}

// newLeasedCluster is newCluster with a time for which ownership goes without being confirmed.
func newLeasedCluster(
	t testing.TB, lease time.Duration, count int, change ...func(*Options),
) *cluster {
	t.Helper()
	c := &cluster{directory: &directory{owner: map[int]string{}, changed: make(chan struct{})},
		secret: []byte("a secret of hops of thirty-two bytes")}
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		t.Fatal(err)
	}
	quiet, dir := slog.New(slog.DiscardHandler), t.TempDir()
	l, err := local.Open(dir+"/log", schema.Topics(),
		local.Options{Shards: clusterShards, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		ended.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range count {
		s, err := compaction.NewShards(compaction.Options{Log: l, Schema: schema, Logger: quiet,
			Dir: fmt.Sprintf("%s/store-%d", dir, i), Shared: true, Lease: lease,
			Secret: []byte("a secret of thirty-two characters")})
		if err != nil {
			t.Fatal(err)
		}
		ended.Go(func() {
			if err := s.Run(running); err != nil {
				t.Error(err)
			}
		})
		c.nodes = append(c.nodes, c.newNode(t, s, change))
	}
	c.world = &world{t: t, log: &bytes.Buffer{}, keys: map[string]string{}, ids: map[string]string{}}
	c.divide()
	for _, tenant := range []string{"acme", "bolt", "platform"} {
		c.shards = c.owner(tenant).shards
		c.tenant(tenant)
	}
	c.world.handler = http.HandlerFunc(c.serve)
	c.world.api = c.nodes[0].api
	return c
}

func (c *cluster) newNode(
	t testing.TB, s *compaction.Shards, change []func(*Options),
) *node {
	t.Helper()
	n := &node{shards: s, log: &safeBuffer{}}
	n.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.before != nil && r.Header.Get(hopHeader) != "" && n.before(w, r) {
			return
		}
		n.api.ServeHTTP(w, r)
	}))
	t.Cleanup(n.server.Close)
	o := Options{Shards: s, Version: "test", Peers: peer{c.directory, n.server.URL},
		HopSecret: c.secret, Logger: slog.New(slog.NewTextHandler(n.log, nil))}
	for _, f := range change {
		f(&o)
	}
	var err error
	if n.api, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.api.transport.CloseIdleConnections)
	return n
}

// patient has requests wait for their shards for as long as a busy machine may take to move one.
func (c *cluster) patient() {
	for _, n := range c.nodes {
		n.api.patience = time.Minute
	}
}

// shard returns the shard of a tenant.
func shardOf(tenant string) int { return compaction.ShardOf(tenant, clusterShards) }

// divide gives every shard to its first owner.
func (c *cluster) divide() {
	owned := make([][]int, len(c.nodes))
	for n := range clusterShards {
		switch n {
		case shardOf("acme"):
			owned[1] = append(owned[1], n)
		case shardOf("bolt"):
			owned[len(c.nodes)-1] = append(owned[len(c.nodes)-1], n)
		default:
			owned[0] = append(owned[0], n)
		}
	}
	for i, shards := range owned {
		c.own(i, shards...)
	}
}

// own has a node own these shards and no others, and says so in the directory.
func (c *cluster) own(i int, shards ...int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n := c.nodes[i]
	if err := errors.Join(n.shards.Own(ctx, shards), n.shards.Ready(ctx)); err != nil {
		panic(err)
	}
	c.directory.set(n.server.URL, shards...)
}

// owner returns the node that the directory names for a tenant.
func (c *cluster) owner(tenant string) *node {
	address, _, _ := peer{c.directory, ""}.Owner(shardOf(tenant))
	for _, n := range c.nodes {
		if n.server.URL == address {
			return n
		}
	}
	return nil
}

// serve sends what a test sends over the network to the entry.
func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	r.RequestURI = ""
	target := c.nodes[c.entry].server.URL + r.URL.RequestURI()
	out, err := http.NewRequestWithContext(r.Context(), r.Method, target, r.Body)
	if err != nil {
		c.t.Error(err)
		return
	}
	out.Header, out.ContentLength = r.Header.Clone(), r.ContentLength
	res, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		return
	}
	defer res.Body.Close()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(w, res.Body); err != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
}

// logs are what all nodes logged.
func (c *cluster) logs() (text string) {
	for i, n := range c.nodes {
		text += fmt.Sprintf("node %d: %s\n", i, n.log)
	}
	return text
}
