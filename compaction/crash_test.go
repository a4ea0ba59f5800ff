package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// crashing is an engine in a memory that can lose what was not synced.
type crashing struct {
	shards *compaction.Shards
	log    *local.Log
	cancel context.CancelFunc
	ended  chan error
}

func startIn(t *testing.T, fs vfs.FS) *crashing {
	t.Helper()
	schema, err := compaction.NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	l, err := local.Open("log", schema.Topics(), local.Options{Shards: 1, FS: fs, Logger: quiet,
		Space: func(string) (uint64, error) { return 1 << 40, nil }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := compaction.NewShards(compaction.Options{Log: l, Schema: schema, Dir: "store", FS: fs,
		Secret: []byte("a secret of thirty-two characters"), Logger: quiet, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	c := &crashing{shards: s, log: l, ended: make(chan error, 1)}
	running, cancel := context.WithCancel(ctx)
	c.cancel = cancel
	go func() { c.ended <- s.Run(running) }()
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crashing) stop(t *testing.T) {
	t.Helper()
	c.cancel()
	if err := errors.Join(<-c.ended, c.log.Close()); err != nil {
		t.Fatal(err)
	}
}

// Whatever a crash leaves of log and store, every answered command is there, no number is given
// twice, and the store is the fold of the log.
func TestCrash(t *testing.T) {
	lives := 60
	if testing.Short() {
		lives = 15
	}
	fs := vfs.NewCrashableMem()
	answered := 0
	for life := range lives {
		rng := rand.New(rand.NewPCG(uint64(life), 7))
		c := startIn(t, fs)
		for range rng.IntN(40) {
			a, err := c.shards.Do(ctx, add("acme", "invoice"))
			if err != nil {
				t.Fatal(err)
			}
			if answered++; string(a.Body) != fmt.Sprint(answered) {
				t.Fatalf("life %d: number %s, want %d", life, a.Body, answered)
			}
		}
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		c.stop(t)
		fs = after
		if life%5 != 0 {
			continue
		}
		c = startIn(t, fs)
		if err := c.shards.Restored(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := c.shards.CompareStore(ctx, 0)
		if err != nil || r.Different != nil {
			t.Fatalf("life %d: different %v, %v", life, r.Different, err)
		}
		c.stop(t)
	}
	t.Logf("%d crashes, %d answered commands", lives, answered)
}
