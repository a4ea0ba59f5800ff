package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quittance/quittance/compaction"
)

// A reader yields a shard's groups. It holds nothing of the database between two calls of Next, so
// that one that waits keeps no old file alive.
type reader struct {
	log      *Log
	shard    *shard
	families []family
	next     uint64            // the group to read next
	last     int               // entries of the last batch: the next has about as many
	to       uint64            // the group to end before; MaxUint64: never
	wanted   []bool            // by topic number; nil: every topic
	from     map[uint64]uint64 // a topic's own start, where positions name topics
	err      error             // what every further Next answers
}

// Read reads a shard's committed groups. Positions are group numbers; those that name a topic are
// understood too.
func (l *Log) Read(ctx context.Context, shard int, r compaction.Range) (compaction.Reader, error) {
	s, err := l.enter(shard)
	if err != nil {
		return nil, err
	}
	defer l.leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	topics := l.topics.byID[1:]
	rd := &reader{log: l, shard: s, to: math.MaxUint64}
	if r.Topics != nil {
		topics = nil
		rd.wanted = make([]bool, len(l.topics.byID))
		for _, name := range r.Topics {
			t := l.topics.byName[name]
			if t == nil {
				return nil, fmt.Errorf("local: the topic %q is not one of the log's", name)
			}
			topics = append(topics, t)
			rd.wanted[t.id] = true
		}
	}
	rd.place(topics, r)
	return rd, nil
}

// place says where to begin and to end, and which families to read.
func (r *reader) place(topics []*topic, span compaction.Range) {
	first, end := int64(math.MaxInt64), int64(0)
	named := slices.ContainsFunc(span.From, func(p compaction.Position) bool { return p.Topic != "" })
	if named {
		r.from = map[uint64]uint64{}
	}
	for _, t := range topics {
		if !slices.Contains(r.families, t.family) {
			r.families = append(r.families, t.family)
		}
		from := max(span.From.Of(t.Name), 1)
		if named {
			r.from[t.id] = uint64(from)
		}
		first, end = min(first, from), max(end, span.To.Of(t.Name))
	}
	if len(topics) == 0 {
		first, end = max(span.From.Of(""), 1), span.To.Of("")
	}
	r.next = uint64(first)
	if span.To != nil {
		r.to = uint64(max(end, 0))
	}
}

// Close ends the reading.
func (r *reader) Close() error {
	if r.err == nil {
		r.err = compaction.ErrClosed
	}
	return nil
}

// Next returns the next groups, up to about batchSize bytes of them.
func (r *reader) Next(ctx context.Context) (compaction.Batch, error) {
	for {
		switch {
		case r.err != nil:
			return compaction.Batch{}, r.err
		case r.next >= r.to:
			return compaction.Batch{}, io.EOF
		}
		if err := ctx.Err(); err != nil {
			return compaction.Batch{}, err
		}
		if ready := r.shard.after(r.next - 1); ready != nil {
			select {
			case <-ready:
			case <-ctx.Done():
				return compaction.Batch{}, ctx.Err()
			case <-r.log.closing:
				return compaction.Batch{}, compaction.ErrClosed
			}
			continue
		}
		b, err := r.fill()
		if err != nil {
			return compaction.Batch{}, err
		}
		return b, nil
	}
}

// batchSize is about how many bytes a batch has. Opening the iterators costs some ten
// microseconds: at half a megabyte that is a hundredth of the batch.
const batchSize = 512 << 10

// fill reads a batch that begins at r.next, of which there is at least the one group.
func (r *reader) fill() (compaction.Batch, error) {
	if _, err := r.log.enter(r.shard.id); err != nil {
		return compaction.Batch{}, err
	}
	defer r.log.leave()
	committed, err := r.shard.committed()
	if err == nil {
		var b compaction.Batch
		b, err = r.read(committed)
		if err == nil {
			r.next = uint64(b.Next[0].Next)
			r.last = len(b.Entries)
			return b, nil
		}
	}
	err = r.log.stop(r.shard, err)
	if _, ok := errors.AsType[*compaction.CorruptError](err); ok {
		r.err = err
	}
	return compaction.Batch{}, err
}

// read merges the families' chains, group by group, up to the end or until the batch is full.
func (r *reader) read(committed end) (compaction.Batch, error) {
	limit := min(committed.group, r.to-1)
	batch := compaction.Batch{Group: limit, Time: committed.time}
	var chains []*chain
	defer func() {
		for _, c := range chains {
			c.close()
		}
	}()
	for _, f := range r.families {
		c, err := openChain(r.log.db, f, r.shard.id, r.next, limit, committed.tails[f])
		if err != nil {
			return batch, err
		}
		chains = append(chains, c)
	}
	var mem arena
	for {
		group := uint64(math.MaxUint64)
		for _, c := range chains {
			if c.valid {
				group = min(group, c.head.group)
			}
		}
		if group == math.MaxUint64 {
			break
		}
		for _, c := range chains {
			if !c.valid || c.head.group != group {
				continue
			}
			batch.Time = c.head.time()
			if err := r.take(c, &mem, &batch); err != nil {
				return batch, err
			}
			if err := c.advance(); err != nil {
				return batch, err
			}
		}
		if mem.used >= batchSize {
			batch.Group = group
			batch.Next = compaction.Positions{{Next: int64(group) + 1}}
			return batch, nil
		}
	}
	batch.Next = compaction.Positions{{Next: int64(limit) + 1}}
	var err error
	batch.Time, err = r.stamp(committed, limit)
	return batch, err
}

