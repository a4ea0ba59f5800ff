package kafka_test

import (
	"strings"
	"testing"
	"time"
)

var (
	rising  = [most]int8{0, 1, 2}
	falling = [most]int8{2, 1, 0}
)

// right are the rules of the driver: a ring of three ids for everybody, initialised in order, and
// the barrier through the first of them.
func right() rules {
	return rules{
		ring:  [most]int8{3, 3, 3},
		order: [most][most]int8{rising, rising, rising},
	}
}

// TestClaim goes through every interleaving of claims, appends, generations of the group and faults
// and wants a claim that fences the older ones, an older claim's appends before the newer barrier
// in each topic, nothing decided without what came before it, and a shard served in the end.
func TestClaim(t *testing.T) {
	three := faults{generations: 2, crashes: 1, losses: 1}
	if testing.Short() {
		three.crashes = 0 // a third of the states
	}
	for name, w := range map[string]world{
		"two claimants": {rules: right(), claimants: 2, topics: 2,
			faults: faults{generations: 2, crashes: 1, timeouts: 1, losses: 2}},
		"three claimants": {rules: right(), claimants: 3, topics: 1, faults: three},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			f := explore(w)
			t.Logf("%v, in %v", f, time.Since(began).Round(time.Millisecond))
			if f.broken != "" {
				t.Error("the rules of the driver do not hold")
			}
		})
	}
}

// TestClaimOrders wants to know what of the order of initialisation matters: it is only that the
// barrier goes through the id that everybody initialises first. Whoever commits a barrier there
// holds that id, so each other claim under way has lost it, or will take it and with it the rest.
func TestClaimOrders(t *testing.T) {
	for name, order := range map[string][most][most]int8{
		"the rest in another order": {rising, {0, 2, 1}, rising},
		"the rest falling":          {{0, 2, 1}, {0, 2, 1}, {0, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world{rules: right(), claimants: 2, topics: 1, faults: faults{generations: 2, losses: 1}}
			w.order = order
			if f := explore(w); f.broken != "" {
				t.Error(f)
			} else {
				t.Log(f)
			}
		})
	}
}

// TestClaimWrong wants the model to see what is wrong with each rule that is not the driver's: one
// that finds nothing there would find nothing anywhere.
func TestClaimWrong(t *testing.T) {
	const older, unseen, stuck = "after the barrier of a newer one", "decided without", "nobody ever"
	tests := map[string]struct {
		change func(*rules)
		broken string
	}{
		"barrier through the last id":   {func(r *rules) { r.barrier = 2 }, older},
		"barrier through the second id": {func(r *rules) { r.barrier = 1 }, older},
		"no barrier":                    {func(r *rules) { r.barrier = nobody }, older},
		"a smaller ring":                {func(r *rules) { r.ring[1] = 2 }, older},
		"a smaller ring first":          {func(r *rules) { r.ring[0] = 1 }, older},
		"opposite orders":               {func(r *rules) { r.order[1] = falling }, older},
		"the barrier's id last": {func(r *rules) {
			r.order = [most][most]int8{falling, falling, falling}
		}, older},
		"the barrier's id second": {func(r *rules) {
			r.order = [most][most]int8{{1, 0, 2}, {1, 0, 2}, {1, 0, 2}}
		}, older},
		"no second claim":       {func(r *rules) { r.giveUp = true }, stuck},
		"fences overlooked":     {func(r *rules) { r.overlook = true }, stuck},
		"serving before replay": {func(r *rules) { r.blind = true }, unseen},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{rules: right(), claimants: 2, topics: 1, faults: faults{generations: 2}}
			test.change(&w.rules)
			f := explore(w)
			if !strings.Contains(f.broken, test.broken) {
				t.Errorf("got %v\nwant a schedule where: %s", f, test.broken)
			}
			t.Log(f)
		})
	}
}
