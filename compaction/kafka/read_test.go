package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// reading opens a reader that is closed at the end of the test.
func reading(tb testing.TB, l *Log, shard int, g compaction.Range) compaction.Reader {
	tb.Helper()
	r, err := l.Read(tb.Context(), shard, g)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close() })
	return r
}

// TestReadUncommitted: what an owner has produced and not committed is seen by nobody.
func TestReadUncommitted(t *testing.T) {
	l, wire := wired(t, models)
	w := claim(t, l, 0)
	add(t, w, three(1))
	r := reading(t, l, 0, compaction.Range{})
	end := wire.next(kmsg.EndTxn, hold, 1, nil)
	done := make(chan error, 1)
	go func() {
		_, err := w.Append(t.Context(), three(2))
		done <- err
	}()
	<-end.met
	p, err := l.End(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if groups, _ := contents(t, l, 0, compaction.Range{To: p}); len(groups) != 1 || groups[1] != 3 {
		t.Errorf("up to the end there are %v", groups)
	}
	for group := uint64(0); group < 1; { // what was committed before comes first, and in its own time
		b, err := r.Next(aMinute(t))
		if err != nil {
			t.Fatal(err)
		}
		group = b.Group
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for {
		b, err := r.Next(short)
		if err != nil {
			break
		}
		if b.Group > 1 || len(b.Entries) > 0 {
			t.Errorf("group %d with %d records is shown", b.Group, len(b.Entries))
		}
	}
	end.release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if b, err := r.Next(t.Context()); err != nil || b.Group != 2 || len(b.Entries) != 3 {
		t.Errorf("group %d with %d records, %v; want 2 with 3", b.Group, len(b.Entries), err)
	}
}

// failure reads until something fails.
func failure(t *testing.T, l *Log, g compaction.Range) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := reading(t, l, 0, g)
	for {
		if _, err := r.Next(ctx); err != nil {
			if _, again := r.Next(ctx); again != err {
				t.Errorf("after %v: %v", err, again)
			}
			return err
		}
	}
}

// TestReadForeign: a record that this program did not write stops the reading, and is named. What
// comes before it can be read.
func TestReadForeign(t *testing.T) {
	brokers := model(t).ListenAddrs()
	for shard, mark := range [][]byte{
		header{recordKind, 1, 1, 1, 0}.append(nil), // its group is over
		header{traceKind, 3, 1, 1, 0}.append(nil),  // traces stand elsewhere
		[]byte("what?"),
	} {
		l := opened(t, suiteOptions(brokers, fmt.Sprintf("%d-", shard)))
		w := claim(t, l, 0)
		add(t, w, three(1), three(2))
		produced(t, brokers, l.record(0, journal, []byte("strange"), []byte("x"), mark))
		groups, _ := contents(t, l, 0, compaction.Range{To: w.ends})
		if len(groups) != 2 {
			t.Errorf("before it there are %v", groups)
		}
		var corrupt *compaction.CorruptError
		if err := failure(t, l, compaction.Range{}); !errors.As(err, &corrupt) ||
			corrupt.Topic != journal || corrupt.Key != "strange" || corrupt.Group == 0 {
			t.Errorf("%v does not name the record", err)
		}
	}
}

// TestReadPosition: an offset that a topic does not have is an error, but for what its retention
// has removed. The client's own consumer would go on from another place and say nothing.
func TestReadPosition(t *testing.T) {
	c := model(t)
	o := suiteOptions(c.ListenAddrs(), "")
	const events = "quittance.test.events.v1"
	o.Topics = append(o.Topics, compaction.Topic{Name: events, Class: compaction.AppendOnly,
		Retention: time.Hour})
	l := opened(t, o)
	w := claim(t, l, 0)
	g := three(1)
	g.Records = append(g.Records, rec(events, "a", "1"))
	add(t, w, g, three(2))
	middle, end := w.Start(), w.ends
	for _, topic := range []string{open, journal} {
		p := moved(nil, topic, end.Of(topic)+100)
		err := failure(t, l, compaction.Range{From: p, Topics: []string{topic}})
		if !errors.Is(err, kerr.OffsetOutOfRange) || !strings.Contains(err.Error(), topic) {
			t.Errorf("past the end of %s: %v", topic, err)
		}
	}
	admin := admins(t, c.ListenAddrs())
	for _, topic := range []string{open, journal, events} {
		emptied(t, admin, topic, end)
	}
	for _, topic := range []string{open, journal} {
		err := failure(t, l, compaction.Range{From: middle, To: end, Topics: []string{topic}})
		if !errors.Is(err, kerr.OffsetOutOfRange) || !errors.Is(err, compaction.ErrGone) {
			t.Errorf("before the start of %s: %v", topic, err)
		}
	}
	for _, from := range []compaction.Positions{nil, middle} {
		r := compaction.Range{From: from, To: end, Topics: []string{events}}
		if err := failure(t, l, r); !errors.Is(err, io.EOF) {
			t.Errorf("before the start of %s: %v", events, err)
		}
	}
	// From the start, a compacted topic is read from where it starts. What is kept for ever must
	// be there.
	r := compaction.Range{To: end, Topics: []string{open}}
	if err := failure(t, l, r); !errors.Is(err, io.EOF) {
		t.Errorf("from the start of %s: %v", open, err)
	}
	r.Topics = []string{journal}
	if err := failure(t, l, r); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("from the start of %s: %v", journal, err)
	}
}

