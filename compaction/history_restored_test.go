package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/local"
)

// A settable log is set back while it is in use, as by brokers that lost what their machines had in
// memory, or were restored. Until it is claimed it ends where it ended before, as one does that
// remembers what was appended through it.
type settable struct {
	id compaction.Identity

	mu   sync.Mutex
	log  compaction.Log
	lost compaction.Log // what it was before, until it is claimed
}

func (s *settable) now() compaction.Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log
}

// set sets it back.
func (s *settable) set(log compaction.Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.lost = log, s.log
}

// forgetful reports whether it was set back and has not been claimed since.
func (s *settable) forgetful() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost != nil
}

func (s *settable) Identity() compaction.Identity { return s.id }

func (s *settable) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = nil
	return s.log.Claim(ctx, shard)
}

func (s *settable) Read(
	ctx context.Context, shard int, r compaction.Range,
) (compaction.Reader, error) {
	return s.now().Read(ctx, shard, r)
}

func (s *settable) End(ctx context.Context, shard int) (compaction.Positions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		return s.lost.End(ctx, shard)
	}
	return s.log.End(ctx, shard)
}

func (s *settable) Close() error { return s.now().Close() }

// startSettable is startEngine on numbers, in a log that can be set back.
func startSettable(t *testing.T) (*engine, *settable) {
	t.Helper()
	e := startEngine(t, t.TempDir(), numbers)
	log := &settable{id: e.log.Identity(), log: e.log}
	e.fault.Log = log
	return e, log
}

// entries reads all that a log has.
func (e *engine) entries(l compaction.Log) (all []compaction.Entry) {
	e.t.Helper()
	end, err := l.End(ctx, 0)
	if err != nil {
		e.t.Fatal(err)
	}
	r, err := l.Read(ctx, 0, compaction.Range{To: end})
	if err != nil {
		e.t.Fatal(err)
	}
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			e.t.Fatal(err)
		}
		all = append(all, b.Entries...)
	}
	if err := r.Close(); err != nil {
		e.t.Fatal(err)
	}
	return all
}

// groups returns what a log has as it was appended.
func (e *engine) groups(l compaction.Log) (all []compaction.Group) {
	e.t.Helper()
	for _, entry := range e.entries(l) {
		if len(all) == 0 || all[len(all)-1].Number != entry.Group {
			all = append(all, compaction.Group{Number: entry.Group, Time: entry.Time})
			if len(all) > 1 {
				all[len(all)-1].First = all[len(all)-2].Number + 1
			}
		}
		g := &all[len(all)-1]
		g.Records = append(g.Records, entry.Record)
	}
	return all
}

// without returns a copy of a log that has lost the last groups.
func (e *engine) without(l compaction.Log, lost int) compaction.Log {
	e.t.Helper()
	schema, err := compaction.NewSchema(numbers)
	if err != nil {
		e.t.Fatal(err)
	}
	other, err := local.Open(e.t.TempDir(), schema.Topics(), local.Options{Shards: 1,
		Logger: slog.New(slog.DiscardHandler), Clock: e.clock.Now, CleanEvery: -1})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		e.stop() // it is used until then
		if err := other.Close(); err != nil {
			e.t.Error(err)
		}
	})
	w, err := other.Claim(ctx, 0)
	if err != nil {
		e.t.Fatal(err)
	}
	all := e.groups(l)
	for _, g := range all[:len(all)-lost] {
		if _, err := w.Append(ctx, g); err != nil {
			e.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		e.t.Fatal(err)
	}
	return other
}

// lose has an append fail, and waits until the shard was claimed again.
func (e *engine) lose() {
	e.t.Helper()
	e.fault.Script(compactiontest.UnknownLost)
	if err := e.appended(10, 10); !errors.Is(err, compaction.ErrUnknownOutcome) {
		e.t.Fatalf("%v, want ErrUnknownOutcome", err)
	}
}

// appended is count where that may fail. It then waits until the shard was claimed again: before
// that nobody here knows what the log has.
func (e *engine) appended(first, last int) error {
	e.t.Helper()
	before := e.Stats()[0].Claims
	err := e.do(func(tx *compaction.Tx) error {
		for n := first; n <= last; n++ {
			numbers.Append(tx, "acme", []byte(strconv.Itoa(n)))
		}
		return nil
	})
	if err != nil {
		e.eventually("the shard is not claimed again", func() bool {
			return e.Stats()[0].Claims > before
		})
		e.within(e.Ready)
	}
	return err
}

