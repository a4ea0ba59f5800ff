package kafka_test

import "slices"

// The claim of a shard as a finite model: claimants (nodes that may be asked to own the shard), the
// transactional ids of its ring at their coordinator, and what matters of the log in each topic.
// Numbers that grow (epochs, offsets, groups) are left out: what is kept is only how they compare,
// so the model has finitely many states although claims and appends go on without end.

const (
	most       = 3 // claimants, ids and topics at most
	nobody     = int8(-1)
	claimNames = "ABC"
)

// The rules of a claim. The right ones are those of the driver; the others are known to be wrong.
type rules struct {
	ring     [most]int8       // how many ids each claimant uses
	order    [most][most]int8 // in which order each claimant initialises them
	barrier  int8             // the id that the barrier goes through; nobody: there is no barrier
	giveUp   bool             // a fenced claimant does not claim again while it is still assigned
	blind    bool             // it serves before it has replayed to its own barrier
	overlook bool             // it is not told that an id was taken, and goes on with the others
}

// A world is what a model is made of, and how often things may go wrong in it.
type world struct {
	rules
	claimants, topics int8
	faults            faults
}

// faults are how many of each are still to come.
type faults struct{ generations, crashes, timeouts, losses int8 }

// A phase is how far a claimant has come.
type phase int8

const (
	absent       phase = iota // it holds nothing
	initialising              // step ids are initialised
	barring                   // step topics hold its barrier; at the last one it commits
	replaying                 // step topics are replayed up to its barrier
	serving                   // step topics hold its open append; at the last one it commits
	down                      // its process has ended
)

// A claimant is a node and its claim.
type claimant struct {
	phase    phase
	step     int8
	turn     int8  // the ring's next id
	missing  uint8 // topics: committed appends there are not in its store
	assigned bool  // as it has last heard from the group
	passed   bool  // an older claim's append was committed behind its barrier
	resigned bool  // it was fenced and does not claim again (a wrong rule)
}

// A kind is what an open transaction is for.
type kind int8

const (
	nothing kind = iota
	barrier
	appending
)

// An id is a transactional id at its coordinator. A claimant holds it from its initialisation to
// the next one; a transaction may outlive the claim that began it, and its commit may be under way.
type id struct {
	holder     int8
	open       kind
	produced   uint8       // topics that hold a record of the open transaction
	behind     [most]uint8 // a topic → claimants whose barrier lies before that record
	superseded bool        // a newer barrier was committed meanwhile
	unseen     bool        // it was decided without all that had been appended
	underway   bool        // its claimant has gone, its EndTxn may still arrive
}

// A state is all of the model at one moment.
type state struct {
	claimants [most]claimant
	ids       [most]id
	assigned  int8 // by the group's current generation
	latest    int8 // whose barrier was committed last, while that claim lasts
	faults    faults
}

// start is a shard that nobody has claimed yet, just assigned to A.
func (w world) start() state {
	s := state{assigned: 0, latest: nobody, faults: w.faults}
	for k := range s.ids {
		s.ids[k].holder = nobody
	}
	return s
}

// all is every topic.
func (w world) all() uint8 { return 1<<w.topics - 1 }

// served reports whether the shard is served by whom it is assigned to, with nothing in the way.
func (w world) served(s state) bool {
	c := s.claimants[s.assigned]
	for k := range w.ring[s.assigned] {
		if s.ids[k].holder != s.assigned {
			return false
		}
	}
	return c.phase == serving && c.assigned && s.latest == s.assigned && c.missing == 0
}

// committing reports whether c's next step is to end a transaction.
func (w world) committing(c claimant) bool {
	return (c.phase == barring || c.phase == serving) && c.step == w.topics
}

// drop ends c's claim. What it has sent may still arrive.
func (w world) drop(s *state, c int8) {
	for k := range s.ids {
		i := &s.ids[k]
		if i.holder == c {
			i.holder = nobody
			i.underway = i.open != nothing && w.committing(s.claimants[c])
			i.unseen = i.underway && s.claimants[c].missing != 0
		}
		for t := range i.behind {
			i.behind[t] &^= 1 << c
		}
	}
	if s.latest == c {
		s.latest = nobody
	}
	o := &s.claimants[c]
	*o = claimant{missing: o.missing, assigned: o.assigned, resigned: o.resigned}
}

// produce writes a record of c's open transaction through id k to topic t.
func (w world) produce(s *state, c, k int8, t int8, what kind) {
	i := &s.ids[k]
	if i.open == nothing {
		i.open = what
		i.superseded = what == appending && s.latest != c
	}
	i.produced |= 1 << t
	for d, o := range s.claimants {
		if int8(d) != c && (o.phase == barring && o.step > t || o.phase == replaying) {
			i.behind[t] |= 1 << d
		}
	}
}

// end closes the transaction of id k, whichever way it went.
func end(i *id) { *i = id{holder: i.holder} }

// commit commits the transaction of id k, of claimant c or (nobody) of a claim that has ended, and
// returns which property that breaks.
func (w world) commit(s *state, c int8, k int8) (broken string) {
	i := s.ids[k]
	end(&s.ids[k])
	if i.open == barrier {
		return w.commitBarrier(s, c)
	}
	if i.superseded {
		broken = "an append of an older claim is committed after the barrier of a newer one"
	} else if i.unseen || c != nobody && s.claimants[c].missing != 0 {
		broken = "an append is committed that was decided without all that came before it"
	}
	for d := range s.claimants {
		o := &s.claimants[d]
		if int8(d) != c {
			o.missing = w.all()
		}
		behind := slices.ContainsFunc(i.behind[:], func(m uint8) bool { return m&(1<<d) != 0 })
		o.passed = o.passed || o.phase == barring && behind
	}
	return broken
}

// commitBarrier makes c's claim the latest.
func (w world) commitBarrier(s *state, c int8) (broken string) {
	for k := range s.ids {
		s.ids[k].superseded = s.ids[k].open == appending
	}
	s.latest = c
	if c != nobody && s.claimants[c].passed {
		return "an append of an older claim lies behind the barrier of a newer one"
	}
	return ""
}
