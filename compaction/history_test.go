package compaction_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// numbers is a stream of decimal numbers.
var numbers = compaction.NewStream(compaction.StreamSpec{
	Message:  (*ledgerv1.JournalEntry)(nil),
	Sequence: func(b []byte) (uint64, error) { return strconv.ParseUint(string(b), 10, 64) },
	Project: func(e compaction.Entry) ([]compaction.Projection, error) {
		return []compaction.Projection{{Family: "n", Key: string(e.Value)}}, nil
	},
})

// count appends the numbers from first to last.
func (e *engine) count(first, last int) {
	e.t.Helper()
	e.must(func(tx *compaction.Tx) error {
		for n := first; n <= last; n++ {
			numbers.Append(tx, "acme", []byte(strconv.Itoa(n)))
		}
		return nil
	})
}

// followed waits until history has everything.
func (e *engine) followed(soon context.Context) error {
	_, err := e.History(soon, "acme", "n", compaction.Page{})
	return err
}

// A late log does not have the end of what was appended before it is claimed, as Kafka's where the
// markers of the last groups are missing.
type late struct {
	compaction.Log
	claimed atomic.Bool
}

func (l *late) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	w, err := l.Log.Claim(ctx, shard)
	l.claimed.Store(err == nil)
	return w, err
}

func (l *late) End(ctx context.Context, shard int) (compaction.Positions, error) {
	if l.claimed.Load() {
		return l.Log.End(ctx, shard)
	}
	return compaction.Positions{{Next: 1}}, nil
}

// TestHistoryIsAheadOfMarkers: a history that is ahead of a log which nobody has claimed yet may
// still have nothing but what is in the log. It was thrown away, and all of the log projected anew.
func TestHistoryIsAheadOfMarkers(t *testing.T) {
	dir := t.TempDir()
	e := startEngine(t, dir, numbers).run()
	e.count(1, 3)
	e.within(e.followed)
	e.stop()
	e = startEngine(t, dir, numbers)
	var whole atomic.Bool
	asked := make(chan struct{})
	first := sync.OnceFunc(func() { close(asked) })
	log := &late{Log: e.log}
	e.fault.Log = log
	e.hooks.ended = first
	e.hooks.read = func(_ context.Context, r compaction.Range) error {
		if r.From == nil {
			whole.Store(true)
		}
		return nil
	}
	e.hooks.claim = func(ctx context.Context) error {
		select {
		case <-asked:
		case <-ctx.Done():
		}
		return nil
	}
	e.run()
	e.count(4, 4)
	e.within(e.followed)
	if whole.Load() {
		t.Error("the log was read from its start")
	}
}

// A number that no record has is known not to be there without reading the log from its start.
func TestEntryThatIsNotThere(t *testing.T) {
	e := startEngine(t, t.TempDir(), numbers)
	var asking, whole atomic.Bool
	e.hooks.read = func(_ context.Context, r compaction.Range) error {
		if asking.Load() && r.From == nil {
			whole.Store(true)
		}
		return nil
	}
	e.run()
	e.count(1, 3)
	e.within(e.followed)
	e.count(4, 6)
	e.within(e.followed)
	asking.Store(true)
	for _, n := range []uint64{0, 7, 1 << 63, math.MaxUint64} {
		if _, err := e.Entry(ctx, "acme", numbers, n); !errors.Is(err, compaction.ErrNoEntry) {
			t.Errorf("number %d: %v, want ErrNoEntry", n, err)
		}
	}
	if whole.Load() {
		t.Error("the log was read from its start")
	}
	for n := range uint64(6) {
		got, err := e.Entry(ctx, "acme", numbers, n+1)
		if err != nil || string(got.Value) != strconv.Itoa(int(n+1)) {
			t.Errorf("number %d is %q, %v", n+1, got.Value, err)
		}
	}
}

// That a record cannot be read does not mean that it is not there.
func TestEntryThatCannotBeRead(t *testing.T) {
	e := startEngine(t, t.TempDir(), numbers)
	var gone atomic.Bool
	away := errors.New("the log is away")
	e.hooks.next = func() error {
		if gone.Load() {
			return away
		}
		return nil
	}
	e.run()
	e.count(1, 3)
	e.within(e.followed)
	gone.Store(true)
	_, err := e.Entry(ctx, "acme", numbers, 2)
	if !errors.Is(err, away) || errors.Is(err, compaction.ErrNoEntry) {
		t.Errorf("got %v, want that the log is away", err)
	}
}

