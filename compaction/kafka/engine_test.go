package kafka

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

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
	made uint64 // how often its store was made from nothing before the test looked
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
	return &node{s, 0, f.t, l, func() {
		f.t.Helper()
		cancel()
		if err := errors.Join(<-ended, l.Close()); err != nil {
			f.t.Error(err)
		}
	}}
}

func itself(l compaction.Log) compaction.Log { return l }

// ownerAndStandby starts two nodes: one that owns the shard and has written to it, and one that has
// what it wrote and takes on for its log.
func (f *fleet) ownerAndStandby(on func(compaction.Log) compaction.Log) (owner, standby *node) {
	f.t.Helper()
	owner, standby = f.start(f.t.TempDir(), itself), f.start(f.t.TempDir(), on)
	owner.own()
	owner.number("n")
	standby.level(owner)
	standby.settled()
	return owner, standby
}

// own has a node own the shard.
func (n *node) own() {
	n.t.Helper()
	ctx := context.Background()
	if err := errors.Join(n.Own(ctx, []int{0}), n.Restored(ctx)); err != nil {
		n.t.Fatal(err)
	}
}

// disown has it give the shard up.
func (n *node) disown() {
	n.t.Helper()
	if err := n.Own(context.Background(), nil); err != nil {
		n.t.Fatal(err)
	}
}

// number takes the next number of each of a tenant's series, in one group. One of which nothing was
// written is sent again, as by any client: a broker that meets the second of two requests before it
// has taken the first refuses it (KAFKA-15591).
func (n *node) number(series ...string) {
	n.t.Helper()
	decide := func(tx *compaction.Tx) (compaction.Answer, error) {
		for _, s := range series {
			if _, err := compaction.NextNumber(tx, "acme", s); err != nil {
				return compaction.Answer{}, err
			}
		}
		return compaction.Answer{}, nil
	}
	for again := 0; ; again++ {
		_, err := n.Do(context.Background(), compaction.Command{Tenant: "acme", Decide: decide})
		if err == nil {
			return
		}
		if !errors.Is(err, compaction.ErrNotCommitted) || again == 5 {
			n.t.Fatal(err)
		}
	}
}

