package compaction

import (
	"slices"
	"sync"
)

// feedBytes bounds what waits for a history that is slower than its owner.
const feedBytes = 4 << 20

// A feed hands on what a shard's owner has appended to the shard's history, which would else read
// it back: on Kafka the requests for that took a third of what one shard can do (24,900 commands a
// second with them and 32,400 without, 64 callers).
//
//	owner    begin ─► put ─► put ─► put ───────────────────────► end
//	                    waiting: from ──────────► to
//	history                            take ─► rows
//
// Nothing is missing between from and to. Who stands before from has something to read in the log
// first. What would be too much to keep is dropped, which moves from. Each owner is another one,
// even if it is of this process: what it claimed may not be the log that was there before.
type feed struct {
	topics []string      // those that only grow: what a history stands in
	change chan struct{} // holds a token when something has changed

	mu      sync.Mutex
	owner   int // counts those that came and went
	open    bool
	from    Positions // before the first batch that waits; where the owner stands if none does
	to      Positions // where the owner stands
	waiting []Batch
	size    int
}

func newFeed(topics []string) *feed { return &feed{topics: topics, change: make(chan struct{}, 1)} }

// begin opens the feed for an owner that stands at a position.
func (f *feed) begin(at Positions) { f.set(true, at) }

// end closes it: what is appended from now on is nobody's here.
func (f *feed) end() { f.set(false, nil) }

func (f *feed) set(open bool, at Positions) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owner++
	f.open, f.from, f.to, f.waiting, f.size = open, at, at, nil, 0
	f.changed()
}

func (f *feed) changed() {
	select {
	case f.change <- struct{}{}:
	default:
	}
}

// put hands on what of a group is appended for ever. The last entry of each topic has its offset,
// as it follows from the positions; those of the others are the log's to know. The group is in the
// log, and its records are not to be changed any more.
func (f *feed) put(g Group, appended []Record, next Positions) {
	b := Batch{Next: next, Group: g.Number, Time: g.Time}
	size := 0
	if len(appended) > 0 {
		b.Entries = make([]Entry, len(appended))
	}
	for i, r := range appended {
		e := Entry{Record: r, Group: g.Number, Count: len(g.Records), Time: g.Time, Offset: -1}
		same := func(other Record) bool { return other.Topic == r.Topic }
		if !slices.ContainsFunc(appended[i+1:], same) {
			e.Offset = next.Of(r.Topic) - 1
		}
		b.Entries[i] = e
		size += len(r.Key) + len(r.Value)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = next
	nothing := func(b Batch) bool { return len(b.Entries) == 0 }
	f.size += size
	switch n := len(f.waiting); {
	case f.size > feedBytes:
		f.from, f.waiting, f.size = next, nil, 0
	case nothing(b) && n > 0 && nothing(f.waiting[n-1]):
		f.waiting[n-1] = b // only the last says how far the owner has come
	default:
		f.waiting = append(f.waiting, b)
	}
	f.changed()
}

// take returns what waits as one batch, for a history that stands at a position and has seen to an
// owner. It reports false where that is not all: the owner is another one or gone, or what is
// between is in the log alone. A batch without entries only says how far the owner has come.
func (f *feed) take(at Positions, owner int) (Batch, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.open || f.owner != owner || !at.Reached(f.from.Only(f.topics)) {
		return Batch{}, false
	}
	all := Batch{Next: at}
	for _, b := range f.waiting {
		for _, e := range b.Entries {
			// What was read from the log is known by its place, not by the group's number: a reading
			// that ended between the topics of later groups may not have come to it.
			if at.Of(e.Topic) < b.Next.Of(e.Topic) {
				all.Entries = append(all.Entries, e)
			}
		}
		all.Next, all.Group, all.Time = all.Next.furthest(b.Next.Only(f.topics)), b.Group, b.Time
	}
	f.from, f.waiting, f.size = f.to, slices.Delete(f.waiting, 0, len(f.waiting)), 0
	return all, true
}

// level returns where the owner stands, and whether there is one here.
func (f *feed) level() (Positions, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.to.Only(f.topics), f.open
}

// current returns which owner it is or was, 0 where none has come yet, and whether it is here.
func (f *feed) current() (owner int, here bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.owner, f.open
}
