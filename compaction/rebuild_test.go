package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/local"
	"github.com/quittance/quittance/ledger"
)

// A life is an engine of one shard in a folder, run once from start to stop.
type life struct {
	t      *testing.T
	dir    string
	clock  *compactiontest.Clock
	shards *compaction.Shards
	log    *local.Log
	stop   func()
}

func (l *life) start() {
	l.t.Helper()
	schema, err := compaction.NewSchema(ledger.Settled, ledger.Journal)
	if err != nil {
		l.t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	l.log, err = local.Open(l.dir+"/log", schema.Topics(),
		local.Options{Shards: 1, Logger: quiet, Clock: l.clock.Now})
	if err != nil {
		l.t.Fatal(err)
	}
	l.shards, err = compaction.NewShards(compaction.Options{Log: l.log, Schema: schema,
		Dir: l.dir + "/store", Clock: l.clock.Now, Logger: quiet,
		Secret: []byte("a secret of thirty-two characters")})
	if err != nil {
		l.t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- l.shards.Run(running) }()
	l.stop = func() {
		l.t.Helper()
		cancel()
		if err := errors.Join(<-ended, l.log.Close()); err != nil {
			l.t.Fatal(err)
		}
	}
	ready, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	if err := l.shards.Restored(ready); err != nil {
		l.t.Fatal(err)
	}
}

// numbers takes n numbers, which must follow on the last one taken.
func (l *life) numbers(n, last int) int {
	l.t.Helper()
	for range n {
		last++
		if a := do(l.t, l.shards, add("acme", "invoice")); string(a.Body) != fmt.Sprint(last) {
			l.t.Fatalf("number %s, want %d", a.Body, last)
		}
	}
	return last
}

// at runs the engine once, at a time, for n numbers that follow on the last one taken.
func (l *life) at(now time.Time, n, last int) {
	l.t.Helper()
	l.clock.Set(now)
	l.start()
	l.numbers(n, last)
	l.stop()
}

// keep returns a copy of the folder.
func (l *life) keep() string {
	l.t.Helper()
	dir := l.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(l.dir)); err != nil {
		l.t.Fatal(err)
	}
	return dir
}

// back puts back what a copy has of the log, or of the store.
func (l *life) back(what, from string) {
	l.t.Helper()
	to := filepath.Join(l.dir, what)
	err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(filepath.Join(from, what))))
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) rebuilds() uint64 { return l.shards.Stats()[0].Rebuilds }

