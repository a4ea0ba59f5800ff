package sandbox

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"
)

// Faults are what goes wrong, each in so many of a thousand cases. The zero value goes wrong
// never.
type Faults struct {
	Seed uint64
	// Decline declines a method that would succeed.
	Decline int
	// Timeout does what was asked and never answers.
	Timeout int
	// ErrorBefore answers 500 and does nothing.
	ErrorBefore int
	// ErrorAfter does what was asked and answers 500; the same key gets the same 500.
	ErrorAfter int
	// Duplicate sends a webhook twice.
	Duplicate int
	// Reorder sends a webhook after those that follow it.
	Reorder int
	// Late sends a webhook a minute late.
	Late int
	// Conflict sends a webhook that says something else happened.
	Conflict int
	// Hang is how long a request that is never answered stays open; 2 s.
	Hang time.Duration
}

// Stats count the faults that happened since the provider was opened.
type Stats struct {
	Decline     int64 `json:"decline"`
	Timeout     int64 `json:"timeout"`
	ErrorBefore int64 `json:"error_before"`
	ErrorAfter  int64 `json:"error_after"`
	Duplicate   int64 `json:"duplicate"`
	Reorder     int64 `json:"reorder"`
	Late        int64 `json:"late"`
	Conflict    int64 `json:"conflict"`
}

// dice decide which cases go wrong: by the seed, the kind of fault, what it happens to, and how
// often that was decided before, so that order between requests plays no part.
type dice struct {
	mu     sync.Mutex
	faults Faults
	thrown map[string]int
	stats  Stats
}

// maxThrown bounds what is remembered of earlier throws: beyond it they are forgotten.
const maxThrown = 100_000

func newDice(f Faults) *dice {
	if f.Hang <= 0 {
		f.Hang = 2 * time.Second
	}
	return &dice{faults: f, thrown: map[string]int{}}
}

// throw reports whether a fault of the rate happens to the subject now, and counts it if so.
func (d *dice) throw(kind, subject string, rate int, count *int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if rate <= 0 {
		return false
	}
	if len(d.thrown) >= maxThrown {
		clear(d.thrown)
	}
	key := kind + " " + subject
	d.thrown[key]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", d.faults.Seed, key, d.thrown[key])
	// FNV's last bytes spread little over the high bits: mix before reducing.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	if x%1000 >= uint64(rate) {
		return false
	}
	*count++
	return true
}

// counts returns what went wrong so far.
func (d *dice) counts() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

// set replaces the rates.
func (d *dice) set(f Faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.Hang <= 0 {
		f.Hang = 2 * time.Second
	}
	d.faults = f
}

func (d *dice) rates() Faults {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.faults
}
