package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestCompacted: what really remains of topics when Kafka has compacted them: gaps, batches without
// records, markers without a transaction, ends where nothing is left. A reader comes to the end
// all the same, and the number of the last group is found where no record of it is left.
func TestCompacted(t *testing.T) {
	brokers, prefix := kafkatest.Shared(t).Addrs(), kafkatest.Prefix(t)
	l := opened(t, suiteOptions(brokers, prefix))
	admin := admins(t, brokers)
	quickly(t, admin, prefix+open, prefix+background, prefix+ShardsTopic)
	w := claim(t, l, 0)
	var n uint64
	write := func(records ...compaction.Record) {
		t.Helper()
		n++
		add(t, w, compaction.Group{Number: n, Time: time.Unix(int64(n), 0), Records: records})
	}
	for i := range 30 {
		write(rec(open, fmt.Sprint("k", i%3), fmt.Sprint(i)), rec(background, "same", fmt.Sprint(i)))
	}
	for i := range 3 {
		write(compaction.Record{Topic: open, Key: fmt.Appendf(nil, "k%d", i)})
	}
	silent := n
	// A segment is closed by the first record that comes after its time, and only then cleaned: so
	// something has to be written until nothing is left of the keys above, tombstones included.
	cleaned(t, l, w, &n, open, "k")
	for _, r := range []compaction.Range{
		{To: w.ends}, {To: w.ends, Topics: []string{open}}, {From: w.Start(), To: w.ends},
	} {
		_, b := contents(t, l, 0, r)
		if b.Group != n || !b.Next.Reached(r.To.Only(r.Topics)) {
			t.Errorf("%v: it ends in group %d at %v, want %d at %v", r.Topics, b.Group, b.Next, n, r.To)
		}
	}
	next := claim(t, l, 0)
	if next.last != n || n <= silent {
		t.Errorf("the last group is %d, want %d", next.last, n)
	}
	_, b := contents(t, l, 0, compaction.Range{To: next.Start(), Topics: []string{journal}})
	if b.Group != n {
		t.Errorf("replay ends in group %d, want %d", b.Group, n)
	}
}

// quickly lets topics be compacted in seconds, tombstones too.
func quickly(tb testing.TB, admin *kadm.Client, topics ...string) {
	tb.Helper()
	var changes []kadm.AlterConfig
	for name, value := range map[string]string{
		"segment.ms": "200", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "1",
		"max.compaction.lag.ms": "200",
	} {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	all, err := admin.AlterTopicConfigs(tb.Context(), changes, topics...)
	for _, r := range all {
		if err == nil {
			err = r.Err
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// cleaned appends groups of tombstones until nothing is left of keys that begin in a way.
func cleaned(t *testing.T, l *Log, w *writer, n *uint64, topic, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	for {
		*n++
		add(t, w, compaction.Group{Number: *n, Time: time.Unix(int64(*n), 0),
			Records: []compaction.Record{{Topic: topic, Key: []byte("later")}}})
		left := 0
		f := &fetcher{log: l, cl: l.admin}
		to := map[string]int64{topic: w.ends.Of(topic)}
		err := f.sweep(ctx, []want{{topic: topic}}, to, func(p piece) error {
			for _, r := range p.records {
				if len(r.Key) >= len(prefix) && string(r.Key[:len(prefix)]) == prefix {
					left++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			t.Fatalf("%d records are still there", left)
		}
	}
}
