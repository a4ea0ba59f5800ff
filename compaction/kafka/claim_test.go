package kafka

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// produced writes a record as a program does that is not this one.
func produced(tb testing.TB, brokers []string, r *kgo.Record) {
	tb.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		tb.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(tb.Context(), r).FirstErr(); err != nil {
		tb.Fatal(err)
	}
}

// at returns the record of a topic at an offset.
func at(tb testing.TB, l *Log, shard int, topic string, offset int64) (found *kgo.Record) {
	tb.Helper()
	f := &fetcher{log: l, cl: l.admin, shard: shard}
	to := map[string]int64{topic: offset + 1}
	err := f.sweep(tb.Context(), []want{{topic: topic, from: offset}}, to, func(p piece) error {
		for _, r := range p.records {
			if r.Offset == offset {
				found = r
			}
		}
		return nil
	})
	if err != nil || found == nil {
		tb.Fatalf("%s has nothing at %d (%v)", topic, offset, err)
	}
	return found
}

// TestClaimBarrier: a claim leaves one barrier in every topic of its shard, in one transaction, and
// all of them say the same. Replay ends behind them.
func TestClaimBarrier(t *testing.T) {
	o := suiteOptions(model(t).ListenAddrs(), "acme.")
	o.Address, o.Node = "10.0.0.1:8080", "one"
	o.Clock = func() time.Time { return time.Unix(42, 0) }
	l := opened(t, o)
	add(t, claim(t, l, 1), three(1), three(2))
	w := claim(t, l, 1)
	for _, name := range l.names {
		r := at(t, l, 1, name, w.Start().Of(name)-1)
		h, err := headerOf(r)
		want := header{barrierKind, 2, 0, 2, stamped(2, three(2).Time)}
		if err != nil || h != want {
			t.Errorf("%s: %+v, %v; want %+v", name, h, err, want)
		}
	}
	r := at(t, l, 1, ShardsTopic, w.Start().Of(ShardsTopic)-1)
	m := &compactionv1.ShardRecord{}
	if err := proto.Unmarshal(r.Value, m); err != nil {
		t.Fatal(err)
	}
	if string(r.Key) != "1" || m.Node != "one" || m.Address != "10.0.0.1:8080" || m.Epoch != 2 ||
		m.ClaimedUnixNano != 42e9 || m.Ring != ringSize || len(m.Topics) != len(l.names) {
		t.Errorf("the claim is %s = %v", r.Key, m)
	}
}

// TestClaimSilent: groups that compaction leaves nothing of take their numbers all the same: those
// without records, those of tombstones alone, those in topics that are kept for a time. The next
// claim goes on after them, and readers of any topics know of them.
func TestClaimSilent(t *testing.T) {
	c := model(t)
	o := suiteOptions(c.ListenAddrs(), "")
	events := compaction.Topic{Name: "quittance.test.events.v1", Class: compaction.AppendOnly,
		Retention: time.Hour}
	o.Topics = append(o.Topics, events)
	l := opened(t, o)
	tombstone := compaction.Record{Topic: open, Key: []byte("a")}
	both := []compaction.Record{rec(open, "b", "1"), {Topic: open, Key: []byte("b")}}
	admin := admins(t, c.ListenAddrs())
	last := uint64(0)
	for i, records := range [][]compaction.Record{
		nil, {tombstone}, {rec(events.Name, "a", "1")}, both, {tombstone}, nil,
	} {
		w := claim(t, l, 0)
		if w.last != last {
			t.Fatalf("before %v: the last group is %d, want %d", records, w.last, last)
		}
		add(t, w, three(last+1))
		last += 2
		g := compaction.Group{Number: last, Time: time.Unix(int64(last), 0), Records: records}
		add(t, w, g)
		// What compaction and retention would leave of the topics in a while.
		for _, topic := range []string{open, events.Name} {
			if i == 0 {
				break
			}
			emptied(t, admin, topic, w.ends)
		}
		next := claim(t, l, 0)
		if next.last != last {
			t.Fatalf("after %v: the last group is %d, want %d", records, next.last, last)
		}
		for _, topics := range [][]string{nil, {journal}, {background, journal}} {
			r := compaction.Range{To: next.Start(), Topics: topics}
			_, b := contents(t, l, 0, r)
			if b.Group != last || !b.Time.Equal(g.Time) || !b.Next.Reached(r.To.Only(topics)) {
				t.Errorf("%v of %v: it ends in group %d at %v, want %d at %v", topics, records,
					b.Group, b.Time, last, g.Time)
			}
		}
	}
}

