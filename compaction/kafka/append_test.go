package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// The suite's topics, by their class.
const (
	open       = compactiontest.OpenTopic
	background = compactiontest.BackgroundTopic
	journal    = compactiontest.JournalTopic
)

func rec(topic, key, value string) compaction.Record {
	return compaction.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

// three is a group of three records in three topics.
func three(n uint64) compaction.Group {
	value := fmt.Sprint(n)
	return compaction.Group{Number: n, Time: time.Unix(int64(n), 0), Records: []compaction.Record{
		rec(open, "a", value), rec(background, "a", value), rec(journal, "a", value),
	}}
}

func claim(tb testing.TB, l *Log, shard int) *writer {
	tb.Helper()
	w, err := l.Claim(tb.Context(), shard)
	if err != nil {
		tb.Fatal(err)
	}
	return w.(*writer)
}

func add(tb testing.TB, w compaction.Writer, groups ...compaction.Group) {
	tb.Helper()
	for _, g := range groups {
		if _, err := w.Append(tb.Context(), g); err != nil {
			tb.Fatalf("append group %d: %v", g.Number, err)
		}
	}
}

// within changes how long each step of an append may take.
func (w *writer) within(change func(p *patience)) {
	for _, p := range w.ring {
		change(&p.patience)
	}
}

// refused appends a group that must fail in a way.
func refused(tb testing.TB, w compaction.Writer, g compaction.Group, want error) {
	tb.Helper()
	if _, err := w.Append(tb.Context(), g); !errors.Is(err, want) {
		tb.Fatalf("append group %d: %v, want %v", g.Number, err, want)
	}
}

// contents reads a shard up to a position: how many records of each group there are, and the last
// batch.
func contents(tb testing.TB, l *Log, shard int, g compaction.Range) (
	map[uint64]int, compaction.Batch,
) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	r, err := l.Read(ctx, shard, g)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	groups := map[uint64]int{}
	var last compaction.Batch
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return groups, last
		}
		if err != nil {
			tb.Fatal(err)
		}
		for _, e := range b.Entries {
			groups[e.Group]++
		}
		last = b
	}
}

// holds checks that a claim finds groups 1 to last, each whole and once, and returns its writer.
func holds(tb testing.TB, l *Log, shard int, last uint64) *writer {
	tb.Helper()
	w := claim(tb, l, shard)
	groups, b := contents(tb, l, shard, compaction.Range{To: w.Start()})
	for n := uint64(1); n <= last; n++ {
		if groups[n] != 3 {
			tb.Errorf("group %d has %d records, want 3", n, groups[n])
		}
		delete(groups, n)
	}
	if len(groups) > 0 || b.Group != last {
		tb.Errorf("groups %v are there too, and the last one is %d, want %d", groups, b.Group, last)
	}
	return w
}

// fresh makes a place for a new log: brokers, and a prefix that no other log has there.
type fresh func(tb testing.TB) (brokers []string, prefix string)

// models makes a cluster in this process for each log.
func models(tb testing.TB) ([]string, string) { return model(tb).ListenAddrs(), "" }

// onModel runs a test on models of a cluster.
func onModel(t *testing.T, test func(t *testing.T, fresh fresh)) { test(t, models) }

// again opens a log a second time, as another process does. Its way there is its own.
func again(tb testing.TB, l *Log) *Log {
	tb.Helper()
	return opened(tb, suiteOptions(l.options.Brokers, l.options.Prefix))
}

// TestAppendBroker: what holds on a model when the wire fails and claims cross holds on a real
// broker.
func TestAppendBroker(t *testing.T) {
	shared := kafkatest.Shared(t)
	brokers := func(tb testing.TB) ([]string, string) { return shared.Addrs(), kafkatest.Prefix(tb) }
	for name, test := range map[string]func(t *testing.T, fresh fresh){
		"TooLarge": appendTooLarge, "Lost": appendLost, "Unknown": appendUnknown,
		"FencedLate": appendFencedLate, "Fenced": appendFenced, "Displaced": appendDisplaced,
	} {
		t.Run(name, func(t *testing.T) { test(t, brokers) })
	}
}

// TestAppendFails: a record that a broker refuses takes the whole group with it. The client alone
// would have committed the others. The writer is as good as before.
func TestAppendFails(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	add(t, w, three(1))
	for i, topic := range []string{open, journal, background, open} {
		f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic,
			Err: kerr.InvalidRecord, Count: 1})
		refused(t, w, three(uint64(i)+2), compaction.ErrNotCommitted)
		f.Remove()
		add(t, w, three(uint64(i)+2))
	}
	holds(t, l, 0, 5)
}

