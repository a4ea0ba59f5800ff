package compaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
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
	// CacheBytes bounds the block cache that all stores share; 0 is 128 MiB.
	CacheBytes int64
}

// Shards is the engine: the shards of a log that this process owns. Its methods may be called from
// any goroutine.
//
//	NewShards → Run ─┬─ per shard: claim, restore, serve, and again after a failure
//	            └─ per shard: history, followed from the log
type Shards struct {
	o          Options
	slots      []*slot
	history    []*history
	cache      *pebble.Cache
	staleAfter time.Duration

	subscriptions subscriptions
}

// A slot is the place of a shard, whether or not it is being served.
type slot struct {
	counters

	mu      sync.RWMutex
	serving *shard // nil while the shard is not being served
	stopped error  // why it will not be, until the process is started again
	change  chan struct{}
	readers sync.WaitGroup // of the store being served
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
		o.CacheBytes = 128 << 20
	}
	if err := o.FS.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("compaction: folder of the stores: %w", err)
	}
	s := &Shards{o: o, cache: pebble.NewCache(o.CacheBytes)}
	for n := range o.Log.Identity().Shards {
		s.slots = append(s.slots, &slot{change: make(chan struct{})})
		s.history = append(s.history, newHistory(s, n))
	}
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
	return storeOptions{fs: s.o.FS, cache: s.cache, logger: s.o.Logger}
}

// Count returns the number of shards of the log.
func (s *Shards) Count() int { return len(s.slots) }

// Run serves the shards until ctx ends; then it decides what is queued, answers it and returns. A
// shard that fails is claimed again; one whose log is damaged stays stopped, and the others go on.
func (s *Shards) Run(ctx context.Context) error {
	defer s.cache.Unref()
	g, ctx := errgroup.WithContext(ctx)
	starting := make(chan struct{}, 2) // restores beside each other
	for n := range s.slots {
		g.Go(func() error { return s.keep(ctx, n, starting) })
		g.Go(func() error { return s.history[n].run(ctx) })
	}
	return g.Wait()
}

