package compaction_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

// What was due when the log took nothing is called again by itself.
func TestDueAfterAFullDisk(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	do(t, e.Shards, keyed("a"))
	e.fault.Script(compactiontest.NoSpace)
	e.clock.Set(start.Add(compaction.AnswerRetention))
	e.Wake()
	e.eventually("nothing was due", func() bool {
		return e.fault.Injected(compactiontest.NoSpace) == 1
	})
	e.clock.Set(start.Add(compaction.AnswerRetention + time.Minute))
	e.eventually("nothing was forgotten", func() bool {
		n := 0
		e.within(func(context.Context) error {
			return e.Read("acme", func(v *compaction.View) (err error) {
				n, err = v.Count(compaction.Answers.Topic().Name)
				return err
			})
		})
		return n == 0
	})
}

// Times that the index cannot hold are due at its ends, not at whatever time their bits say.
func TestDueFarAway(t *testing.T) {
	var mu sync.Mutex
	var called []string
	var table *compaction.Table[note]
	table = notes(false, func(tx *compaction.Tx, key string) {
		mu.Lock()
		defer mu.Unlock()
		called = append(called, key)
		table.Delete(tx, key)
	})
	e := startEngine(t, t.TempDir(), table).run()
	e.must(func(tx *compaction.Tx) error {
		for key, year := range map[string]int{"acme/1800": 1800, "acme/1969": 1969,
			"acme/2200": 2200, "acme/2300": 2300, "acme/2600": 2600, "acme/9999": 9999} {
			table.Put(tx, key, note{due: year})
		}
		return nil
	})
	e.clock.Set(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	e.Wake()
	e.eventually("not all was called", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(called) >= 2
	})
	do(t, e.Shards, add("acme", "invoice"))
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(called)
	if !slices.Equal(called, []string{"acme/1800", "acme/1969"}) {
		t.Errorf("called were %q", called)
	}
}

// An engine ends however much is due.
func TestEndWithMuchDue(t *testing.T) {
	var table *compaction.Table[note]
	year := 1971
	table = notes(false, func(tx *compaction.Tx, key string) {
		year = 1971 + (year-1970)%40 // due again, and at once
		table.Put(tx, key, note{due: year})
	})
	e := startEngine(t, t.TempDir(), table).run()
	e.must(func(tx *compaction.Tx) error {
		table.Put(tx, "acme/a", note{due: year})
		return nil
	})
	ended := make(chan struct{})
	go func() {
		e.stop()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("it goes on")
	}
}

// A store with an entry of the time index that no record bears out is not the fold of the log: it
// is rebuilt.
func TestDueEntryWithoutARecord(t *testing.T) {
	dir := t.TempDir()
	e := startEngine(t, dir).run()
	do(t, e.Shards, keyed("a"))
	e.within(e.Restored)
	e.stop()
	forge(t, dir+"/store/shard-000")
	e = startEngine(t, dir)
	e.clock.Set(start.Add(compaction.AnswerRetention))
	e.run()
	e.eventually("the store was not rebuilt", func() bool { return e.Stats()[0].Rebuilds == 1 })
	e.within(e.Ready)
	e.same()
}

// forge puts an entry of a key that is not there beside each entry of a store's time index.
func forge(t *testing.T, dir string) {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest,
		Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte("d"), UpperBound: []byte("e")})
	if err != nil {
		t.Fatal(err)
	}
	for it.First(); it.Valid(); it.Next() {
		if err := db.Set(append(slices.Clone(it.Key()), '?'), nil, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
