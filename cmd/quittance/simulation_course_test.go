package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// storm makes things go wrong for as long as the seed says.
func (s *simulation) storm() {
	weights := 0
	for _, m := range s.chosen {
		weights += m.weight
	}
	for time.Since(s.began) < s.stormy && !s.found() {
		time.Sleep(time.Duration(s.rng.ExpFloat64() * float64(s.calm)))
		if weights == 0 {
			continue
		}
		at := s.rng.IntN(weights)
		for _, m := range s.chosen {
			if at -= m.weight; at < 0 {
				m.happen(s)
				break
			}
		}
	}
}

// heal makes everything well again.
func (s *simulation) heal() {
	s.note("everything is well again")
	s.healing.Store(true)
	s.provider.heal()
	close(s.healed)
	s.background.Wait()
	for _, n := range s.nodes {
		if n.process() == nil {
			n.start()
		}
	}
	if !s.settles(3 * time.Minute) {
		s.note("the brokers' group does not come to an end")
		for _, n := range s.nodes {
			n.stop()
		}
		time.Sleep(3 * time.Minute)
		for _, n := range s.nodes {
			n.start()
		}
	}
}

// settles waits until every shard has an owner. The simulated brokers begin a rebalance's time anew
// with each member that joins, as real ones do not: members that join out of step after many deaths
// can keep each other from ever ending it.
func (s *simulation) settles(d time.Duration) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		owned := 0
		for shard := range s.shards {
			if s.owner(shard) != nil {
				owned++
			}
		}
		if owned == s.shards {
			return true
		}
	}
	return s.group != nil
}

// final wants one node to serve everything, then again when its disk was lost, and everything to be
// as the books have it.
func (s *simulation) final(ended chan struct{}, group *sync.WaitGroup) {
	close(ended)
	group.Wait()
	last := s.anyNode()
	for _, n := range s.nodes {
		if n != last {
			n.stop()
		}
	}
	all := make([]int, s.shards)
	for i := range all {
		all[i] = i
	}
	for shard := range all {
		if s.group != nil {
			s.group.set(shard, last)
		}
	}
	for range 2 {
		if s.found() {
			break
		}
		if err := s.serves(last, all); err != nil {
			s.fault("%s does not serve, long after everything is well: %v", last.name, err)
			break
		}
		last.skewed(time.Hour) // what is due by the clock that was furthest ahead is due
		if w := s.wrong; w == nil || w.calls != nil || w.answers != nil {
			s.books.settle(last.process())
		}
		s.check(last.process())
		last.stop()
		last.replace()
		last.start()
	}
	last.stop()
}

// serves has a node own all shards and waits until it serves them, background and all.
func (s *simulation) serves(n *simNode, shards []int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if s.group != nil {
		if err := n.tell(shards, 5*time.Minute); err != nil {
			return err
		}
	}
	for len(n.owned()) < s.shards {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it owns %v: %w", n.owned(), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return n.process().shards.Restored(ctx)
}

// check holds what a process serves against the log and the books.
func (s *simulation) check(p *simProcess) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	report, err := verify(ctx, p.shards, p.log)
	for tries := 0; errors.Is(err, compaction.ErrNotServing) && tries < 10; tries++ {
		time.Sleep(time.Second) // another may have claimed it before it ended
		report, err = verify(ctx, p.shards, p.log)
	}
	if err != nil {
		s.fault("verify: %v", err)
	} else if !report.OK {
		var b strings.Builder
		printReport(&b, report)
		s.fault("the data are not sound:\n%s", &b)
	}
	s.unknown, s.groups = 0, 0
	s.books.check(ctx, p.log)
	s.books.groups(ctx, p.log)
	for _, c := range s.clients {
		c.read()
		for _, o := range c.keyed {
			s.books.repeat(o)
		}
	}
}
