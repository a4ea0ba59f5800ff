package compaction_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// restoring runs an engine whose table of notes has the keys acme/a and acme/b, has lost its store
// and restores it no further than release lets it.
func restoring(t *testing.T, table *compaction.Table[note]) (e *engine, release func()) {
	t.Helper()
	dir := t.TempDir()
	e = startEngine(t, dir, table).run()
	e.must(func(tx *compaction.Tx) error {
		table.Put(tx, "acme/a", note{due: 2100, texts: 1})
		table.Put(tx, "acme/b", note{due: 2101, texts: 2})
		return nil
	})
	e.stop()
	if err := os.RemoveAll(dir + "/store"); err != nil {
		t.Fatal(err)
	}
	e = startEngine(t, dir, table)
	released := make(chan struct{})
	e.hooks.read = func(ctx context.Context, r compaction.Range) error {
		if !slices.Equal(r.Topics, []string{table.Topic().Name}) {
			return nil
		}
		select {
		case <-released:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return e.run(), func() { close(released) }
}

// What is deleted while its topic is being restored stays deleted, though the store did not have it
// yet.
func TestDeleteWhileRestoring(t *testing.T) {
	for _, cached := range []bool{false, true} {
		table := notes(cached, never)
		e, release := restoring(t, table)
		e.must(func(tx *compaction.Tx) error {
			table.Delete(tx, "acme/a")
			return nil
		})
		release()
		e.same()
		e.must(func(tx *compaction.Tx) error {
			if _, ok, err := table.Get(tx, "acme/a"); ok || err != nil {
				t.Errorf("it is there (%t) or %v", ok, err)
			}
			return nil
		})
	}
}

// The same goes for what was written before, in the same group.
func TestPutAndDeleteWhileRestoring(t *testing.T) {
	table := notes(false, never)
	e, release := restoring(t, table)
	e.must(func(tx *compaction.Tx) error {
		table.Put(tx, "acme/a", note{due: 2102})
		table.Delete(tx, "acme/a")
		return nil
	})
	release()
	e.same()
}

// A key that was looked for before it was restored is found afterwards.
func TestCachedWhileRestoring(t *testing.T) {
	table := notes(true, never)
	e, release := restoring(t, table)
	get := func(tx *compaction.Tx) error {
		n, ok, err := table.Get(tx, "acme/a")
		if err == nil && (!ok || n.due != 2100) {
			t.Errorf("got %v, %t", n, ok)
		}
		return err
	}
	if err := e.do(get); !errors.Is(err, compaction.ErrRestoring) {
		t.Fatalf("got %v, want ErrRestoring", err)
	}
	release()
	e.within(e.Restored)
	e.must(get)
}

// A store that was left while it was being restored is rebuilt: the log may no longer have the
// tombstones of what it holds.
func TestUnfinishedStoreIsRebuilt(t *testing.T) {
	table := notes(false, never)
	e, _ := restoring(t, table)
	e.stop()
	e = startEngine(t, e.dir, table).run()
	if n := e.Stats()[0].Rebuilds; n != 1 {
		t.Errorf("the store was rebuilt %d times, want once", n)
	}
	e.same()
}

// A page is full however many texts of an index a command has hidden, and a text that is named
// twice stands once.
func TestLookupOverHiddenTexts(t *testing.T) {
	table := notes(false, never)
	e := startEngine(t, t.TempDir(), table).run()
	e.within(e.Restored)
	e.must(func(tx *compaction.Tx) error {
		table.Put(tx, "acme/a", note{texts: 40})
		table.Put(tx, "acme/b", note{texts: 3})
		return nil
	})
	e.must(func(tx *compaction.Tx) error {
		table.Delete(tx, "acme/a")
		rows, err := table.Lookup(tx, "text", compaction.Page{Limit: 2})
		if len(rows) != 2 || rows[0].Key != "acme/b" || rows[1].Key != "acme/b" {
			t.Errorf("got %v, want two rows of acme/b", rows)
		}
		return err
	})
}

// A comparison is not led astray by the log's cleaning.
func TestCompareWhileCleaning(t *testing.T) {
	e := startEngine(t, t.TempDir())
	var comparing atomic.Bool
	e.hooks.read = func(context.Context, compaction.Range) error {
		if !comparing.Swap(false) {
			return nil
		}
		do(t, e.Shards, add("acme", "invoice"))
		_, err := e.log.Clean(ctx, local.CleanOptions{})
		return err
	}
	e.run()
	do(t, e.Shards, add("acme", "invoice"))
	e.within(e.Restored)
	comparing.Store(true)
	e.same()
}

// A log that is new has no history to wait for: the first command of all can read it.
func TestNewLogIsWholeAtOnce(t *testing.T) {
	table := notes(false, never)
	e := startEngine(t, t.TempDir(), table)
	e.hooks.read = func(ctx context.Context, _ compaction.Range) error {
		if !e.Stats()[0].Serving {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	e.run()
	e.must(func(tx *compaction.Tx) error {
		_, _, err := table.Get(tx, "acme/a")
		return err
	})
}
