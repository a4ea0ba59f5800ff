package compactiontest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// An Outcome is what a Fault does with an Append.
type Outcome uint8

const (
	// Pass lets the Append through.
	Pass Outcome = iota
	// NotCommitted writes nothing and says so.
	NotCommitted
	// NoSpace writes nothing and answers a *compaction.SpaceError.
	NoSpace
	// UnknownWritten writes the group and answers ErrUnknownOutcome.
	UnknownWritten
	// UnknownLost writes nothing and answers ErrUnknownOutcome.
	UnknownLost
	// Fenced has a rival claim the shard first.
	Fenced
	// Late lets the Append through after the Fault's delay.
	Late
	outcomes
)

// String returns the outcome's name.
func (o Outcome) String() string {
	return [...]string{"pass", "not committed", "no space", "unknown, written", "unknown, lost",
		"fenced", "late"}[o]
}

// A Fault is a log whose appends fail as a test says: first as scripted, then at random when Seed
// was called, else not at all. It keeps the contract: after ErrUnknownOutcome or ErrFenced the
// writer takes nothing more, and the shard must be claimed afresh. Everything else is the
// underlying log's. Its methods may be called from any goroutine.
type Fault struct {
	compaction.Log
	// Delay is how long a Late append waits. Set it before use.
	Delay time.Duration

	mu       sync.Mutex
	script   []Outcome
	rng      *rand.Rand
	percent  int
	injected map[Outcome]int
	held     chan struct{} // closed by release; nil while appends are not held
}

// NewFault returns a log that passes everything on until Script or Seed is called.
func NewFault(log compaction.Log) *Fault {
	return &Fault{Log: log, Delay: 5 * time.Millisecond, injected: map[Outcome]int{}}
}

// Script says what happens to the next appends, of any shard, in the order in which they begin. It
// adds to what was scripted before.
func (f *Fault) Script(next ...Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, next...)
}

// Seed makes so many of a hundred appends fail, at random but the same for the same seed and the
// same order of appends. A percent of 0 ends it.
func (f *Fault) Seed(seed uint64, percent int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rng, f.percent = rand.New(rand.NewPCG(seed, seed)), percent
}

// Hold makes appends wait until release is called, or until their context ends, in which case
// nothing is written.
func (f *Fault) Hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := make(chan struct{})
	f.held = held
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		close(held)
		if f.held == held {
			f.held = nil
		}
	})
}

// Injected returns how often an outcome happened.
func (f *Fault) Injected(o Outcome) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.injected[o]
}

// next decides about an append.
func (f *Fault) next() (Outcome, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := Pass
	switch {
	case len(f.script) > 0:
		o, f.script = f.script[0], f.script[1:]
	case f.rng != nil && f.rng.IntN(100) < f.percent:
		o = 1 + Outcome(f.rng.IntN(int(outcomes)-1))
	}
	f.injected[o]++
	return o, f.held
}

// Mark returns the mark of the underlying log, which must have one.
func (f *Fault) Mark(ctx context.Context) (compaction.Mark, error) {
	return f.Log.(compaction.MarkedLog).Mark(ctx)
}

// Last returns the last group of a shard of the underlying log.
func (f *Fault) Last(ctx context.Context, shard int) (uint64, time.Time, error) {
	return f.Log.(compaction.MarkedLog).Last(ctx, shard)
}

// Claim claims the shard of the underlying log.
func (f *Fault) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	w, err := f.Log.Claim(ctx, shard)
	if err != nil {
		return nil, err
	}
	return &faultyWriter{Writer: w, fault: f, shard: shard}, nil
}

// A faultyWriter is a writer of a Fault.
type faultyWriter struct {
	compaction.Writer
	fault *Fault
	shard int
	lost  bool // the contract wants a new claim
}

// SetMark marks the underlying log: no fault comes in between.
func (w *faultyWriter) SetMark(ctx context.Context, m compaction.Mark) error {
	return w.Writer.(compaction.MarkingWriter).SetMark(ctx, m)
}

// Append does what the fault says.
func (w *faultyWriter) Append(
	ctx context.Context, g compaction.Group,
) (compaction.Positions, error) {
	if w.lost {
		return nil, compaction.ErrFenced
	}
	o, held := w.fault.next()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", compaction.ErrNotCommitted, ctx.Err())
		}
	}
	switch o {
	case Pass:
	case NotCommitted:
		return nil, fmt.Errorf("%w: injected", compaction.ErrNotCommitted)
	case NoSpace:
		return nil, &compaction.SpaceError{Path: "injected", Available: 1, Reserve: 2}
	case UnknownLost:
		w.lost = true
		return nil, fmt.Errorf("%w: injected", compaction.ErrUnknownOutcome)
	case UnknownWritten:
		if _, err := w.Writer.Append(ctx, g); err != nil {
			return nil, err
		}
		w.lost = true
		return nil, fmt.Errorf("%w: injected", compaction.ErrUnknownOutcome)
	case Fenced:
		rival, err := w.fault.Log.Claim(ctx, w.shard)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", compaction.ErrNotCommitted, err)
		}
		if err := rival.Close(); err != nil {
			return nil, fmt.Errorf("%w: %w", compaction.ErrNotCommitted, err)
		}
	case Late:
		select {
		case <-time.After(w.fault.Delay):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", compaction.ErrNotCommitted, ctx.Err())
		}
	default:
		panic("compactiontest: no such outcome")
	}
	return w.Writer.Append(ctx, g)
}