// stamp returns the time of a group, or of the last one before it that is left.
func (r *reader) stamp(committed end, group uint64) (time.Time, error) {
	if committed.group == group {
		return committed.time, nil
	}
	it, err := r.log.db.NewIter(nil)
	if err != nil {
		return time.Time{}, failed(r.shard.id, group, err)
	}
	defer it.Close() // its error is it.Error(), looked at in last
	var t time.Time
	for f := open; f < families; f++ {
		var h header
		ok, err := last(it, f, r.shard.id, groupKey(nil, f, r.shard.id, group+1), &h)
		if err != nil {
			return t, err
		}
		if ok && h.time().After(t) {
			t = h.time()
		}
	}
	return t, nil
}

// take appends the wanted records of a chain's value to a batch.
func (r *reader) take(c *chain, mem *arena, batch *compaction.Batch) error {
	h := &c.head
	d := decoder{b: mem.copy(c.body.b)}
	if batch.Entries == nil {
		batch.Entries = make([]compaction.Entry, 0, max(r.last, h.count))
	}
	at := h.time()
	var rec stored
	for range h.count {
		if err := d.next(&rec); err != nil {
			return corrupt(c.shard, h.group, "%v", err)
		}
		t := r.log.topics.find(rec.topic)
		if t == nil || t.family != c.family {
			return corrupt(c.shard, h.group, "a record of the unknown topic %d", rec.topic)
		}
		if r.wanted != nil && !r.wanted[rec.topic] || r.from != nil && h.group < r.from[rec.topic] {
			continue
		}
		batch.Entries = append(batch.Entries, compaction.Entry{
			Record: compaction.Record{Topic: t.Name, Key: rec.key, Value: rec.value},
			Group:  h.group, Count: h.total, Time: at, Offset: int64(h.group),
		})
	}
	if err := d.end(); err != nil {
		return corrupt(c.shard, h.group, "%v", err)
	}
	return nil
}

// A chain walks over the values of one family, and proves that none is missing.
type chain struct {
	it     *pebble.Iterator
	family family
	shard  int
	limit  uint64 // the last group to show
	tail   uint64 // a value that is there, or a later one in its place
	seen   uint64 // up to this group everything is accounted for
	linked bool   // seen is a value that this chain has shown
	valid  bool
	head   header
	body   decoder
}

// openChain begins a chain at the first value from a group on.
func openChain(db *pebble.DB, f family, shard int, from, limit, tail uint64) (*chain, error) {
	it, err := db.NewIter(&pebble.IterOptions{
		LowerBound: groupKey(nil, f, shard, from),
		UpperBound: chainEnd(nil, f, shard),
	})
	if err != nil {
		return nil, failed(shard, from, err)
	}
	c := &chain{it: it, family: f, shard: shard, limit: limit, tail: tail, seen: from - 1}
	if err := c.settle(it.First()); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// advance goes on to the next value.
func (c *chain) advance() error {
	c.seen, c.linked = c.head.group, true
	return c.settle(c.it.Next())
}

// settle verifies the value that the iterator stands at, or that the chain may end here.
func (c *chain) settle(there bool) error {
	c.valid = false
	if !there {
		if err := c.it.Error(); err != nil {
			return failed(c.shard, c.seen+1, err)
		}
		if c.seen < c.tail {
			return corrupt(c.shard, c.seen+1,
				"the %s records end at group %d and should end at group %d", c.family, c.seen, c.tail)
		}
		return nil
	}
	var err error
	if c.body, err = opened(c.it, c.shard, &c.head); err != nil {
		return err
	}
	// From inside the chain the link must be exact. At its beginning it may point further back:
	// the value before has been read by somebody else, or cleaned away since.
	if c.head.prev > c.seen || c.linked && c.head.prev != c.seen {
		return corrupt(c.shard, c.seen+1, "group %d should follow group %d in the %s records",
			c.head.group, c.head.prev, c.family)
	}
	c.valid = c.head.group <= c.limit
	return nil
}

func (c *chain) close() {
	_ = c.it.Close() // the same error as it.Error(), looked at in settle
}

// An arena holds copies of values. Small values share a piece of memory: an allocation a group
// was a fifth of the time of reading small groups.
type arena struct {
	free []byte
	used int
}

const arenaPiece = 64 << 10

// copy returns a copy of b.
func (a *arena) copy(b []byte) []byte {
	a.used += len(b)
	if len(b) > len(a.free) {
		if len(b) >= arenaPiece/2 {
			return slices.Clone(b)
		}
		a.free = make([]byte, arenaPiece)
	}
	c := a.free[:len(b):len(b)]
	copy(c, b)
	a.free = a.free[len(b):]
	return c
}