// level waits until the node's store, of which it is no owner, has what another one has committed.
// What that one has applied may lag behind what it has answered.
func (n *node) level(with *node) {
	n.t.Helper()
	last, _, err := with.log.Last(context.Background(), 0)
	if err != nil {
		n.t.Fatal(err)
	}
	for range 100 {
		s := n.Stats()[0]
		if s.Standby && s.Group == last {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	n.t.Fatalf("the standby has not come: %+v", n.Stats()[0])
}

// settled is called when the node has its store: one that is told to own its shard while it makes
// the store makes it twice.
func (n *node) settled() { n.made = n.Stats()[0].Rebuilds }

// rebuilt fails the test unless it is so that the node has made its store from nothing since. A
// node that was told to doubt its shard may not serve it yet.
func (n *node) rebuilt(want bool) {
	n.t.Helper()
	r, err := n.CompareStore(context.Background(), 0)
	for range 600 {
		if !errors.Is(err, compaction.ErrNotServing) {
			break
		}
		time.Sleep(100 * time.Millisecond)
		r, err = n.CompareStore(context.Background(), 0)
	}
	if err != nil || r.Different != nil {
		n.t.Errorf("store and log differ in %v: %v", r.Different, err)
	}
	if got := n.Stats()[0].Rebuilds; got > n.made != want {
		n.t.Errorf("the store was rebuilt %d times, want that it was: %t", got-n.made, want)
	}
}

const day = 24 * time.Hour

// An idle shard's stores are level with the log for as long as nobody writes, the owner's and the
// standbys', and each of them takes over without a rebuild: on a cluster a claim writes to every
// topic, so that a position alone tells nothing of what was missed.
func TestIdleStoresStayLevel(t *testing.T) {
	underway(t, func(f *fleet) {
		a, b := f.start(t.TempDir(), itself), f.start(t.TempDir(), itself)
		defer a.stop()
		defer b.stop()
		a.own()
		a.number("n", "m")
		b.level(a)
		a.settled()
		b.settled()
		idle := func() {
			time.Sleep(3 * time.Minute) // each has looked
			f.clock.Set(f.clock.Now().Add(5 * day))
			time.Sleep(3 * time.Minute) // and again
		}
		idle()
		a.number("n")
		b.level(a)
		idle()
		a.disown()
		b.own()
		b.rebuilt(false)
		b.number("n")
		a.level(b)
		idle()
		// Claimed for a moment by a command, and claimed again by who owns it.
		other := f.start(t.TempDir(), itself)
		other.own()
		other.stop()
		b.Doubt(0)
		b.own()
		b.rebuilt(false)
		b.disown()
		a.own()
		a.rebuilt(false)
	})
}

// A node that was stopped for longer than tombstones are sure to be there has missed none of them
// where nothing was written meanwhile but its own claim.
func TestIdleStoreOfANodeThatWasStopped(t *testing.T) {
	underway(t, func(f *fleet) {
		dir := t.TempDir()
		a := f.start(dir, itself)
		a.own()
		a.number("n")
		time.Sleep(3 * time.Minute) // it has looked
		a.stop()
		f.clock.Set(f.clock.Now().Add(5 * day))
		a = f.start(dir, itself)
		a.own()
		a.rebuilt(false)
		a.stop()
		f.clock.Set(f.clock.Now().Add(5 * day))
		b := f.start(t.TempDir(), itself)
		b.own()
		b.number("n")
		b.stop()
		a = f.start(dir, itself)
		a.own()
		a.rebuilt(true)
		a.stop()
	})
}

// A standby that could not reach the log for longer than tombstones are sure to be there is made
// anew, even if what it then hears of comes to it without a gap, and even if it is a claim alone:
// what is not there any more may have been a tombstone.
func TestStandbyThatWasCutOff(t *testing.T) {
	for name, meanwhile := range map[string]func(owner *node){
		"a group": func(owner *node) { owner.number("n") },
		"a claim": func(owner *node) { owner.disown(); owner.own() },
	} {
		t.Run(name, func(t *testing.T) {
			underway(t, func(f *fleet) {
				cut := &cutLog{}
				a, b := f.ownerAndStandby(func(l compaction.Log) compaction.Log {
					cut.Log = l
					return cut
				})
				defer a.stop()
				defer b.stop()
				cut.off.Store(true)
				f.clock.Set(f.clock.Now().Add(5 * day))
				time.Sleep(3 * time.Minute)
				meanwhile(a)
				time.Sleep(time.Second)
				cut.off.Store(false)
				time.Sleep(3 * time.Minute)
				b.level(a)
				a.disown()
				b.own()
				b.rebuilt(true)
			})
		})
	}
}

// A cutLog does not say where it ends while it is cut off.
type cutLog struct {
	compaction.Log
	off atomic.Bool
}

func (c *cutLog) End(ctx context.Context, shard int) (compaction.Positions, error) {
	if c.off.Load() {
		return nil, errors.New("cut off")
	}
	return c.Log.End(ctx, shard)
}

// TestStandbyOfALogSetBack: a standby whose reader meets a log that was set back throws its store
// away. It opened the store again, and what the log has by then may not show that it is another's.
func TestStandbyOfALogSetBack(t *testing.T) {
	underway(t, func(f *fleet) {
		back := &backLog{}
		a, b := f.ownerAndStandby(func(l compaction.Log) compaction.Log {
			back.Log = l
			return back
		})
		defer a.stop()
		defer b.stop()
		back.once.Store(true)
		a.number("n")
		time.Sleep(time.Minute)
		b.level(a)
		a.disown()
		b.own()
		b.rebuilt(true)
	})
}

// A backLog is found to be set back once, by whoever reads on in it.
type backLog struct {
	compaction.Log
	once atomic.Bool
}

func (l *backLog) Read(
	ctx context.Context, shard int, r compaction.Range,
) (compaction.Reader, error) {
	reader, err := l.Log.Read(ctx, shard, r)
	return &backReader{reader, l}, err
}

type backReader struct {
	compaction.Reader
	log *backLog
}

func (r *backReader) Next(ctx context.Context) (compaction.Batch, error) {
	b, err := r.Reader.Next(ctx)
	if err == nil && r.log.once.CompareAndSwap(true, false) {
		return compaction.Batch{}, compaction.ErrSetBack
	}
	return b, err
}

// TestQuietOwnerIsLevel: an owner whose last groups wrote nothing had its store stand before their
// traces, as if it were behind by two for each: a quiet shard never came to nothing.
func TestQuietOwnerIsLevel(t *testing.T) {
	underway(t, func(f *fleet) {
		a := f.start(t.TempDir(), itself)
		defer a.stop()
		level := func(when string) {
			t.Helper()
			time.Sleep(time.Second) // markers are written, in virtual time
			end, err := a.log.End(context.Background(), 0)
			if err != nil {
				t.Fatal(err)
			}
			s := a.Stats()[0]
			for _, p := range end {
				if at := s.Positions.Of(p.Topic); p.Next-at > 1 { // the marker of the last transaction
					t.Errorf("%s: the store stands at %d of %s, which ends at %d", when, at, p.Topic, p.Next)
				}
			}
			if last, _, err := a.log.Last(context.Background(), 0); err != nil || last != s.Group {
				t.Errorf("%s: the store is at group %d, the log at %d (%v)", when, s.Group, last, err)
			}
		}
		a.own()
		level("claimed")
		a.number("n")
		level("after a group")
		for range 5 {
			a.number() // nothing, which is confirmed by an append all the same
		}
		level("after groups without records")
		a.number("n", "m")
		level("after another group")
	})
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
				a.rebuilt(true)
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

// TestLogUnreachable: while no broker answers, reads go on for the lease, and then they and writes
// are refused with an error that says so. What was acknowledged is there when the brokers are back.
func TestLogUnreachable(t *testing.T) {
	underway(t, func(f *fleet) {
		a := f.start(t.TempDir(), itself)
		defer a.stop()
		a.own()
		for range 3 {
			a.number("n")
		}
		var down atomic.Bool
		f.cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
			f.cluster.KeepControl()
			if down.Load() {
				return nil, errors.New("down"), true
			}
			return nil, nil, false
		})
		down.Store(true)
		if n, err := a.last(); err != nil || n != 3 {
			t.Errorf("within the lease: %d, %v, want 3", n, err)
		}
		time.Sleep(6 * time.Second)
		if _, err := a.last(); !errors.Is(err, compaction.ErrUnreachable) {
			t.Errorf("reading after the lease: %v, want ErrUnreachable", err)
		}
		time.Sleep(30 * time.Second)
		began := time.Now()
		_, err := a.Do(context.Background(), compaction.Command{Tenant: "acme"})
		if !errors.Is(err, compaction.ErrUnreachable) || time.Since(began) > 0 {
			t.Errorf("writing: %v after %v, want ErrUnreachable at once", err, time.Since(began))
		}
		if _, err := a.last(); !errors.Is(err, compaction.ErrUnreachable) {
			t.Errorf("reading: %v, want ErrUnreachable", err)
		}
		down.Store(false)
		time.Sleep(2 * time.Minute)
		if n, err := a.last(); err != nil || n != 3 {
			t.Errorf("when the brokers are back: %d, %v, want 3", n, err)
		}
		a.number("n")
		a.settled()
		a.rebuilt(false)
	})
}

// last returns the last number that was taken.
func (n *node) last() (last uint64, err error) {
	err = n.Read("acme", func(v *compaction.View) error {
		last, _, err = compaction.Counters.Get(v, compaction.Key("acme", "n"))
		return err
	})
	return last, err
}
