package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/local"
)

// startFaulty runs an engine of one shard on a log that fails as told.
func startFaulty(t *testing.T) (*compaction.Shards, *compactiontest.Fault) {
	t.Helper()
	schema, err := compaction.NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	l, err := local.Open(dir+"/log", schema.Topics(), local.Options{Shards: 1, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	f := compactiontest.NewFault(l)
	s, err := compaction.NewShards(compaction.Options{Log: f, Schema: schema, Dir: dir + "/store",
		Secret: []byte("a secret of thirty-two characters"), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, l.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return s, f
}

func keyed(key string) compaction.Command {
	c := add("acme", "invoice")
	c.Idempotency = &compaction.Idempotency{Principal: "key_1", Operation: "add", Key: key}
	return c
}

// An append whose outcome is unknown is found out before anybody is answered: each command is done
// once, whether or not its group was written, and says what it said.
func TestUnknownOutcome(t *testing.T) {
	s, f := startFaulty(t)
	for i, o := range []compactiontest.Outcome{compactiontest.UnknownWritten,
		compactiontest.UnknownLost, compactiontest.Fenced, compactiontest.UnknownWritten} {
		f.Script(o)
		want := fmt.Sprint(i + 1)
		a, err := s.Do(ctx, keyed(want))
		if err != nil || string(a.Body) != want || a.Replayed {
			t.Fatalf("after %v: %q, %v, replayed %t; want %s", o, a.Body, err, a.Replayed, want)
		}
		if a, err = s.Do(ctx, keyed(want)); err != nil || string(a.Body) != want || !a.Replayed {
			t.Fatalf("repeated after %v: %q, %v, replayed %t", o, a.Body, err, a.Replayed)
		}
	}
}

// An append that wrote nothing was never decided, and the next one is not told of it.
func TestNotCommitted(t *testing.T) {
	s, f := startFaulty(t)
	f.Script(compactiontest.NotCommitted)
	if _, err := s.Do(ctx, keyed("a")); !errors.Is(err, compaction.ErrNotCommitted) {
		t.Fatalf("got %v, want ErrNotCommitted", err)
	}
	f.Script(compactiontest.NoSpace)
	var space *compaction.SpaceError
	if _, err := s.Do(ctx, keyed("a")); !errors.As(err, &space) {
		t.Fatalf("got %v, want a SpaceError", err)
	}
	if a := do(t, s, keyed("a")); string(a.Body) != "1" || a.Replayed {
		t.Errorf("the number after two failures is %q, replayed %t; want 1", a.Body, a.Replayed)
	}
}

// Under faults of every kind at random, callers who repeat a command until it is answered get one
// number each, without a gap, and the store is the fold of the log.
func TestRandomFaults(t *testing.T) {
	s, f := startFaulty(t)
	f.Seed(11, 20)
	const callers, each = 8, 40
	numbers := make([]int, callers*each)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range each {
				n := caller*each + i
				for {
					a, err := s.Do(ctx, keyed(fmt.Sprint("k", n)))
					if err == nil {
						numbers[n], _ = strconv.Atoi(string(a.Body))
						break
					}
				}
			}
		})
	}
	wg.Wait()
	f.Seed(11, 0)
	seen := map[int]bool{}
	for n, number := range numbers {
		if number < 1 || number > len(numbers) || seen[number] {
			t.Errorf("command %d was given number %d", n, number)
		}
		seen[number] = true
	}
	if err := s.Restored(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := s.CompareStore(ctx, 0); err != nil || r.Different != nil {
		t.Errorf("store and log differ in %v: %v", r.Different, err)
	}
	for o := compactiontest.NotCommitted; o <= compactiontest.Late; o++ {
		t.Logf("%v: %d times", o, f.Injected(o))
	}
}
