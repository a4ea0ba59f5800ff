package kafka_test

// A step is a deed, what it leads to, whether it is a fault (a served shard must be reached without
// any more of them), and which property it breaks.
type step struct {
	deed   deed
	fault  bool
	to     state
	broken string
}

// steps returns every step that can come next.
func (w world) steps(s state, found []step) []step {
	for c := range w.claimants {
		found = w.own(s, c, found)
		found = w.group(s, c, found)
	}
	for k := range int8(most) {
		found = w.coordinator(s, k, found)
	}
	return found
}

// own adds what claimant c can do by itself.
func (w world) own(s state, c int8, found []step) []step {
	o := s.claimants[c]
	switch o.phase {
	case absent:
		if o.assigned && !o.resigned {
			found = append(found, w.initialise(s, c, 0))
		}
	case initialising:
		if o.step < w.ring[c] {
			return append(found, w.initialise(s, c, o.step))
		}
	case barring:
		found = append(found, w.through(s, c, w.barrier))
	case replaying:
		if w.stable(s, c, o.step) {
			n := step{deed: deed{replay, c, nobody, o.step}, to: s}
			n.to.claimants[c].missing &^= 1 << o.step
			w.advance(&n.to, c)
			found = append(found, n)
		}
	case serving:
		found = append(found, w.through(s, c, o.turn))
	}
	return found
}

// initialise takes the id that is n-th in c's order: its open transaction is aborted and its
// previous holder fenced.
func (w world) initialise(s state, c, n int8) step {
	k := w.order[c][n]
	next := step{deed: deed{initialise, c, k, nobody}, to: s}
	next.to.ids[k] = id{holder: c}
	o := &next.to.claimants[c]
	o.phase, o.step = initialising, n+1
	if o.step == w.ring[c] {
		o.phase, o.step = barring, 0
		if w.barrier == nobody {
			o.phase = replaying
			w.commitBarrier(&next.to, c)
		}
	}
	return next
}

// through is c's next record, or the commit, of a transaction through id k.
func (w world) through(s state, c, k int8) step {
	o := s.claimants[c]
	n := step{deed: deed{writeAppend, c, k, o.step}, to: s}
	what := appending
	if o.phase == barring {
		n.deed.verb, what = writeBarrier, barrier
	}
	if w.committing(o) {
		n.deed.verb, n.deed.topic = n.deed.verb+1, nobody
	}
	switch {
	case s.ids[k].holder != c && w.overlook && o.phase == serving:
		n.deed.verb = seeFence
		p := &n.to.claimants[c]
		p.step, p.turn = 0, (o.turn+1)%w.ring[c]
	case s.ids[k].holder != c:
		n.deed.verb = seeFence
		w.drop(&n.to, c)
		n.to.claimants[c].resigned = w.giveUp
	case w.committing(o):
		n.broken = w.commit(&n.to, c, k)
		p := &n.to.claimants[c]
		if o.phase == serving {
			p.step, p.turn = 0, (o.turn+1)%w.ring[c]
		} else {
			p.phase, p.step = replaying, 0
		}
		if w.blind {
			p.phase = serving
		}
	default:
		w.produce(&n.to, c, k, o.step, what)
		n.to.claimants[c].step++
	}
	return n
}

// advance counts a replayed topic; after the last one the claimant serves.
func (w world) advance(s *state, c int8) {
	o := &s.claimants[c]
	if o.step++; o.step == w.topics {
		o.phase, o.step = serving, 0
	}
}

// stable reports whether topic t can be read as far as c's barrier: no open transaction has a
// record before it.
func (w world) stable(s state, c, t int8) bool {
	for _, i := range s.ids {
		if i.produced&(1<<t) != 0 && i.behind[t]&(1<<c) == 0 {
			return false
		}
	}
	return true
}

// group adds what the group and the machine do to claimant c.
func (w world) group(s state, c int8, found []step) []step {
	o := s.claimants[c]
	add := func(v verb, fault bool, change func(*state)) {
		n := step{deed: deed{v, c, nobody, nobody}, fault: fault, to: s}
		change(&n.to)
		found = append(found, n)
	}
	if mine := s.assigned == c; o.phase != down && o.assigned != mine {
		add(hear, false, func(s *state) {
			if s.claimants[c].assigned, s.claimants[c].resigned = mine, false; !mine {
				w.drop(s, c)
			}
		})
	}
	gone := s.claimants[s.assigned].phase == down
	if s.assigned != c && o.phase != down && (gone || s.faults.generations > 0) {
		add(assign, !gone, func(s *state) {
			s.assigned = c
			if !gone {
				s.faults.generations--
			}
		})
	}
	if o.phase == down {
		add(restart, false, func(s *state) { s.claimants[c].phase = absent })
	} else if s.faults.crashes > 0 {
		add(crash, true, func(s *state) {
			s.faults.crashes--
			w.drop(s, c)
			s.claimants[c] = claimant{phase: down, missing: w.all()}
		})
	}
	if w.committing(o) && s.faults.losses > 0 {
		add(lose, true, func(s *state) {
			s.faults.losses--
			w.drop(s, c)
		})
		n := &found[len(found)-1]
		if n.deed.id = o.turn; o.phase == barring {
			n.deed.id = w.barrier
		}
	}
	return found
}

// coordinator adds what can happen to the open transaction of id k.
func (w world) coordinator(s state, k int8, found []step) []step {
	i := s.ids[k]
	if i.open == nothing {
		return found
	}
	orphan := i.holder == nobody
	if orphan || s.faults.timeouts > 0 {
		n := step{deed: deed{expire, nobody, k, nobody}, fault: !orphan, to: s}
		if n.to.ids[k] = (id{holder: nobody}); !orphan {
			n.to.faults.timeouts--
		}
		found = append(found, n)
	}
	if i.underway {
		n := step{deed: deed{arrive, nobody, k, nobody}, to: s}
		n.broken = w.commit(&n.to, nobody, k)
		found = append(found, n)
	}
	return found
}