// TestClaimMade: a topic that was deleted, or made anew since, has lost what it held. The shard
// must not be served without it, and a start that makes what is missing must not make that.
func TestClaimMade(t *testing.T) {
	brokers := model(t).ListenAddrs()
	o := suiteOptions(brokers, "acme.")
	first := opened(t, o)
	w := claim(t, first, 0)
	add(t, w, three(1))
	add(t, w, compaction.Group{Number: 2}) // the last record of the shards' topic is no claim
	r := reading(t, first, 0, compaction.Range{})
	refuses := func(when string, says ...string) {
		t.Helper()
		var faults *FaultsError
		_, err := Open(t.Context(), o)
		if !errors.As(err, &faults) || !errors.Is(err, compaction.ErrReplaced) {
			t.Errorf("%s: %v, want a *FaultsError", when, err)
			return
		}
		for _, want := range append(says, "restore the cluster") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in %v", when, want, err)
			}
		}
		if strings.Contains(err.Error(), "topics apply") {
			t.Errorf("%s: it advises to make it: %v", when, err)
		}
	}
	deleted(t, first, background)
	if _, err := first.Claim(t.Context(), 1); err == nil ||
		!strings.Contains(err.Error(), "topics are missing, or may not be seen: acme."+background) {
		t.Errorf("claimed without a topic: %v", err)
	}
	refuses("without a topic", "acme."+background+": it is missing", "do not make it anew")
	made(t, first, background)
	refuses("without what was in a topic", "acme."+background+": the topic was deleted and made anew")
	var err error
	for err == nil {
		_, err = r.Next(t.Context())
	}
	if !errors.Is(err, compaction.ErrReplaced) {
		t.Errorf("a reader of the topic that was: %v", err)
	}
	// Nothing else says how many shards there are: it is no log of another size.
	deleted(t, first, ShardsTopic)
	o.Shards = 0
	refuses("without the topic of the shards", "acme."+ShardsTopic+": it is missing", "nor delete")
}

// TestOpenAtOnce: nodes that are started at the same moment make the topics together. One that had
// looked for them before another made the last and claimed a shard with it took that topic for
// lost, and told its operator to restore the cluster.
func TestOpenAtOnce(t *testing.T) {
	brokers := model(t).ListenAddrs()
	o := suiteOptions(brokers, "acme.")
	deleted(t, opened(t, o), background) // it was not made yet
	late, wire := o, &wire{}
	late.Dial = wire.dial
	looked := wire.next(kmsg.ListOffsets, hold, 1, nil)
	ended := make(chan error, 1)
	go func() {
		l, err := Open(t.Context(), late)
		if err == nil {
			err = l.Close()
		}
		ended <- err
	}()
	<-looked.met
	claim(t, opened(t, o), 0)
	looked.release()
	if err := <-ended; err != nil {
		t.Errorf("the later of two nodes: %v", err)
	}
}

// TestClaimRing: programs with rings of different size would not fence each other.
func TestClaimRing(t *testing.T) {
	brokers := model(t).ListenAddrs()
	l := opened(t, suiteOptions(brokers, ""))
	value, err := proto.Marshal(&compactionv1.ShardRecord{Ring: ringSize + 1, Epoch: 1,
		Cluster: l.report.Cluster})
	if err != nil {
		t.Fatal(err)
	}
	produced(t, brokers, l.record(0, ShardsTopic, claimKey(0), value,
		header{barrierKind, 0, 0, 1, 0}.append(nil)))
	if _, err := l.Claim(t.Context(), 0); err == nil {
		t.Error("claimed a shard that is written by a larger ring")
	}
}