// TestAppendTooLarge: the largest record that any log takes fits into a batch, even where nothing
// of it can be compressed; a larger one is refused before anything is sent.
func TestAppendTooLarge(t *testing.T) { onModel(t, appendTooLarge) }

func appendTooLarge(t *testing.T, fresh fresh) {
	l := opened(t, suiteOptions(fresh(t)))
	w := claim(t, l, 0)
	g := three(1)
	g.Records[2].Value = incompressible(compaction.MaxRecordBytes)
	refused(t, w, g, compaction.ErrNotCommitted)
	g.Records[2].Value = g.Records[2].Value[len(g.Records[2].Key):]
	add(t, w, g)
	holds(t, l, 0, 1)
}

// incompressible returns so many bytes that no codec makes fewer of.
func incompressible(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // it never fails
	return b
}

// TestAppendLost: where the answer to a commit is lost the client asks again, and the answer is
// that of the commit. The group is there once.
func TestAppendLost(t *testing.T) { onModel(t, appendLost) }

func appendLost(t *testing.T, fresh fresh) {
	for _, f := range []fate{loseAnswer, loseRequest} {
		l, wire := wired(t, fresh)
		w := claim(t, l, 0)
		add(t, w, three(1))
		wire.next(kmsg.EndTxn, f, 1, nil)
		add(t, w, three(2), three(3))
		holds(t, l, 0, 3)
	}
}

// TestAppendUnknown: a commit whose answer never comes was done or not, and the writer must not
// say which. After it the writer takes nothing more; the next claim finds out.
func TestAppendUnknown(t *testing.T) { onModel(t, appendUnknown) }

func appendUnknown(t *testing.T, fresh fresh) {
	for f, last := range map[fate]uint64{loseAnswer: 2, loseRequest: 1} {
		l, wire := wired(t, fresh)
		w := claim(t, l, 0)
		add(t, w, three(1))
		w.within(func(p *patience) { p.commit = time.Second }) // from now on only
		wire.next(kmsg.EndTxn, f, 1, nil)
		rest := wire.next(kmsg.EndTxn, loseRequest, 1000, nil)
		refused(t, w, three(2), compaction.ErrUnknownOutcome)
		refused(t, w, three(3), compaction.ErrUnknownOutcome)
		rest.over()
		next := holds(t, l, 0, last)
		add(t, next, three(last+1))
	}
}

// TestAppendFencedLate: a commit was done, its answer was lost, and by the time it is asked for
// again another has claimed the shard. The broker then says that the writer is fenced, which is
// true and does not say what became of the commit.
func TestAppendFencedLate(t *testing.T) { onModel(t, appendFencedLate) }

func appendFencedLate(t *testing.T, fresh fresh) {
	l, wire := wired(t, fresh)
	w := claim(t, l, 0)
	wire.next(kmsg.EndTxn, loseAnswer, 1, nil)
	retry := wire.next(kmsg.EndTxn, hold, 1, nil)
	done := make(chan error, 1)
	go func() {
		_, err := w.Append(t.Context(), three(1))
		done <- err
	}()
	<-retry.met
	other := again(t, l)
	holds(t, other, 0, 1)
	retry.release()
	if err := <-done; !errors.Is(err, compaction.ErrUnknownOutcome) {
		t.Errorf("%v of a commit that was done, want ErrUnknownOutcome", err)
	}
}

// TestAppendGivenUp: whoever gives an append up does not know what became of it.
func TestAppendGivenUp(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.EndTxn} {
		l, wire := wired(t, models)
		w := claim(t, l, 0)
		held := wire.next(key, hold, 1, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-held.met
			cancel()
		}()
		if _, err := w.Append(ctx, three(1)); !errors.Is(err, compaction.ErrUnknownOutcome) {
			t.Errorf("given up at %s: %v, want ErrUnknownOutcome", key.Name(), err)
		}
		held.release()
		refused(t, w, three(2), compaction.ErrUnknownOutcome)
	}
}

// TestAppendConcurrent: a broker that is still busy with an earlier transaction says so, and the
// client tries again. With the client's own settings one such answer takes five seconds.
func TestAppendConcurrent(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	add(t, w, three(1), three(2), three(3)) // each of the ring knows its topics
	// Milliseconds are wanted. A busy machine is late, but not by five seconds.
	const long = 4 * time.Second
	for i, key := range []kmsg.Key{kmsg.Produce, kmsg.EndTxn} {
		f := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.ConcurrentTransactions, Count: 3})
		began := time.Now()
		add(t, w, three(uint64(i)+4))
		if took := time.Since(began); took > long {
			t.Errorf("%s: %v, want milliseconds", key.Name(), took)
		}
		if f.Hits() == 0 {
			t.Errorf("no %s was refused", key.Name())
		}
		f.Remove()
	}
	f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID},
		Err: kerr.ConcurrentTransactions, Count: 3})
	began := time.Now()
	holds(t, l, 0, 5)
	if took := time.Since(began); took > long || f.Hits() == 0 {
		t.Errorf("a claim took %v", took)
	}
}

