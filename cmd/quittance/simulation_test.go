package main

import (
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

var (
	simulationSeed = flag.Uint64("seed", 0, "the one seed that TestSimulation runs; 0 runs -seeds")
	simulations    = flag.Int("seeds", 24, "how many seeds TestSimulation runs")
	simulationFrom = flag.Uint64("from", 1, "the first of them; 0 takes one from the time")
	simulationFor  = flag.Duration("for", 0, "how long TestSimulation goes on to further seeds")
)

// TestSimulation runs the whole program in virtual time: brokers, several nodes and their disks,
// clients, and whatever can go wrong between them, as a seed has it. Nothing that was answered may
// be lost or done twice, nothing that was said not to be done may be done, reads must know what was
// answered before them, and in the end, when all is well again, everything must be served and
// verified. A seed that fails runs again alone:
//
//	go test ./cmd/quittance -run TestSimulation -v -args -seed=N
//
// The seed fixes what happens and when; how goroutines interleave at one moment is the runtime's,
// so that what fails rarely may take a few runs of its seed to fail again.
func TestSimulation(t *testing.T) {
	if *simulationSeed != 0 {
		simulateSeed(t, *simulationSeed)
		return
	}
	began, count, first := time.Now(), *simulations, firstSeed()
	if testing.Short() {
		count = 2
	}
	t.Logf("seeds from %d", first)
	var virtual time.Duration
	done := 0
	for ; done < count || time.Since(began) < *simulationFor; done++ {
		virtual += simulateSeed(t, first+uint64(done))
	}
	t.Logf("%d seeds from %d, %v of virtual time in %v", done, first, virtual.Round(time.Second),
		time.Since(began).Round(time.Second))
}

// firstSeed returns where the seeds begin. Those of the time are a thousand to a second, more than
// are run: no run comes to those of a later one.
func firstSeed() uint64 {
	if *simulationFrom != 0 {
		return *simulationFrom
	}
	return uint64(time.Now().UnixMilli())
}

// simulateSeed runs a seed in a bubble of its own and returns how long that took in there.
func simulateSeed(t *testing.T, seed uint64) (virtual time.Duration) {
	t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
		began, over := time.Now(), false
		s := newSimulation(t, seed)
		defer func() {
			virtual = s.took
			t.Logf("%s, in %v", s.told(), time.Since(began).Round(time.Millisecond))
			if t.Failed() || !over { // a bubble in which everybody waits for ever panics
				t.Logf("%s\nagain: go test ./cmd/quittance -run TestSimulation -v -args -seed=%d",
					s.trace.String(), seed)
			}
		}()
		synctest.Test(t, func(t *testing.T) {
			s.t = t
			s.run()
		})
		over = true
	})
	return virtual
}
