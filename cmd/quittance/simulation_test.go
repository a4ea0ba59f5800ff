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
	simulations    = flag.Int("seeds", 8, "how many seeds TestSimulation runs")
	simulationFrom = flag.Uint64("from", 1, "the first of them; 0 takes one from the time")
	simulationSeek = flag.Int("seek", 0, "how many seeds TestSimulationFinds tries; 0: the known ones")
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
		count = 1
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
			for _, f := range s.faults {
				t.Error(f)
			}
			if t.Failed() || !over { // a bubble in which everybody waits for ever panics
				t.Logf("%s\nagain: go test ./cmd/quittance -run TestSimulation -v -args -seed=%d",
					s.trace.String(), seed)
			}
		}()
		s.live()
		over = true
	})
	return virtual
}

// live lives through the seed in a bubble of its own.
func (s *simulation) live() {
	synctest.Test(s.t, func(t *testing.T) {
		s.t = t
		s.run()
	})
}

// TestSimulationFinds takes one rule after the other away from the program and wants the seeds that
// are known for it to find that: what TestSimulation does not see it cannot promise. Where the
// schedules change, others have to be sought:
//
//	go test ./cmd/quittance -run TestSimulationFinds -v -args -seek=40
func TestSimulationFinds(t *testing.T) {
	rules := wrongs
	if testing.Short() {
		rules = rules[:2]
	}
	for _, w := range rules {
		t.Run(w.rule, func(t *testing.T) {
			seeds := w.seeds
			if *simulationSeek > 0 {
				seeds = nil
			}
			for n := range *simulationSeek {
				seeds = append(seeds, uint64(n+1))
			}
			if w.find(t, seeds, *simulationSeek > 0) == 0 {
				t.Errorf("without this rule, the seeds %v find nothing wrong", seeds)
			}
		})
	}
}

// find lives through seeds without the rule, until one finds something or, if all is wanted,
// through every one. It returns how many did.
func (w *wrong) find(t *testing.T, seeds []uint64, all bool) (found int) {
	for _, seed := range seeds {
		s := newSimulation(t, seed)
		s.without(w)
		s.live()
		if len(s.faults) == 0 {
			continue
		}
		t.Logf("seed %d, after %v: %s", seed, s.took.Round(time.Second), s.faults[0])
		if found++; !all {
			break
		}
	}
	return found
}
