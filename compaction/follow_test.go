package compaction_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// followed opens a new log of one shard, until the end of the test.
func followed(t *testing.T, o local.Options) *local.Log {
	t.Helper()
	schema, err := compaction.NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	o.Shards = 1
	l, err := local.Open(t.TempDir(), schema.Topics(), o)
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

// A follower gets a snapshot of what was there and then every group, whole and in order; one that
// goes on from where it was gets nothing twice.
func TestFollow(t *testing.T) {
	l := followed(t, local.Options{})
	w, err := l.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	number := uint64(0)
	put := func(keys ...string) {
		number++
		g := compaction.Group{Number: number, Time: time.Unix(int64(number), 0)}
		for _, k := range keys {
			g.Records = append(g.Records, compaction.Record{
				Topic: compaction.Counters.Topic().Name, Key: []byte(k), Value: []byte(k)})
		}
		if _, err := w.Append(ctx, g); err != nil {
			t.Error(err)
		}
	}
	put("acme/a", "acme/b")
	put("acme/c")
	var place compaction.Positions
	follow := func(want ...string) {
		t.Helper()
		running, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		enough := errors.New("enough")
		err := compaction.Follow(running, l, 0, place, func(d compaction.Delivery) error {
			if !d.Snapshot && len(d.Entries) != d.Entries[0].Count {
				t.Errorf("group %d came in parts", d.Entries[0].Group)
			}
			for _, e := range d.Entries {
				if string(e.Key) != want[0] {
					t.Errorf("got %s, want %s", e.Key, want[0])
				}
				want = want[1:]
			}
			place = d.Next
			if len(want) == 0 {
				return enough
			}
			if d.Snapshot && number == 2 {
				put("acme/d", "acme/e")
				put("acme/f")
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Errorf("following ended with %v, missing %q", err, want)
		}
	}
	follow("acme/a", "acme/b", "acme/c", "acme/d", "acme/e", "acme/f")
	put("acme/g")
	follow("acme/g")
}

// A follower that is late gets what compaction has left of a group, and goes on from any group it
// was given without missing one.
func TestFollowLate(t *testing.T) {
	l := followed(t, local.Options{CleanEvery: -1})
	w, err := l.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	put := func(number uint64, keys ...string) {
		g := compaction.Group{Number: number, Time: time.Unix(int64(number), 0)}
		for _, k := range keys {
			g.Records = append(g.Records, compaction.Record{
				Topic: compaction.Counters.Topic().Name, Key: []byte(k), Value: []byte(k)})
		}
		if _, err := w.Append(ctx, g); err != nil {
			t.Error(err)
		}
	}
	put(1, "acme/a")
	var place compaction.Positions
	seen := map[string]bool{}
	enough := errors.New("enough")
	for len(seen) < 4 {
		running, cancel := context.WithTimeout(ctx, time.Minute)
		err := compaction.Follow(running, l, 0, place, func(d compaction.Delivery) error {
			if len(seen) == 0 {
				put(2, "acme/b", "acme/c")
				put(3, "acme/b", "acme/d")
				if _, err := l.Clean(ctx, local.CleanOptions{}); err != nil {
					t.Error(err)
				}
			}
			for _, e := range d.Entries {
				seen[string(e.Key)] = true
			}
			if place = d.Next; d.Snapshot && len(seen) < 4 {
				return nil
			}
			return enough // as one that ends after each group
		})
		cancel()
		if !errors.Is(err, enough) {
			t.Fatalf("following ended with %v, having seen %v", err, seen)
		}
	}
}

// A cutEnd is a log whose End sees a part of the newest groups only, as that of a log with an end a
// topic may.
type cutEnd struct {
	compaction.Log
	end compaction.Positions
}

// End is where the test says.
func (l cutEnd) End(context.Context, int) (compaction.Positions, error) { return l.end, nil }

// A group that was there in part when following began comes whole and once, in the snapshot; what
// was committed before it is not said to have come later, and what comes later is not missed.
func TestFollowCut(t *testing.T) {
	l := followed(t, local.Options{})
	w, err := l.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	counters, outbox := compaction.Counters.Topic().Name, compaction.Outbox.Topic().Name
	for n, topics := range [][]string{{counters, outbox}, {outbox}, {counters, outbox}, {counters}} {
		g := compaction.Group{Number: uint64(n + 1), Time: time.Unix(int64(n), 0)}
		for _, topic := range topics {
			g.Records = append(g.Records, compaction.Record{Topic: topic, Key: []byte("acme/a")})
		}
		if _, err := w.Append(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	// Of group 3 the outbox's record is seen and not the counters'; group 4 is not seen.
	cut := cutEnd{l, compaction.Positions{{Topic: counters, Next: 2}, {Topic: outbox, Next: 4}}}
	running, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	enough := errors.New("enough")
	got := map[bool][]uint64{}
	err = compaction.Follow(running, cut, 0, nil, func(d compaction.Delivery) error {
		for _, e := range d.Entries {
			got[d.Snapshot] = append(got[d.Snapshot], e.Group)
		}
		if !d.Snapshot {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !slices.Equal(got[true], []uint64{1, 1, 2, 3, 3}) ||
		!slices.Equal(got[false], []uint64{4}) {
		t.Errorf("got %v, ended with %v", got, err)
	}
}

// A follower that goes on from behind the end of a log, which was restored from a backup, is told:
// it waited until the log had come to where it was, and then missed what stood before.
func TestFollowBeyondTheEnd(t *testing.T) {
	l := followed(t, local.Options{})
	running, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	place := compaction.Positions{{Next: 4}}
	err := compaction.Follow(running, l, 0, place, func(compaction.Delivery) error { return nil })
	if !errors.Is(err, compaction.ErrSetBack) {
		t.Errorf("following from behind the end: %v, want ErrSetBack", err)
	}
}