// testReadGivenUp reads what a topic's retention has cut off, while nobody says where the topic
// begins.
func testReadGivenUp(t *testing.T, brokers []string) {
	const events = "quittance.test.events.v1"
	wire := &wire{}
	o := suiteOptions(brokers, kafkatest.Prefix(t))
	o.Topics = append(o.Topics, compaction.Topic{Name: events, Class: compaction.AppendOnly,
		Retention: time.Hour})
	o.Dial = wire.dial
	l := opened(t, o)
	w := claim(t, l, 0)
	for n := uint64(1); n <= 3; n++ {
		add(t, w, compaction.Group{Number: n, Time: time.Unix(1, 0),
			Records: []compaction.Record{rec(events, "a", fmt.Sprint(n))}})
	}
	emptied(t, admins(t, brokers), o.Prefix+events,
		compaction.Positions{{Topic: o.Prefix + events, Next: w.ends.Of(events)}})
	add(t, w, compaction.Group{Number: 4, Time: time.Unix(1, 0),
		Records: []compaction.Record{rec(events, "a", "4")}})
	r := reading(t, l, 0, compaction.Range{To: w.ends, Topics: []string{events}})
	lost := wire.next(kmsg.ListOffsets, loseRequest, 1000, nil)
	short, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-lost.met
		cancel()
	}()
	if _, err := r.Next(short); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if asked := 1000 - lost.left.Load(); asked >= tries {
		t.Errorf("it was asked %d times after that", asked)
	}
	lost.over()
	var got []string
	for {
		b, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entries {
			got = append(got, string(e.Value))
		}
	}
	if !slices.Equal(got, []string{"4"}) {
		t.Errorf("read on, it gives %v, want 4", got)
	}
}

// TestReadGivenUp: a read that was given up while it asked a real broker where a topic begins went
// on asking, ten times. It ends, and the next one goes on where it was.
func TestReadGivenUp(t *testing.T) { testReadGivenUp(t, kafkatest.Shared(t).Addrs()) }

// TestReadGivenUpModel: the same on a model of a cluster.
func TestReadGivenUpModel(t *testing.T) { testReadGivenUp(t, model(t).ListenAddrs()) }

// TestReadOpen: whatever topics an open reader is asked for, and however often it is given up, it
// gives every group once, whole and in order, those without records by their number.
func TestReadOpen(t *testing.T) {
	readOpen(t, model(t).ListenAddrs(), 208)
}

// readOpen follows so many mixed groups. The last one should be without records.

