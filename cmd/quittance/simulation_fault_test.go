package main

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A mishap is one thing that can go wrong.
type mishap struct {
	name   string
	weight int
	happen func(s *simulation)
}

// The names of those that are asked for by name.
const (
	losing     = "requests get lost"
	cutting    = "the network of a node is cut"
	standing   = "a process stands still"
	refusing   = "a broker refuses"
	dying      = "a node dies"
	restarting = "a node is restarted"
	moving     = "a shard moves"
	splitting  = "two nodes own a shard" // its group is wrong
	skewing    = "a clock is wrong"
	slowing    = "a disk is slow"
	filling    = "a disk is full"
)

// mishaps are all of them. A seed takes some, so that each is also met alone.
var mishaps = []mishap{
	{losing, 4, func(s *simulation) {
		n := s.anyNode()
		r := rates{end: 50 + s.rng.IntN(400), other: s.rng.IntN(60)}
		s.note("%s: %d of 1000 commits and %d of other requests get lost", n.name, r.end, r.other)
		s.during(n, 1+s.rng.IntN(20), func(p *simProcess) { p.wire.disturb(r) },
			func(p *simProcess) { p.wire.disturb(rates{}) })
	}},
	{cutting, 3, func(s *simulation) {
		n := s.anyNode()
		s.note("%s: cut", n.name)
		s.during(n, 1+s.rng.IntN(40), func(p *simProcess) { p.wire.sever(true) },
			func(p *simProcess) { p.wire.sever(false); s.note("%s: mended", n.name) })
	}},
	{standing, 3, func(s *simulation) {
		n := s.anyNode()
		s.note("%s: stands still", n.name)
		s.during(n, 1+s.rng.IntN(40), func(p *simProcess) { p.wire.still() },
			func(p *simProcess) { p.wire.wake(); s.note("%s: goes on", n.name) })
	}},
	{refusing, 6, func(s *simulation) {
		f := refusals[s.rng.IntN(len(refusals))]
		f.Count = 1 + s.rng.IntN(6)
		s.note("the brokers answer %d requests of %v with %v", f.Count, f.Keys, f.Err)
		s.cluster.Fault(f)
	}},
	{"leaders move", 2, func(s *simulation) {
		s.note("leaders move")
		s.cluster.ShufflePartitionLeaders()
		s.cluster.RehashCoordinators()
	}},
	{dying, 3, func(s *simulation) {
		n, lose := s.anyNode(), s.rng.IntN(3) == 0
		s.note("%s: dies (its store is lost: %t)", n.name, lose)
		n.kill(lose)
		s.later(time.Duration(s.rng.IntN(30))*time.Second, func() {
			if n.process() == nil {
				s.note("%s: starts", n.name)
				n.start()
			}
		})
	}},
	{restarting, 2, func(s *simulation) {
		n := s.anyNode()
		s.note("%s: stops", n.name)
		s.background.Go(func() {
			n.stop()
			if !s.healing.Load() && n.process() == nil {
				s.note("%s: starts", n.name)
				n.start()
			}
		})
	}},
	{moving, 4, func(s *simulation) {
		shard, n := s.rng.IntN(s.shards), s.anyNode()
		if s.group == nil {
			return // the brokers' group moves them when nodes come and go
		}
		select {
		case s.moves <- func() { s.group.move(shard, n) }:
		default:
		}
	}},
	{splitting, 1, func(s *simulation) {
		shard, n := s.rng.IntN(s.shards), s.anyNode()
		p := n.process()
		if p == nil || s.owner(shard) == n || !p.ready() {
			return
		}
		s.note("%s: takes shard %d, which is another's", n.name, shard)
		while := time.Duration(1+s.rng.IntN(20)) * time.Second
		s.background.Go(func() {
			n.own(p, func(told []int) []int { return append(told, shard) })
			time.Sleep(while)
			n.own(p, func(told []int) []int { return told })
		})
	}},
	{slowing, 2, func(s *simulation) {
		n := s.anyNode()
		slow := time.Duration(s.rng.IntN(200)) * time.Millisecond
		ills := n.machine().ills
		s.note("%s: its disk takes %v for anything", n.name, slow)
		ills.slow.Store(int64(slow))
		s.later(time.Duration(s.rng.IntN(20))*time.Second, func() { ills.slow.Store(0) })
	}},
	{skewing, 1, func(s *simulation) {
		n := s.anyNode()
		skew := time.Duration(s.rng.IntN(7200)-3600) * time.Second
		s.note("%s: its clock is %v ahead", n.name, skew)
		n.skewed(skew)
	}},
	{filling, 1, func(s *simulation) {
		n := s.anyNode()
		ills := n.machine().ills
		s.note("%s: its disk is full", n.name)
		ills.full.Store(true)
		s.later(time.Duration(s.rng.IntN(40))*time.Second, func() {
			s.note("%s: its disk has room again", n.name)
			ills.full.Store(false)
			n.start()
		})
	}},
}

// refusals are answers of brokers that are not well, or not what the client thinks they are.
var refusals = []kfake.Fault{
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition},
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas},
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut},
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend},
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.ConcurrentTransactions},
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.KafkaStorageError},
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TransactionAbortable},
	{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownServerError},
	{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.CoordinatorLoadInProgress},
	{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.CoordinatorNotAvailable},
	{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.NotCoordinator},
	{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ConcurrentTransactions},
	{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.TransactionAbortable},
	{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError},
	{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.CoordinatorLoadInProgress},
	{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ConcurrentTransactions},
	{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.NotCoordinator},
	{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable},
	{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition},
	{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.KafkaStorageError},
	{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition},
	{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.LeaderNotAvailable},
	{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.LeaderNotAvailable},
}

// during does something to a node's process now, and undoes it after so many seconds.
func (s *simulation) during(n *simNode, seconds int, do, undo func(*simProcess)) {
	p := n.process()
	if p == nil {
		return
	}
	do(p)
	s.later(time.Duration(seconds)*time.Second, func() { undo(p) })
}

// later does something after a while, or when everything is to be well again.
func (s *simulation) later(d time.Duration, f func()) {
	s.background.Go(func() {
		select {
		case <-time.After(d):
		case <-s.healed:
		}
		f()
	})
}

// ready reports whether the process has opened its log.
func (p *simProcess) ready() bool {
	select {
	case <-p.opened:
		return true
	default:
		return false
	}
}
