package compaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"
)

// Options say what Shards work on.
type Options struct {
	Log    Log
	Schema *Schema
	// Dir is the folder of the stores. It may be lost at any time: it is folded from the log again.
	Dir string
	// Secret keys the hashes of idempotency records. It must stay the same for the life of the
	// log: 32 random bytes.
	Secret []byte
	// Clock tells the time; nil is the system's. It need not be steady.
	Clock func() time.Time
	// Logger takes what an operator should know; nil is slog.Default.
	Logger *slog.Logger
	// FS is where Dir is; nil is the disk.
	FS vfs.FS
	// Shared says that other processes own shards of the log too: this one owns none before Own
	// names it. Otherwise it owns them all.
	Shared bool
	// Standby keeps the stores of shards that others own level with the log, so that one of them can
	// be served at once when it comes here.
	Standby bool
	// Lease is how long after the log last confirmed that this process owns a shard of a shared log
	// its records may be read without asking again; 0 is 5 seconds. It is also that of Heard. It must
	// be shorter than the time after which another process may take over from one that does not
	// answer.
	Lease time.Duration
	// GiveUp reports whether an error of the log is one after which a shard is not claimed again: for
	// who would rather fail than wait for an operator. Nil is never.
	GiveUp func(error) bool
	// CacheBytes bounds the block cache that all stores share, their write buffers
	// included; 0 is 512 MiB.
	CacheBytes int64
}

// Shards is the engine: the shards of a log that this process owns. Its methods may be called from
// any goroutine.
//
//	NewShards → Run ── per shard ─┬─ owned: claim, restore, serve, and again after a failure
//	                              ├─ not owned: nothing, or keep the store level with the log
//	                              └─ history, followed from the log
type Shards struct {
	o          Options
	slots      []*slot
	history    []*history
	cache      *pebble.Cache
	staleAfter time.Duration
	lookEvery  time.Duration
	member     lease       // see Heard
	heard      atomic.Bool // Heard was called

	subscriptions subscriptions
}

// NewShards prepares the shards of a log. Nothing runs and nothing is claimed before Run.
func NewShards(o Options) (*Shards, error) {
	if len(o.Secret) < 16 {
		return nil, errors.New("compaction: the secret is too short: 32 random bytes are needed")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		// The write buffers of all stores are taken out of it. With 128 MiB those of four busy shards
		// left nothing: filters were read from disk for each key, a third of the time.
		o.CacheBytes = 512 << 20
	}
	if o.Lease == 0 {
		o.Lease = 5 * time.Second
	}
	if err := o.FS.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("compaction: folder of the stores: %w", err)
	}
	s := &Shards{o: o, cache: pebble.NewCache(o.CacheBytes), lookEvery: lookEvery}
	for n := range o.Log.Identity().Shards {
		s.slots = append(s.slots, newSlot(!o.Shared))
		s.history = append(s.history, newHistory(s, n))
	}
	s.member.length = o.Lease
	s.staleAfter = DefaultDeleteRetention / 2
	for _, t := range o.Schema.Topics() {
		if t.Class != AppendOnly {
			s.staleAfter = min(s.staleAfter, t.DeleteRetention/2)
		}
	}
	return s, nil
}

func (s *Shards) storeDir(n int) string {
	return filepath.Join(s.o.Dir, fmt.Sprintf("shard-%03d", n))
}

func (s *Shards) storeOptions() storeOptions {
	return storeOptions{fs: s.o.FS, cache: s.cache, logger: s.o.Logger, clock: s.o.Clock}
}

// Count returns the number of shards of the log.
func (s *Shards) Count() int { return len(s.slots) }

// Run serves the shards until ctx ends; then it decides what is queued, answers it and returns. A
// shard that fails is claimed again; one whose log is damaged stays stopped, and the others go on.
// It is called once.
func (s *Shards) Run(ctx context.Context) error {
	defer s.cache.Unref()
	g, ctx := errgroup.WithContext(ctx)
	starting := make(chan struct{}, 2) // restores beside each other
	warming := make(chan struct{}, 1)  // and of standbys, which must not hold those up
	for n := range s.slots {
		g.Go(func() error { return s.keep(ctx, n, starting, warming) })
	}
	return g.Wait()
}

// Ready waits until every shard that is owned here is served. It fails when one has stopped, with
// the reason, when Run has returned, and when ctx ends.
func (s *Shards) Ready(ctx context.Context) error {
	return s.wait(ctx, func(*shard) bool { return true })
}

// Restored waits until every shard that is owned here is served and holds what is restored in the
// background too. It fails as Ready does.
func (s *Shards) Restored(ctx context.Context) error {
	return s.wait(ctx, func(sh *shard) bool { return !sh.restoring.Load() })
}

// wait waits until every shard that is owned here is served and ok.
func (s *Shards) wait(ctx context.Context, ok func(*shard) bool) error {
	for _, slot := range s.slots {
		if _, err := slot.wait(ctx, ok); err != nil && !errors.Is(err, errElsewhere) {
			return err
		}
	}
	return nil
}

// Wake tells the shards that the clock has moved, where it is not the system's.
func (s *Shards) Wake() {
	for _, slot := range s.slots {
		if sh, _ := slot.get(); sh != nil {
			sh.queue.mu.Lock()
			sh.queue.wake()
			sh.queue.mu.Unlock()
		}
	}
}
