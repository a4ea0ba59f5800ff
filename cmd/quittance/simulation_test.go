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
	began, count := time.Now(), *simulations
	if testing.Short() {
		count = 2
	}
	var virtual time.Duration
	seed := uint64(1)
	for ; seed <= uint64(count) || time.Since(began) < *simulationFor; seed++ {
		virtual += simulateSeed(t, seed)
	}
	t.Logf("%d seeds, %v of virtual time in %v", seed-1, virtual.Round(time.Second),
		time.Since(began).Round(time.Second))
}

// simulateSeed runs a seed in a bubble of its own and returns how long that took in there.
func simulateSeed(t *testing.T, seed uint64) (virtual time.Duration) {
	t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
		began := time.Now()
		s := newSimulation(t, seed)
		defer func() {
			virtual = s.took
			t.Logf("%s, in %v", s.told(), time.Since(began).Round(time.Millisecond))
			if t.Failed() {
				t.Logf("%s\nagain: go test ./cmd/quittance -run TestSimulation -v -args -seed=%d",
					s.trace.String(), seed)
			}
		}()
		synctest.Test(t, func(t *testing.T) {
			s.t = t
			s.run()
		})
	})
	return virtual
}