// TestAppendCoordinator: a coordinator that moves or is being loaded makes an append wait.
func TestAppendCoordinator(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	for i, e := range []*kerr.Error{
		kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress,
	} {
		f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: e, Count: 2})
		add(t, w, three(uint64(i)+1))
		if f.Hits() != 2 {
			t.Errorf("%v: %d requests were refused, want 2", e, f.Hits())
		}
	}
	holds(t, l, 0, 3)
}

// TestAppendStalled: a topic that takes nothing, such as one that has lost its replicas, aborts
// the group, and the writer goes on when it does again.
func TestAppendStalled(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	add(t, w, three(1))
	w.within(func(p *patience) { p.produce = 200 * time.Millisecond })
	f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: journal,
		Err: kerr.NotEnoughReplicas, Count: -1})
	refused(t, w, three(2), compaction.ErrNotCommitted)
	f.Remove()
	w.within(func(p *patience) { *p = defaultPatience })
	add(t, w, three(2))
	holds(t, l, 0, 2)
}

// outsider takes one id of a shard's ring away, as the first step of a claim does.
func outsider(t *testing.T, brokers []string, id string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.TransactionalID(id))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestAppendFenced: a fence on any id of the ring ends the writer: it must not go on with the
// others.
func TestAppendFenced(t *testing.T) { onModel(t, appendFenced) }

func appendFenced(t *testing.T, fresh fresh) {
	for k := range ringSize {
		l := opened(t, suiteOptions(fresh(t)))
		w := claim(t, l, 0)
		outsider(t, l.options.Brokers, l.transactionalID(0, k))
		n := uint64(1)
		for ; w.turn != k; n++ {
			add(t, w, three(n))
		}
		for range ringSize {
			refused(t, w, three(n), compaction.ErrFenced)
		}
		holds(t, l, 0, n-1)
	}
}

// TestAppendDisplaced: an owner whose transaction is open when another claims the shard is fenced,
// and nothing of the transaction is seen.
func TestAppendDisplaced(t *testing.T) { onModel(t, appendDisplaced) }

func appendDisplaced(t *testing.T, fresh fresh) {
	l, wire := wired(t, fresh)
	w := claim(t, l, 0)
	add(t, w, three(1))
	end := wire.next(kmsg.EndTxn, hold, 1, nil)
	done := make(chan error, 1)
	go func() {
		_, err := w.Append(t.Context(), three(2))
		done <- err
	}()
	<-end.met
	other := again(t, l)
	next := holds(t, other, 0, 1)
	end.release()
	if err := <-done; !errors.Is(err, compaction.ErrFenced) {
		t.Errorf("%v, want ErrFenced", err)
	}
	add(t, next, three(2))
	holds(t, other, 0, 2)
}

// TestAppendOrder: producers take turns, and no group begins before the one before it has ended.
func TestAppendOrder(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	var got []string
	c.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		switch r := req.(type) {
		case *kmsg.InitProducerIDRequest:
			got = append(got, "init "+(*r.TransactionalID)[len("quittance-shard-0-"):])
		case *kmsg.ProduceRequest:
			if id := *r.TransactionID; len(got) == 0 || got[len(got)-1] != "produce "+id[len(id)-1:] {
				got = append(got, "produce "+id[len(id)-1:])
			}
		case *kmsg.EndTxnRequest:
			got = append(got, "end "+r.TransactionalID[len("quittance-shard-0-"):])
		}
		return nil, nil, false
	})
	w := claim(t, l, 0)
	add(t, w, three(1), three(2), three(3))
	c.DropControl()
	want := []string{"init 0", "init 1", "init 2", "produce 0", "end 0", "produce 1", "end 1",
		"produce 2", "end 2", "produce 0", "end 0"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// admins returns a client for what operators do to topics.
func admins(tb testing.TB, brokers []string) *kadm.Client {
	tb.Helper()
	cl, err := kadm.NewOptClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cl.Close)
	return cl
}

// emptied takes the records before a position out of a topic, as cleaning does in time.
func emptied(tb testing.TB, admin *kadm.Client, topic string, p compaction.Positions) {
	tb.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, p.Of(topic), -1)
	all, err := admin.DeleteRecords(tb.Context(), offsets)
	if err == nil {
		err = all.Error()
	}
	if err != nil {
		tb.Fatal(err)
	}
}
