package compaction_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

// put writes a note.
func put(table *compaction.Table[note], key string) func(*compaction.Tx) error {
	return func(tx *compaction.Tx) error {
		table.Put(tx, compaction.Key("acme", key), note{texts: 3})
		return nil
	}
}

// A check of the store took as long as the fold of the log, and until it was over a shard that had
// dropped itself was not served. Now the check gives way and is made again.
func TestCompareStoreHeldUpServing(t *testing.T) {
	table := notes(false, never)
	e := startEngine(t, t.TempDir(), table)
	var standing atomic.Bool
	met := make(chan struct{}, 1)
	e.hooks.read = func(ctx context.Context, _ compaction.Range) error {
		if !standing.CompareAndSwap(true, false) {
			return nil
		}
		met <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	e.run()
	e.within(e.Restored)
	e.must(put(table, "a"))
	standing.Store(true)
	compared := make(chan error, 1)
	go func() {
		r, err := e.CompareStore(ctx, 0)
		if r.Different != nil || r.Records == 0 {
			t.Errorf("of %d records differ %q", r.Records, r.Different)
		}
		compared <- err
	}()
	<-met
	e.fault.Script(compactiontest.UnknownLost)
	_ = e.do(put(table, "b")) // its outcome is unknown
	e.within(e.Ready)
	if err := <-compared; err != nil {
		t.Errorf("the check that was made again: %v", err)
	}
	if n := e.Stats()[0].Claims; n != 2 {
		t.Errorf("the shard was claimed %d times, want twice", n)
	}
}

// A check of the store kept its shard from going to another process until the group took it away.
// Now the shard goes at once, and who asked for the check is told that it is not served there.
func TestExamineHeldUpHandover(t *testing.T) {
	m := startMembers(t, 2, compaction.Options{})
	tenant := tenantOf(0)
	m.own(0, 0)
	if _, err := m.put(0, tenant, "k", 1); err != nil {
		t.Fatal(err)
	}
	met, examined := make(chan struct{}), make(chan error, 1)
	calls := 0
	go func() {
		examined <- m.all[0].Examine(ctx, 0, func(ctx context.Context, v *compaction.View) error {
			calls++
			close(met)
			<-ctx.Done()
			if _, _, err := m.table.Get(v, compaction.Key(tenant, "n")); !errors.Is(err,
				compaction.ErrNotServing) {
				t.Errorf("reading on: %v, want ErrNotServing", err)
			}
			return ctx.Err()
		})
	}()
	<-met
	m.own(0)
	if err := <-examined; !errors.Is(err, compaction.ErrNotServing) || calls != 1 {
		t.Errorf("%v after %d calls, want ErrNotServing after one", err, calls)
	}
	m.own(1, 0)
	if n, err := m.count(1, tenant); err != nil || n != 1 {
		t.Errorf("%d, %v where the shard went, want 1", n, err)
	}
}

// What examines a shard that is dropped begins anew, with a view of what the shard has then, but
// not for ever; and its own errors, and the end of its own context, end it.
func TestExamine(t *testing.T) {
	table := notes(false, never)
	e := startEngine(t, t.TempDir(), table).run()
	e.within(e.Restored)
	calls := 0
	drop := func(ctx context.Context, v *compaction.View) error {
		calls++
		e.fault.Script(compactiontest.UnknownLost)
		_ = e.do(put(table, "b")) // its outcome is unknown
		<-ctx.Done()
		return errors.New("what was found is worth nothing")
	}
	if err := e.Examine(ctx, 0, drop); !errors.Is(err, compaction.ErrNotServing) || calls != 3 {
		t.Errorf("dropped each time: %v after %d calls, want ErrNotServing after 3", err, calls)
	}
	e.within(e.Ready)
	e.must(put(table, "a"))
	own := errors.New("own")
	err := e.Examine(ctx, 0, func(_ context.Context, v *compaction.View) error {
		if n, err := v.Count(table.Topic().Name); err != nil || n == 0 {
			t.Errorf("%d notes, %v", n, err)
		}
		return own
	})
	if !errors.Is(err, own) {
		t.Errorf("%v, want the error of what examines", err)
	}
	short, cancel := context.WithCancel(ctx)
	err = e.Examine(short, 0, func(ctx context.Context, v *compaction.View) error {
		cancel()
		<-ctx.Done()
		_, err := v.Count(table.Topic().Name)
		return err
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, compaction.ErrNotServing) {
		t.Errorf("%v, want that of the context", err)
	}
}

// Snapshots must be closed before their store is, whenever the shard is dropped: Pebble ends the
// process otherwise.
func TestExamineWhileDropped(t *testing.T) {
	table := notes(false, never)
	e := startEngine(t, t.TempDir(), table).run()
	e.within(e.Restored)
	e.must(put(table, "a"))
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := e.Examine(ctx, 0, func(_ context.Context, v *compaction.View) error {
					_, err := v.Count(table.Topic().Name)
					return err
				})
				if err != nil && !errors.Is(err, compaction.ErrNotServing) {
					t.Errorf("%v, want ErrNotServing", err)
				}
			}
		})
	}
	for range 6 {
		e.fault.Script(compactiontest.UnknownLost)
		_ = e.do(put(table, "b")) // its outcome is unknown
		e.within(e.Ready)
	}
	close(stop)
	all.Wait()
}