// A history that cannot be opened is made anew.
func TestHistoryIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	e := startEngine(t, dir, numbers).run()
	e.count(1, 3)
	e.within(e.followed) // so that there is one
	e.stop()
	found, err := filepath.Glob(dir + "/store/history-000/MANIFEST-*")
	if err != nil || len(found) == 0 {
		t.Fatalf("no manifest: %v", err)
	}
	for _, path := range found {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	e = startEngine(t, dir, numbers).run()
	e.within(func(soon context.Context) error {
		rows, err := e.History(soon, "acme", "n", compaction.Page{})
		if err == nil && len(rows) != 3 {
			t.Errorf("%d rows, want 3", len(rows))
		}
		return err
	})
}

// What the owner appends is not read from the log again: on Kafka that cost a third of what one
// shard can do.
func TestHistoryFromItsOwner(t *testing.T) {
	e := startEngine(t, t.TempDir(), numbers)
	var closed atomic.Bool
	away := errors.New("the log is away")
	e.hooks.read = func(context.Context, compaction.Range) error {
		if closed.Load() {
			return away
		}
		return nil
	}
	e.run()
	e.count(1, 3)
	e.within(e.followed)
	closed.Store(true)
	for n := 4; n < 100; n += 3 {
		e.count(n, n+2)
	}
	e.within(func(soon context.Context) error {
		rows, err := e.History(soon, "acme", "n", compaction.Page{})
		if err == nil && len(rows) != 99 {
			t.Errorf("%d rows, want 99", len(rows))
		}
		return err
	})
}

// Whatever becomes of appends, and however often the shard is claimed, the history has each number
// that is in the log, finds its record, and has no other.
func TestHistoryAfterFaults(t *testing.T) {
	e := startEngine(t, t.TempDir(), numbers).run()
	last := 0
	for round := range 40 {
		switch round {
		case 3, 20:
			e.fault.Script(compactiontest.UnknownWritten)
		case 9, 21:
			e.fault.Script(compactiontest.UnknownLost)
		case 15:
			e.fault.Script(compactiontest.Fenced)
		}
		// The next number is decided from what is there: a counter would hide what is lost.
		e.within(func(soon context.Context) error {
			_, err := e.Do(soon, compaction.Command{Tenant: "acme",
				Idempotency: &compaction.Idempotency{Principal: "p", Operation: "o",
					Key: strconv.Itoa(round)},
				Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
					numbers.Append(tx, "acme", []byte(strconv.Itoa(round+1)))
					return compaction.Answer{Code: 1}, nil
				}})
			return err
		})
		last++
	}
	e.within(func(soon context.Context) error {
		rows, err := e.History(soon, "acme", "n", compaction.Page{})
		if err == nil && len(rows) != last {
			t.Errorf("%d rows, want %d", len(rows), last)
		}
		return err
	})
	for n := range uint64(last) {
		got, err := e.Entry(ctx, "acme", numbers, n+1)
		if err != nil || string(got.Value) != strconv.Itoa(int(n+1)) {
			t.Errorf("number %d is %q, %v", n+1, got.Value, err)
		}
	}
}

// A history that was projected from a log which was set back since, and written on past where the
// history stands, is made anew: rows of entries that are no more would stay for ever.
func TestHistoryOfALogThatWasSetBack(t *testing.T) {
	dir := t.TempDir()
	backup, old := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "store")
	live := func(hours int, f func(e *engine)) {
		e := startEngine(t, dir, numbers)
		e.clock.Set(start.Add(time.Duration(hours) * time.Hour))
		e.run()
		f(e)
		e.within(e.followed)
		e.stop()
	}
	move := func(from, to string) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
			t.Fatal(err)
		}
	}
	live(0, func(e *engine) { e.count(1, 3) })
	move(dir+"/log", backup)
	live(1, func(e *engine) { e.count(4, 6) })
	move(dir+"/store", old)
	move(backup, dir+"/log")
	if err := os.RemoveAll(dir + "/store"); err != nil {
		t.Fatal(err)
	}
	live(2, func(e *engine) {
		for n := 11; n < 20; n++ {
			e.count(n, n)
		}
	})
	move(old, dir+"/store")
	live(3, func(e *engine) {
		rows, err := e.History(ctx, "acme", "n", compaction.Page{})
		if err != nil || len(rows) != 12 || rows[11].Key != "3" {
			t.Errorf("%d rows, %v, %v; want those of 1 to 3 and 11 to 19", len(rows), rows, err)
		}
		if e.Stats()[0].Rebuilds != 1 {
			t.Errorf("the store was rebuilt %d times, want once", e.Stats()[0].Rebuilds)
		}
	})
}
