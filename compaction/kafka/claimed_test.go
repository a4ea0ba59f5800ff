package kafka

import "testing"

// TestClaimed: a process knows its own claims from those of another that has the same name and is
// reached at the same address. It has to doubt its shard after those, and not after its own.
func TestClaimed(t *testing.T) {
	o := suiteOptions(model(t).ListenAddrs(), "")
	one, two := opened(t, o), opened(t, o)
	d := directed(t, o.Connection)
	for epoch := uint64(1); epoch <= 2*claimsKept; epoch++ {
		l, other := one, two
		if epoch%3 == 0 {
			l, other = two, one
		}
		claim(t, l, 0)
		if shown := d.shows(0, epoch); !l.Claimed(0, shown) || other.Claimed(0, shown) {
			t.Errorf("claim %d: known to who made it: %t, to the other: %t",
				epoch, l.Claimed(0, shown), other.Claimed(0, shown))
		}
	}
	if n := len(one.claims[0]); n > claimsKept {
		t.Errorf("%d claims are remembered, want %d at most", n, claimsKept)
	}
}
