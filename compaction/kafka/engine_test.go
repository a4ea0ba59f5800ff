package kafka

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

// A fleet is a cluster of one broker in virtual time, for engines that share a log on it. Their
// clock stands still unless it is set: days can pass for them while minutes do for the broker.
type fleet struct {
	t       *testing.T
	cluster *kfake.Cluster
	network kfake.VirtualNetwork
	schema  *compaction.Schema
	clock   *compactiontest.Clock
}

// A node is an engine on a fleet's log.
type node struct {
	*compaction.Shards
	t    *testing.T
	log  *Log
	stop func()
}

// underway runs a test with a fleet.
func underway(t *testing.T, f func(f *fleet)) {
	synctest.Test(t, func(t *testing.T) {
		schema, err := compaction.NewSchema()
		if err != nil {
			t.Fatal(err)
		}
		w := &fleet{t: t, schema: schema, clock: compactiontest.NewClock(time.Now())}
		w.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092),
			kfake.ListenFn(w.network.Listen))
		if err != nil {
			t.Fatal(err)
		}
		defer w.cluster.Close()
		f(w)
	})
}

// start runs an engine with its stores in dir; on is what it takes for its log.
func (f *fleet) start(dir string, on func(compaction.Log) compaction.Log) *node {
	f.t.Helper()
	o := Options{Connection: Connection{Brokers: f.cluster.ListenAddrs(), Dial: f.network.DialContext},
		Topics: f.schema.Topics(), Shards: 1, Create: true, Logger: quiet, Node: "test"}
	l, err := Open(context.Background(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	s, err := compaction.NewShards(compaction.Options{Log: on(l), Schema: f.schema, Dir: dir,
		Secret: make([]byte, 32), Clock: f.clock.Now, Logger: quiet, Shared: true,
		Standby: true, CacheBytes: 1 << 20})
	if err != nil {
		f.t.Fatal(err)
	}
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	return &node{s, f.t, l, func() {
		f.t.Helper()
		cancel()
		if err := errors.Join(<-ended, l.Close()); err != nil {
			f.t.Error(err)
		}
	}}
}

func itself(l compaction.Log) compaction.Log { return l }

// own has a node own the shard.
func (n *node) own() {
	n.t.Helper()
	ctx := context.Background()
	if err := errors.Join(n.Own(ctx, []int{0}), n.Restored(ctx)); err != nil {
		n.t.Fatal(err)
	}
}

// number takes the next number of each of a tenant's series, in one group.
func (n *node) number(series ...string) {
	n.t.Helper()
	_, err := n.Do(context.Background(), compaction.Command{Tenant: "acme",
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			for _, s := range series {
				if _, err := compaction.NextNumber(tx, "acme", s); err != nil {
					return compaction.Answer{}, err
				}
			}
			return compaction.Answer{}, nil
		}})
	if err != nil {
		n.t.Fatal(err)
	}
}

// rebuilt fails the test unless the node has made its store from nothing so often.
func (n *node) rebuilt(want uint64) {
	n.t.Helper()
	if got := n.Stats()[0].Rebuilds; got != want {
		n.t.Errorf("the store was rebuilt %d times, want %d", got, want)
	}
	if r, err := n.CompareStore(context.Background(), 0); err != nil || r.Different != nil {
		n.t.Errorf("store and log differ in %v: %v", r.Different, err)
	}
}

// A store that was away while the cluster was set back to a snapshot, and written on past where the
// store stands, is not taken for one that is behind.
func TestStoreOfAClusterThatWasSetBack(t *testing.T) {
	for name, series := range map[string][]string{
		"groups like those that were": {"n"}, "larger groups": {"n", "m", "o"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var identity compaction.Identity
			// The snapshot has the ids of the cluster and of its topics: here another one takes them.
			snapshot := func(l compaction.Log) compaction.Log { return named{l, identity} }
			underway(t, func(f *fleet) {
				a := f.start(dir, itself)
				identity = a.log.Identity()
				a.own()
				for range 50 {
					a.number("n")
				}
				a.stop()
			})
			underway(t, func(f *fleet) {
				other := f.start(t.TempDir(), snapshot)
				other.own()
				for range 40 {
					other.number("n")
				}
				f.clock.Set(f.clock.Now().Add(time.Hour))
				for range 60 {
					other.number(series...)
				}
				other.stop()
				a := f.start(dir, snapshot)
				a.own()
				a.rebuilt(1)
				a.stop()
			})
		})
	}
}

// A named log goes by the identity of another one.
type named struct {
	compaction.Log
	identity compaction.Identity
}

func (n named) Identity() compaction.Identity { return n.identity }