// damage flips a byte in the middle of each of the store's tables.
func damage(t *testing.T, dir string) {
	t.Helper()
	tables, err := filepath.Glob(dir + "/store/shard-000/*.sst")
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables to damage: %v", err)
	}
	for _, path := range tables {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(len(b), 64) {
			b[i] ^= 0x55
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A store that cannot be trusted is folded from the log again, and what is in it is what was
// answered: whether it is lost, damaged, of another log, ahead of its log, or too old.
func TestRebuild(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		between func(t *testing.T, l *life)
		want    uint64
		more    int // numbers that were taken meanwhile
	}{
		{"untouched", func(*testing.T, *life) {}, 0, 0},
		{"lost", func(t *testing.T, l *life) {
			if err := os.RemoveAll(l.dir + "/store"); err != nil {
				t.Fatal(err)
			}
		}, 1, 0},
		{"without its manifest", func(t *testing.T, l *life) {
			found, err := filepath.Glob(l.dir + "/store/shard-000/MANIFEST-*")
			if err != nil || len(found) == 0 {
				t.Fatalf("no manifest: %v", err)
			}
			for _, path := range found {
				if err := os.WriteFile(path, []byte("not a manifest"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, 1, 0},
		{"of another log", func(t *testing.T, l *life) {
			other := &life{t: t, dir: t.TempDir(), clock: l.clock}
			other.start()
			other.numbers(3, 0)
			other.stop()
			err := errors.Join(os.RemoveAll(l.dir+"/store"),
				os.Rename(other.dir+"/store", l.dir+"/store"))
			if err != nil {
				t.Fatal(err)
			}
		}, 1, 0},
		{"ahead of its log", func(t *testing.T, l *life) {
			backup := t.TempDir()
			if err := os.CopyFS(backup+"/log", os.DirFS(l.dir+"/log")); err != nil {
				t.Fatal(err)
			}
			l.start()
			l.numbers(3, 40)
			l.stop()
			err := errors.Join(os.RemoveAll(l.dir+"/log"), os.Rename(backup+"/log", l.dir+"/log"))
			if err != nil {
				t.Fatal(err)
			}
		}, 1, 0},
		{"old, with nothing to catch up on", func(_ *testing.T, l *life) {
			l.clock.Set(now.Add(300 * 24 * time.Hour))
		}, 0, 0},
		{"old, with tombstones it may have missed", func(t *testing.T, l *life) {
			old := l.keep()
			l.at(now.Add(4*24*time.Hour), 1, 40)
			l.back("store", old)
		}, 1, 1},
		{"old, and a clock that was ahead says otherwise", func(t *testing.T, l *life) {
			l.at(now.Add(30*24*time.Hour), 1, 40)
			l.at(now, 1, 41) // the stamp stays where it was
			old := l.keep()
			l.at(now.Add(4*24*time.Hour), 1, 42)
			l.back("store", old)
		}, 1, 3},
		{"level at a time that is still to come", func(t *testing.T, l *life) {
			l.at(now.Add(30*24*time.Hour), 1, 40)
			old := l.keep()
			l.at(now.Add(24*time.Hour), 1, 41)
			l.back("store", old)
		}, 1, 2},
		{"level at a time that is a little ahead", func(t *testing.T, l *life) {
			l.at(now.Add(3*24*time.Hour), 1, 40)
			old := l.keep()
			l.at(now, 1, 41)
			l.back("store", old)
		}, 0, 2},
		{"of a log that was set back and written on", func(t *testing.T, l *life) {
			backup := l.keep()
			l.at(now.Add(time.Hour), 10, 40)
			old := l.keep()
			l.back("log", backup)
			l.back("store", backup)
			l.at(now.Add(2*time.Hour), 60, 40)
			l.back("store", old)
		}, 1, 60},
		{"of a log that was not set back and written on", func(t *testing.T, l *life) {
			old := l.keep()
			l.at(now.Add(2*time.Hour), 60, 40)
			l.back("store", old)
		}, 0, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &life{t: t, dir: t.TempDir(), clock: compactiontest.NewClock(now)}
			l.start()
			last := l.numbers(40, 0)
			l.stop()
			c.between(t, l)
			l.start()
			if got := l.rebuilds(); got != c.want {
				t.Errorf("the store was rebuilt %d times, want %d", got, c.want)
			}
			l.numbers(5, last+c.more)
			if r, err := l.shards.CompareStore(ctx, 0); err != nil || r.Different != nil {
				t.Errorf("store and log differ in %v: %v", r.Different, err)
			}
			l.stop()
		})
	}
}

// A store whose tables are damaged while the program is stopped is rebuilt when the damage is met,
// and its shard goes on.
func TestDamagedStoreIsRebuilt(t *testing.T) {
	l := &life{t: t, dir: t.TempDir(), clock: compactiontest.NewClock(time.Now())}
	l.start()
	last := l.numbers(40, 0)
	l.stop()
	if err := os.RemoveAll(l.dir + "/store"); err != nil {
		t.Fatal(err)
	}
	l.start() // a rebuilt store has its records in tables
	l.stop()
	damage(t, l.dir)
	l.start()
	want := fmt.Sprint(last + 1)
	for {
		a, err := l.shards.Do(ctx, keyed("after-the-damage"))
		if err == nil {
			if string(a.Body) != want {
				t.Errorf("number %s, want %s", a.Body, want)
			}
			break
		}
		if !errors.Is(err, compaction.ErrNotServing) && !strings.Contains(err.Error(), "corrupt") &&
			!strings.Contains(err.Error(), "checksum") {
			t.Fatal(err)
		}
	}
	if l.rebuilds() != 1 {
		t.Errorf("the store was rebuilt %d times, want once", l.rebuilds())
	}
	l.stop()
}

// Topics that grow with history come back while the shard serves: until they have, reading them is
// refused, and what is written meanwhile is not replaced by what was before.
func TestRestoreInBackground(t *testing.T) {
	l := &life{t: t, dir: t.TempDir(), clock: compactiontest.NewClock(time.Now())}
	l.start()
	settle := func(id string, sequence uint64) {
		t.Helper()
		do(t, l.shards, compaction.Command{Tenant: "acme",
			Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
				ledger.Settled.Put(tx, compaction.Key("acme", id), ledger.Pointer{
					Sequence: sequence, Expires: l.clock.Now().Add(time.Hour)})
				return compaction.Answer{}, nil
			}})
	}
	const ids = 20_000
	for i := 0; i < ids; i += 500 {
		do(t, l.shards, compaction.Command{Tenant: "acme",
			Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
				for j := i; j < i+500; j++ {
					ledger.Settled.Put(tx, compaction.Key("acme", fmt.Sprint("pay_", j)), ledger.Pointer{
						Sequence: uint64(j), Expires: l.clock.Now().Add(time.Hour)})
				}
				return compaction.Answer{}, nil
			}})
	}
	settle("pay_1", 77)
	l.stop()
	if err := os.RemoveAll(l.dir + "/store"); err != nil {
		t.Fatal(err)
	}
	l.start()
	settle("pay_2", 88)
	err := l.shards.Read("acme", func(v *compaction.View) error {
		for id, want := range map[string]uint64{"pay_0": 0, "pay_1": 77, "pay_2": 88, "pay_3": 3} {
			p, ok, err := ledger.Settled.Get(v, compaction.Key("acme", id))
			if err != nil || !ok || p.Sequence != want {
				t.Errorf("%s is %v (%t, %v), want sequence %d", id, p, ok, err, want)
			}
		}
		n, err := v.Count(ledger.Settled.Topic().Name)
		if n != ids {
			t.Errorf("%d pointers, want %d", n, ids)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := l.shards.CompareStore(ctx, 0); err != nil || r.Different != nil {
		t.Errorf("store and log differ in %v: %v", r.Different, err)
	}
	l.stop()
}

// History of a shard that nobody has written to is empty, and says so at once.
func TestHistoryOfAnEmptyShard(t *testing.T) {
	l := &life{t: t, dir: t.TempDir(), clock: compactiontest.NewClock(time.Now())}
	l.start()
	defer l.stop()
	soon, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	rows, err := l.shards.History(soon, "acme", "account", compaction.Page{})
	if err != nil || len(rows) != 0 {
		t.Errorf("got %d rows, %v", len(rows), err)
	}
}