func readOpen(t *testing.T, brokers []string, groups uint64) {
	l := opened(t, suiteOptions(brokers, "open-"))
	w := claim(t, l, 0)
	topics := [][]string{nil, {open}, {journal, background}}
	ended := make(chan error, len(topics))
	for _, names := range topics {
		r := reading(t, l, 0, compaction.Range{Topics: names})
		go func() { ended <- follow(t.Context(), r, names, groups) }()
	}
	for n := uint64(1); n <= groups; n++ {
		add(t, w, mixed(n))
		if n == groups/2 {
			w = claim(t, l, 0)
		}
	}
	for range topics {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// mixed is a group of a shape that its number decides.
func mixed(n uint64) compaction.Group {
	g := compaction.Group{Number: n, Time: time.Unix(int64(n), 0)}
	for i, topic := range []string{open, background, journal, journal} {
		if n>>i&1 == 1 {
			g.Records = append(g.Records, rec(topic, fmt.Sprint("k", i), fmt.Sprint(n)))
		}
	}
	if n%5 == 0 {
		g.Records = append(g.Records, compaction.Record{Topic: open, Key: []byte("gone")})
	}
	return g
}

// follow checks what a reader of some topics gives of mixed groups.
func follow(ctx context.Context, r compaction.Reader, topics []string, last uint64) error {
	var group uint64
	for group < last {
		wait := time.Minute
		if rand.IntN(2) == 0 {
			wait = time.Duration(rand.IntN(3)) * time.Millisecond
		}
		short, cancel := context.WithTimeout(ctx, wait)
		b, err := r.Next(short)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && wait < time.Minute {
			continue
		}
		if err != nil {
			return err
		}
		want := map[string]int{}
		for n := group + 1; n <= b.Group; n++ {
			for _, rec := range mixed(n).Records {
				if topics == nil || strings.Contains(strings.Join(topics, " "), rec.Topic) {
					want[fmt.Sprintf("%d %s %s=%s", n, rec.Topic, rec.Key, rec.Value)]++
				}
			}
		}
		for _, e := range b.Entries {
			want[fmt.Sprintf("%d %s %s=%s", e.Group, e.Topic, e.Key, e.Value)]--
		}
		for what, n := range want {
			if n != 0 {
				return fmt.Errorf("groups %d to %d: %d times too few: %s", group+1, b.Group, n, what)
			}
		}
		if b.Group < group || b.Group > group && !b.Time.Equal(time.Unix(int64(b.Group), 0)) {
			return fmt.Errorf("group %d of %v after group %d", b.Group, b.Time, group)
		}
		group = b.Group
	}
	return nil
}

// TestReadFails: brokers that fail for a while are asked again, and nothing is lost or given twice.
func TestReadFails(t *testing.T) {
	c := model(t)
	l, wire := wired(t, func(testing.TB) ([]string, string) { return c.ListenAddrs(), "" })
	w := claim(t, l, 0)
	for n := uint64(1); n <= 50; n++ {
		add(t, w, three(n))
	}
	whole := func() {
		t.Helper()
		groups, _ := contents(t, l, 0, compaction.Range{To: w.ends})
		for n := uint64(1); n <= 50; n++ {
			if groups[n] != 3 {
				t.Errorf("group %d has %d records, want 3", n, groups[n])
			}
		}
	}
	for _, f := range []fate{loseRequest, loseAnswer} {
		wire.next(kmsg.Fetch, f, 2, nil)
		wire.next(kmsg.Metadata, f, 2, nil)
		whole()
	}
	for _, e := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.KafkaStorageError, kerr.UnknownLeaderEpoch,
		kerr.OffsetNotAvailable, kerr.UnknownTopicID,
	} {
		f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: journal, Err: e, Count: 3})
		whole()
		if f.Hits() == 0 {
			t.Errorf("%v was not met", e)
		}
		f.Remove()
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: journal,
		Err: kerr.TopicAuthorizationFailed, Count: -1})
	if err := failure(t, l, compaction.Range{}); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("of a topic that may not be read: %v", err)
	}
}

// TestReadLeaders: topics of a shard may have different leaders, and change them.
func TestReadLeaders(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	topics := [][]string{nil, {open, background, journal}, {open, journal}, {background}}
	ended := make(chan error, len(topics))
	for _, names := range topics {
		r := reading(t, l, 0, compaction.Range{Topics: names})
		go func() { ended <- follow(t.Context(), r, names, 112) }()
	}
	for n := uint64(1); n <= 112; n++ {
		add(t, w, mixed(n))
		if n%20 == 0 {
			for i, topic := range []string{open, journal, background, ShardsTopic} {
				if err := c.MoveTopicPartition(topic, 0, int32((int(n)/20+i)%3)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for range topics {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
