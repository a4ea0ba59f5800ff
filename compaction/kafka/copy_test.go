package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
	"github.com/quittance/quittance/compaction/local"
)

// origin is the stamp of group 0 of a log that is copied.
var origin = time.Date(2026, 3, 1, 9, 0, 0, 7, time.UTC)

// embedded opens a log on this machine that is closed at the end of the test.
func embedded(t *testing.T) *local.Log {
	t.Helper()
	l, err := local.Open(t.TempDir(), compactiontest.Topics(), local.Options{
		Shards: compactiontest.Shards, CleanEvery: -1, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// fill appends random groups to every shard of a log, after the last one: records of every topic,
// tombstones, empty values and groups without records.
func fill(t *testing.T, l compaction.Log, last, groups uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(last, groups))
	for shard := range l.Identity().Shards {
		w, err := l.Claim(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		for n := last + 1; n <= last+groups; n++ {
			g := compaction.Group{Number: n, Time: origin.Add(time.Duration(n) * time.Second)}
			for range rng.IntN(6) {
				topic := compactiontest.Topics()[rng.IntN(3)]
				r := compaction.Record{Topic: topic.Name, Key: fmt.Appendf(nil, "k%d", rng.IntN(20)),
					Value: fmt.Appendf([]byte{}, "%d of %d", rng.IntN(100), n)[:rng.IntN(6)]}
				if topic.Class != compaction.AppendOnly && rng.IntN(3) == 0 {
					r.Value = nil
				}
				g.Records = append(g.Records, r)
			}
			if _, err := w.Append(t.Context(), g); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// text is what a log holds: a line a record, sorted by topic within a group, and the last groups.
func text(t *testing.T, l compaction.Log) (lines []string) {
	t.Helper()
	for shard := range l.Identity().Shards {
		end, err := l.End(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		var entries []compaction.Entry
		group := uint64(0)
		for _, b := range batches(t, l, shard, compaction.Range{To: end}) {
			entries, group = append(entries, b.Entries...), b.Group
		}
		slices.SortStableFunc(entries, func(a, b compaction.Entry) int {
			if a.Group != b.Group {
				return int(a.Group) - int(b.Group)
			}
			return slices.Compare([]byte(a.Topic), []byte(b.Topic))
		})
		for _, e := range entries {
			lines = append(lines, fmt.Sprintf("%d %d %v %s %q %q %t", shard, e.Group, e.Time, e.Topic,
				e.Key, e.Value, e.Tombstone()))
		}
		lines = append(lines, fmt.Sprintf("%d ends at %d", shard, group))
	}
	return lines
}

// batches reads a bounded range.
func batches(
	t *testing.T, l compaction.Log, shard int, r compaction.Range,
) (all []compaction.Batch) {
	t.Helper()
	rd, err := l.Read(t.Context(), shard, r)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	for {
		b, err := rd.Next(t.Context())
		if err != nil {
			return all // the end, or what text shows to be missing
		}
		all = append(all, b)
	}
}

// testCopy copies from one machine to a cluster, on to another log there, and back.
func testCopy(t *testing.T, brokers []string) {
	from, back := embedded(t), embedded(t)
	first := opened(t, suiteOptions(brokers, kafkatest.Prefix(t)))
	second := opened(t, suiteOptions(brokers, kafkatest.Prefix(t)))
	fill(t, from, 0, 40)
	if _, err := from.Clean(t.Context(), local.CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	copied := func(from, to compaction.Log) []compaction.Copied {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done, err := compaction.Copy(ctx, from, to, compactiontest.Topics(), compaction.CopyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	want := text(t, from)
	for _, step := range [][2]compaction.Log{
		{from, first}, {from, first}, {first, second}, {second, back}, {second, back},
	} {
		copied(step[0], step[1])
		if got := text(t, step[1]); !slices.Equal(got, want) {
			t.Fatalf("got\n%q\nwant\n%q", got, want)
		}
	}
	fill(t, back, 40, 10) // goes on where the source would have
	if done := copied(back, first); done[0].Found != 40 || done[0].Group != 50 {
		t.Errorf("the rest: %+v", done[0])
	}
	if got, want := text(t, first), text(t, back); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestCopy: a log that goes to a real cluster, on to another log there, and back, is the same.
func TestCopy(t *testing.T) { testCopy(t, kafkatest.Shared(t).Addrs()) }

// TestCopyModel: the same on a model of a cluster.
func TestCopyModel(t *testing.T) { testCopy(t, model(t).ListenAddrs()) }

// testCopyLive copies a log beside its writer, which is fenced by the copy of what has come since.
func testCopyLive(t *testing.T, brokers []string) {
	from, to := opened(t, suiteOptions(brokers, kafkatest.Prefix(t))), embedded(t)
	fill(t, from, 0, 10)
	w, err := from.Claim(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	group := func(n uint64) compaction.Group {
		var g compaction.Group
		g.Number, g.Time = n, origin.AddDate(0, 1, 0)
		for _, topic := range compactiontest.Topics() {
			g.Records = append(g.Records, compaction.Record{Topic: topic.Name, Key: []byte("live"),
				Value: fmt.Append(nil, n)})
		}
		return g
	}
	last, begun := uint64(10), make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if _, err := w.Append(context.Background(), group(last+1)); err != nil {
				stopped <- err
				return
			}
			if last++; last == 15 {
				close(begun)
			}
		}
	}()
	select {
	case <-begun:
	case err := <-stopped:
		t.Fatal(err)
	}
	topics := compactiontest.Topics()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done, err := compaction.Copy(ctx, from, to, topics, compaction.CopyOptions{Live: true})
	if err != nil || done[0].Group <= 10 || done[1].Group != 10 {
		t.Errorf("%+v, %v", done, err)
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Errorf("the writer of a log that is copied live: %v", err)
	}
	if _, err := compaction.Copy(ctx, from, to, topics, compaction.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, to), text(t, from); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if _, err := w.Append(ctx, group(last+1)); !errors.Is(err, compaction.ErrFenced) {
		t.Errorf("the writer of a log that was copied: %v", err)
	}
}

// TestCopyLive: a log on a real cluster is copied beside its writer, and then the rest of it.
func TestCopyLive(t *testing.T) { testCopyLive(t, kafkatest.Shared(t).Addrs()) }

// TestCopyLiveModel: the same on a model of a cluster.
func TestCopyLiveModel(t *testing.T) { testCopyLive(t, model(t).ListenAddrs()) }

// testFollow follows a log from its start while it is written to. Every group comes whole and once,
// those that were there before first, and whoever goes on from any place misses none.
func testFollow(t *testing.T, brokers []string) {
	l := opened(t, suiteOptions(brokers, kafkatest.Prefix(t)))
	w, err := l.Claim(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	const before, after = 50, 150
	add := func(n uint64) {
		g := compaction.Group{Number: n, Time: origin}
		for i := range n%5 + 1 {
			topic := compactiontest.Topics()[(n+i)%3].Name
			g.Records = append(g.Records, compaction.Record{Topic: topic, Key: fmt.Append(nil, i),
				Value: fmt.Append(nil, n)})
		}
		if _, err := w.Append(context.Background(), g); err != nil {
			t.Error(err)
		}
	}
	for n := uint64(1); n <= before; n++ {
		add(n)
	}
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for n := uint64(before + 1); n <= after; n++ {
			add(n)
		}
	}()
	defer func() { <-wrote }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var place compaction.Positions
	seen := uint64(0)
	pause := errors.New("pause")
	for seen < after {
		began := seen
		err := compaction.Follow(ctx, l, 0, place, func(d compaction.Delivery) error {
			counts := map[uint64]int{}
			for _, e := range d.Entries {
				if counts[e.Group]++; e.Group > seen {
					if e.Group != seen+1 {
						t.Errorf("group %d after %d", e.Group, seen)
					}
					seen = e.Group
				}
				if e.Group <= before && !d.Snapshot && began == 0 {
					t.Errorf("group %d was there before", e.Group)
				}
			}
			for n, count := range counts {
				if count != int(n%5+1) {
					t.Errorf("%d records of group %d", count, n)
				}
			}
			if !d.Snapshot && len(counts) != 1 {
				t.Errorf("%d groups at once", len(counts))
			}
			place = d.Next
			if seen%7 == 0 || seen == after {
				return pause
			}
			return nil
		})
		if !errors.Is(err, pause) {
			t.Fatalf("following ended with %v at group %d", err, seen)
		}
	}
}

// TestFollow: the groups of a log on a real cluster are followed whole, from any place.
func TestFollow(t *testing.T) { testFollow(t, kafkatest.Shared(t).Addrs()) }

// TestFollowModel: the same on a model of a cluster.
func TestFollowModel(t *testing.T) { testFollow(t, model(t).ListenAddrs()) }