// projected fails the test unless the history has the rows of what a log has, and finds each of it
// and nothing else up to a number.
func (e *engine) projected(l compaction.Log, last int) {
	e.t.Helper()
	in := map[string]bool{}
	var want, got []string
	for _, g := range e.groups(l) {
		for _, r := range g.Records {
			in[string(r.Value)] = true
			want = append(want, string(r.Value))
		}
	}
	e.within(func(soon context.Context) error {
		rows, err := e.History(soon, "acme", "n", compaction.Page{})
		for _, r := range rows {
			got = append(got, r.Key)
		}
		return err
	})
	if slices.Sort(want); !slices.Equal(got, want) {
		e.t.Fatalf("history has %v, want %v", got, want)
	}
	for n := 1; n <= last; n++ {
		entry, err := e.Entry(ctx, "acme", numbers, uint64(n))
		if value := strconv.Itoa(n); in[value] {
			if err != nil || string(entry.Value) != value {
				e.t.Fatalf("record %d is %q, %v", n, entry.Value, err)
			}
		} else if !errors.Is(err, compaction.ErrNoEntry) {
			e.t.Fatalf("record %d is %q, %v, want ErrNoEntry", n, entry.Value, err)
		}
	}
}

// TestHistoryOfLogSetBack: where a log is set back while it is served, the history is made anew
// without a restart. It kept rows of what is gone, and missed what was appended in its place.
func TestHistoryOfLogSetBack(t *testing.T) {
	e, log := startSettable(t)
	var once sync.Once
	var less compaction.Log
	e.hooks.claim = func(context.Context) error {
		if less != nil {
			once.Do(func() { log.set(less) })
		}
		return nil
	}
	e.run()
	for n := 1; n <= 6; n++ {
		e.count(n, n)
	}
	e.projected(log.now(), 7)
	less = e.without(log.now(), 3)
	e.lose()
	for n := 11; n <= 15; n++ {
		e.count(n, n)
		e.projected(log.now(), n+1)
	}
}

// TestHistoryReadsWhatIsGone: a log may be asked for its end before it is known that it was set
// back. What a history then reads up to there does not come any more, so neither it nor who reads
// it may wait for that longer than until the shard is claimed: they waited until the log had grown
// past it.
func TestHistoryReadsWhatIsGone(t *testing.T) {
	e, log := startSettable(t)
	reading, asked, read := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	gone := sync.OnceFunc(func() { close(reading) })
	told := sync.OnceFunc(func() { close(asked) })
	var waits atomic.Bool
	e.hooks.read = func(context.Context, compaction.Range) error {
		if log.forgetful() {
			gone()
		}
		return nil
	}
	e.hooks.ended = func() {
		if waits.Load() {
			told()
		}
	}
	e.hooks.claim = func(ctx context.Context) error {
		if !log.forgetful() {
			return nil
		}
		e.passed(reading)
		waits.Store(true) // the history reads, and asks for no end
		go func() { read <- e.followed(ctx) }()
		e.passed(asked)
		return nil
	}
	e.run()
	for n := 1; n <= 6; n++ {
		e.count(n, n)
	}
	e.projected(log.now(), 7)
	log.set(e.without(log.now(), 3))
	e.lose()
	e.count(11, 11)
	e.projected(log.now(), 12)
	select {
	case err := <-read:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("who read the history meanwhile waits for what is gone")
	}
}

// passed waits until a channel is closed, and fails the test if that is not soon.
func (e *engine) passed(c chan struct{}) {
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		e.t.Error("what was to happen first does not")
	}
}

// Whatever is appended, fails and is lost, and whenever the log is set back, the history has what
// the log has, found by reading all of it.
func TestHistoryBesideItsLog(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { besideItsLog(t, seed) })
	}
}

func besideItsLog(t *testing.T, seed uint64) {
	e, log := startSettable(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	e.run()
	faults := 6 // each is waited after for longer
	for last := 10; last < 60 || faults > 0; {
		if faults > 0 && rng.IntN(3) == 0 {
			faults--
			switch rng.IntN(4) {
			case 0:
				e.fault.Script(compactiontest.UnknownWritten)
			case 1:
				e.fault.Script(compactiontest.Fenced)
			default:
				if n := len(e.groups(log.now())); n > 0 {
					log.set(e.without(log.now(), 1+rng.IntN(min(n, 4))))
				}
				e.lose()
			}
		}
		first := last + 1
		last += 1 + rng.IntN(3)
		err := e.appended(first, last)
		if err != nil && !errors.Is(err, compaction.ErrFenced) &&
			!errors.Is(err, compaction.ErrUnknownOutcome) {
			t.Fatal(err)
		}
		if rng.IntN(3) > 0 {
			e.projected(log.now(), last+1)
		}
	}
	e.projected(log.now(), 80)
}
