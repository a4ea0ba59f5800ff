package main

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A simGroup is who owns which shard: it stands where a consumer group stands, and keeps its rules.
// A shard goes to another node when its owner has given it up, or has not been heard of for the
// session's time.
type simGroup struct {
	s   *simulation
	rng *rand.Rand

	mu     sync.Mutex
	owners []*simNode // by shard; nil for none
}

// session is how long an owner may be silent.
const session = 10 * time.Second

// owner returns who owns a shard, as far as the group knows.
func (g *simGroup) owner(shard int) *simNode {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owners[shard]
}

// of returns the shards of a node.
func (g *simGroup) of(n *simNode) []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	shards := []int{}
	for shard, owner := range g.owners {
		if owner == n {
			shards = append(shards, shard)
		}
	}
	return shards
}

func (g *simGroup) set(shard int, n *simNode) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owners[shard] = n
}

// move gives a shard to a node.
func (g *simGroup) move(shard int, to *simNode) {
	from := g.owner(shard)
	if from == to {
		return
	}
	g.set(shard, nil)
	if from != nil {
		g.s.note("group: shard %d leaves %s", shard, from.name)
		_ = from.tell(g.of(from), session) // whoever does not answer for so long is out
	}
	g.s.note("group: shard %d goes to %s", shard, to.name)
	g.set(shard, to)
	_ = to.tell(g.of(to), session) // the next round tells it again
}

// round looks after the nodes: those that run are told what they own, and what others owned is
// given to them.
func (g *simGroup) round() {
	var alive []*simNode
	for _, n := range g.s.nodes {
		if p := n.process(); p != nil && !p.wire.severed() {
			alive = append(alive, n)
		}
	}
	if len(alive) == 0 {
		return
	}
	for shard := range g.s.shards {
		if !slices.Contains(alive, g.owner(shard)) {
			g.move(shard, alive[g.rng.IntN(len(alive))])
		}
	}
	for _, n := range alive {
		if mine := g.of(n); !slices.Equal(mine, n.owned()) {
			_ = n.tell(mine, session) // the next round tells it again
		}
	}
}

// run goes round until it is ended, and moves a shard when it is asked to.
func (g *simGroup) run(ended <-chan struct{}, moves <-chan func()) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case move := <-moves:
			move()
		case <-tick.C:
			g.round()
		}
	}
}