// TestClaimLost: a claim whose barrier is not known to be committed fails, and can be made again.
func TestClaimLost(t *testing.T) {
	for _, f := range []fate{loseRequest, loseAnswer} {
		l, wire := wired(t, models)
		add(t, claim(t, l, 0), three(1))
		l.patience.commit = 100 * time.Millisecond
		lost := wire.next(kmsg.EndTxn, f, 1000, nil)
		if _, err := l.Claim(t.Context(), 0); !errors.Is(err, compaction.ErrUnknownOutcome) {
			t.Errorf("%v, want ErrUnknownOutcome", err)
		}
		lost.over()
		l.patience = defaultPatience
		add(t, holds(t, l, 0, 1), three(2))
	}
}

// TestClaimDead: what an owner left open when it died is ended by the next claim, and does not
// wait for the transaction's time to be over.
func TestClaimDead(t *testing.T) {
	l, wire := wired(t, models)
	w := claim(t, l, 0)
	add(t, w, three(1))
	end := wire.next(kmsg.EndTxn, hold, 1, nil)
	go func() { _, _ = w.Append(t.Context(), three(2)) }()
	<-end.met // and is never heard of again
	defer end.release()
	began := time.Now()
	add(t, holds(t, again(t, l), 0, 1), three(2))
	if took := time.Since(began); took > transactionTimeout/2 {
		t.Errorf("it took %v", took)
	}
}

// TestClaimRace: of many who claim a shard at once each gets it or is told to try again. Where they
// wait longer each time, all of them come to write.
func TestClaimRace(t *testing.T) {
	brokers := model(t).ListenAddrs()
	const claimants = 4
	ended := make(chan error, claimants)
	logs := make([]*Log, claimants)
	for i := range logs {
		logs[i] = opened(t, suiteOptions(brokers, ""))
	}
	for _, l := range logs {
		go func() {
			for wait := 10 * time.Millisecond; ; wait *= 2 {
				w, err := l.Claim(t.Context(), 0)
				if err == nil {
					for n := w.(*writer).last + 1; err == nil && n <= 20; n++ {
						_, err = w.Append(t.Context(), three(n))
					}
				}
				if err == nil {
					ended <- nil
					return
				}
				if !errors.Is(err, compaction.ErrFenced) && !errors.Is(err, compaction.ErrUnknownOutcome) {
					ended <- err
					return
				}
				time.Sleep(rand.N(wait))
			}
		}()
	}
	for range claimants {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	holds(t, logs[0], 0, 20)
}

// TestClaimClients: a claim that failed leaves no connections.
func TestClaimClients(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TxnID: l.transactionalID(0, 2),
		Count: -1})
	if _, err := l.Claim(t.Context(), 0); err == nil {
		t.Error("claimed without an id")
	}
	f.Remove()
	l.mu.Lock()
	open := len(l.open)
	l.mu.Unlock()
	if open != 0 {
		t.Errorf("%d writers are open", open)
	}
	claim(t, l, 0)
}

// TestClaimLater: a claim that another one overtakes is told so, and not that a transaction hangs,
// however much the other appends meanwhile.
func TestClaimLater(t *testing.T) {
	brokers := model(t).ListenAddrs()
	w := &wire{}
	o := suiteOptions(brokers, "")
	o.Connection.Dial = w.dial
	slow, quick := opened(t, o), opened(t, suiteOptions(brokers, ""))
	asks := w.next(kmsg.ListOffsets, hold, 1, nil) // what it does first with its ids
	answered := make(chan error, 1)
	go func() {
		_, err := slow.Claim(t.Context(), 0)
		answered <- err
	}()
	<-asks.met
	later := claim(t, quick, 0)
	ctx, stop := context.WithCancel(t.Context())
	appended := make(chan error, 1)
	go func() {
		for n := uint64(1); ctx.Err() == nil; n++ {
			if _, err := later.Append(context.Background(), three(n)); err != nil {
				appended <- err
				return
			}
		}
		appended <- nil
	}()
	asks.release()
	if err := <-answered; !errors.Is(err, compaction.ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	stop()
	if err := <-appended; err != nil {
		t.Errorf("who claimed later: %v", err)
	}
}
