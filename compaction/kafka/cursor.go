package kafka

import (
	"errors"
	"fmt"
	"sort"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// A cursor is where a reader stands in one topic. Entries are what was read of it and not handed on
// yet, with marks among them: what says something about groups and is no record of the program.
//
//	     handed on │ entries                  │ not read
//	───────────────┼──────────────────────────┼──────────────▶ offsets
//	          first unreleased               next        to
type cursor struct {
	topic   compaction.Topic
	next    int64 // read up to here
	term    term  // of what was read last
	to      int64 // read no further; -1 for an open range
	entries []compaction.Entry
	size    int  // of entries, in bytes
	flying  bool // being fetched

	seen uint64 // the last record's or barrier's group
	past bool   // it was a barrier's: seen is over
	// The topic ended at asked when the last group known of was askedGroup; -1: not asked.
	asked      int64
	askedGroup uint64
	over       uint64 // nothing of this group or of one before it is still to come in the topic
}

// markCount is the Count of entries that are barriers.
const markCount = -1

// entryOverhead is about what an entry takes beside its key and its value.
const entryOverhead = 128

// drained reports whether a bounded range has been read.
func (c *cursor) drained() bool { return c.to >= 0 && c.next >= c.to }

// add takes in what was read.
func (c *cursor) add(p compaction.Entry) error {
	if p.Group < c.seen || c.past && p.Group == c.seen && p.Count != markCount {
		return fmt.Errorf("it is of group %d and stands after group %d", p.Group, c.seen)
	}
	c.seen, c.past = p.Group, p.Count == markCount
	c.entries = append(c.entries, p)
	c.size += len(p.Key) + len(p.Value) + entryOverhead
	return nil
}

// moved notes where the topic was read to, and what that says about groups.
func (c *cursor) moved(next int64) {
	c.next = max(c.next, next)
	if c.to >= 0 {
		c.next = min(c.next, c.to)
	}
	switch {
	case c.past:
		c.over = max(c.over, c.seen)
	case c.seen > 0:
		c.over = max(c.over, c.seen-1)
	}
	c.settle()
}

// settle uses what the end of the topic was when it was asked for.
func (c *cursor) settle() {
	if c.asked >= 0 && c.next >= c.asked {
		c.over = max(c.over, c.askedGroup)
	}
}

// upTo returns how many entries are of groups up to one.
func (c *cursor) upTo(group uint64) int {
	if n := len(c.entries); n > 0 && c.entries[n-1].Group <= group {
		return n
	}
	return sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Group > group })
}

// heads counts the first entries that are of a group, and says how many it had.
func (c *cursor) heads(group uint64) (seen, count int, found bool) {
	for _, e := range c.entries {
		if e.Group != group {
			break
		}
		if e.Count == markCount {
			continue
		}
		found, count = true, e.Count
		if c.topic.Name != ShardsTopic {
			seen++
		}
	}
	return seen, count, found
}

// release takes the first n entries out, and returns those that are records of the program's,
// appended to all.
func (c *cursor) release(all []compaction.Entry, n int) []compaction.Entry {
	for _, e := range c.entries[:n] {
		c.size -= len(e.Key) + len(e.Value) + entryOverhead
		if e.Count != markCount && c.topic.Name != ShardsTopic {
			all = append(all, e)
		}
	}
	if n == len(c.entries) {
		c.entries = nil // a new one is as large as is needed then
	} else {
		c.entries = c.entries[n:]
	}
	return all
}

// first is the offset of the first entry that was not handed on.
func (c *cursor) first() int64 {
	if len(c.entries) > 0 {
		return c.entries[0].Offset
	}
	return c.next
}

// entry decodes a record on the wire. Marks come as entries too.
func entry(r *kgo.Record) (compaction.Entry, error) {
	h, err := headerOf(r)
	if err != nil {
		return compaction.Entry{}, err
	}
	e := compaction.Entry{
		Record: compaction.Record{Topic: r.Topic, Key: r.Key, Value: r.Value},
		Group:  h.group, Count: h.count, Time: h.time(), Offset: r.Offset,
	}
	switch inShards := r.Topic == ShardsTopic; {
	case h.kind == barrierKind:
		e.Count = markCount
	case (h.kind == traceKind) != inShards:
		return e, errors.New("it is not where records of its kind stand")
	}
	return e, nil
}