// keep serves one shard, again and again.
func (s *Shards) keep(ctx context.Context, n int, starting chan struct{}) error {
	distrust, distrusted := false, time.Time{}
	for wait := 10 * time.Millisecond; ctx.Err() == nil; {
		starting <- struct{}{}
		sh, err := s.claim(ctx, n, distrust)
		<-starting
		if err == nil {
			began := time.Now()
			err = s.serve(ctx, n, sh)
			if time.Since(began) > time.Minute {
				wait = 10 * time.Millisecond
			}
		}
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // stopped while it was being opened
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		var corrupt *CorruptError
		inLog := errors.As(err, &corrupt) && corrupt.Group > 0
		if inLog || damaged(err) && time.Since(distrusted) < time.Minute {
			s.o.Logger.Error("a shard has stopped", "shard", n, "error", err)
			s.slots[n].set(nil, &StoppedError{n, err})
			<-ctx.Done()
			return nil
		}
		if distrust = damaged(err); distrust {
			distrusted = time.Now()
		}
		s.o.Logger.Warn("a shard is claimed again", "shard", n, "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, 5*time.Second)
	}
	return nil
}

// serve lets callers reach a shard while it runs.
func (s *Shards) serve(ctx context.Context, n int, sh *shard) error {
	slot := s.slots[n]
	slot.claims.Add(1)
	sh.restored = func() { slot.set(sh, nil) }
	slot.set(sh, nil)
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	if sh.restoring.Load() {
		background.Go(func() { s.restoreBackground(ctx, sh) })
	}
	err := sh.run(ctx)
	slot.set(nil, nil)
	cancel()
	background.Wait()
	slot.readers.Wait()
	return errors.Join(err, sh.close())
}

// set changes what a slot serves and wakes who waits for it.
func (s *slot) set(sh *shard, stopped error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving, s.stopped = sh, stopped
	close(s.change)
	s.change = make(chan struct{})
}

// get returns the shard being served, or why there is none, and a channel that is closed when that
// changes.
func (s *slot) get() (*shard, <-chan struct{}, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.serving == nil {
		if s.stopped != nil {
			return nil, s.change, s.stopped
		}
		return nil, s.change, ErrNotServing
	}
	return s.serving, s.change, nil
}

// Ready waits until every shard is served or has stopped. It returns the first reason to have
// stopped, or the error of ctx.
func (s *Shards) Ready(ctx context.Context) error {
	return s.wait(ctx, func(*shard) bool { return true })
}

// Restored waits until every shard is served and holds what is restored in the background too.
func (s *Shards) Restored(ctx context.Context) error {
	return s.wait(ctx, func(sh *shard) bool { return !sh.restoring.Load() })
}

// wait waits until every shard is served and ok.
func (s *Shards) wait(ctx context.Context, ok func(*shard) bool) error {
	for _, slot := range s.slots {
		for {
			sh, change, err := slot.get()
			var stopped *StoppedError
			if errors.As(err, &stopped) {
				return err
			}
			if sh != nil && ok(sh) {
				break
			}
			select {
			case <-change:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// Do has a command decided by its tenant's shard and returns the answer when all that it wrote is
// durable. Errors: *TenantError, *KeyError, *IdempotencyMismatchError, ErrQueueFull,
// ErrNotServing, ErrNotCommitted (*SpaceError among them), those of Decide that Refuse passed on;
// and those of ctx and ErrUnknownOutcome, after which only a command with an idempotency key can
// find out what happened.
func (s *Shards) Do(ctx context.Context, c Command) (Answer, error) {
	if err := CheckTenant(c.Tenant); err != nil {
		return Answer{}, err
	}
	r := &request{ctx: ctx, command: c, done: make(chan outcome, 1)}
	if c.Idempotency != nil {
		var err error
		if r.hashed, err = c.Idempotency.hash(c.Tenant, s.o.Secret); err != nil {
			return Answer{}, err
		}
	}
	slot := s.slots[ShardOf(c.Tenant, len(s.slots))]
	for again := false; ; again = true {
		sh, change, err := slot.get()
		if err != nil && again && errors.Is(err, ErrNotServing) {
			select { // the outcome is unknown until the shard is served again
			case <-change:
				continue
			case <-ctx.Done():
				return Answer{}, ErrUnknownOutcome
			}
		}
		if err != nil {
			return Answer{}, err
		}
		if err := sh.queue.put(r); err != nil {
			if again && errors.Is(err, ErrNotServing) {
				<-change
				continue
			}
			return Answer{}, err
		}
		select {
		case o := <-r.done:
			dropped := errors.Is(o.err, ErrUnknownOutcome) || errors.Is(o.err, ErrFenced)
			if dropped && r.hashed != nil {
				// This very command may have been done. The shard drops itself, and afterwards
				// its record of the key tells.
				r.hashed.new = false
				<-change
				continue
			}
			if again {
				o.answer.Replayed = false // to this caller it is the first answer
			}
			return o.answer, o.err
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
}

// Read calls f with a view of a tenant's shard as it is now: after every command that was answered
// before the call. Errors: ErrNotServing, and those of f.
func (s *Shards) Read(tenant string, f func(*View) error) error {
	if err := CheckTenant(tenant); err != nil {
		return err
	}
	return s.view(ShardOf(tenant, len(s.slots)), f)
}

// Each calls f with a view of each shard in turn. A shard that is not being served, and an error of
// f, do not keep it from the next one; the errors are returned together.
func (s *Shards) Each(f func(shard int, v *View) error) error {
	var errs []error
	for n := range s.slots {
		errs = append(errs, s.view(n, func(v *View) error { return f(n, v) }))
	}
	return errors.Join(errs...)
}

func (s *Shards) view(n int, f func(*View) error) (err error) {
	slot := s.slots[n]
	slot.mu.RLock()
	sh := slot.serving
	if sh == nil {
		err := slot.stopped
		slot.mu.RUnlock()
		if err == nil {
			err = ErrNotServing
		}
		return err
	}
	slot.readers.Add(1)
	slot.mu.RUnlock()
	defer slot.readers.Done()
	v := &View{sh.store, sh.store.db.NewSnapshot(), sh.restoring.Load()}
	defer func() { err = errors.Join(err, v.snapshot.Close()) }()
	err = f(v)
	if damaged(err) {
		sh.suspect(err)
	}
	return err
}

// Stats returns what each shard is doing.
func (s *Shards) Stats() []Stats {
	var all []Stats
	for n, slot := range s.slots {
		sh, _, err := slot.get()
		st := Stats{
			Shard: n, Commands: slot.commands.Load(), Groups: slot.groups.Load(),
			Records: slot.records.Load(), Claims: slot.claims.Load(),
			Rebuilds: slot.rebuilds.Load(),
		}
		var stopped *StoppedError
		if errors.As(err, &stopped) {
			st.Stopped = stopped.Err.Error()
		}
		if sh != nil {
			st.Serving, st.Restoring, st.Queue = true, sh.restoring.Load(), sh.queue.len()
		}
		all = append(all, st)
	}
	return all
}

// Wake tells the shards that the clock has moved, where it is not the system's.
func (s *Shards) Wake() {
	for _, slot := range s.slots {
		if sh, _, _ := slot.get(); sh != nil {
			sh.queue.mu.Lock()
			sh.queue.wake()
			sh.queue.mu.Unlock()
		}
	}
}
