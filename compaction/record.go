package compaction

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"
)

// A Record is one keyed value of a topic. A nil Value is a tombstone: it ends the key.
type Record struct {
	Topic string
	Key   []byte
	Value []byte
}

// Tombstone reports whether r ends its key.
func (r Record) Tombstone() bool { return r.Value == nil }

// A Group is what one Append writes: all of it or nothing. Groups of a shard are numbered from 1
// without a gap, and their times never go back.
//
// First is for copies of a log: the number after the group before, where compaction has left
// nothing of the groups from First up to Number. 0 is Number: nothing is skipped.
type Group struct {
	Number  uint64
	First   uint64
	Time    time.Time
	Records []Record
}

// Follows reports whether g may be appended after the group of a number.
func (g Group) Follows(last uint64) bool {
	first := g.First
	if first == 0 {
		first = g.Number
	}
	return first == last+1 && g.Number >= first
}

// An Entry is a committed record as a Reader gives it. Group, Count and Time are those of the
// group it was appended in (Count counts the records the group had then; compaction may have
// removed some since). Offset is the record's place in its topic.
type Entry struct {
	Record
	Group  uint64
	Count  int
	Time   time.Time
	Offset int64
}

// Positions say how far a reader has come: for each topic, the offset to read next. A topic that
// is not named is read from its start. They are sorted by topic.
type Positions []Position

// A Position is the offset to read next in a topic. A log that keeps one order over all its
// topics uses one Position with an empty topic.
type Position struct {
	Topic string
	Next  int64
}

// Of returns the offset to read next in topic: its own, else that of the order over all topics,
// else 0.
func (p Positions) Of(topic string) int64 {
	var all int64
	for _, q := range p {
		if q.Topic == topic {
			return q.Next
		}
		if q.Topic == "" {
			all = q.Next
		}
	}
	return all
}

// Reached reports whether p is at or past to in every topic that to names.
func (p Positions) Reached(to Positions) bool {
	for _, q := range to {
		if p.Of(q.Topic) < q.Next {
			return false
		}
	}
	return true
}

// Only returns the positions of some topics; that of an order over all topics stays.
func (p Positions) Only(topics []string) Positions {
	return slices.DeleteFunc(slices.Clone(p), func(q Position) bool {
		return q.Topic != "" && !slices.Contains(topics, q.Topic)
	})
}

// furthest returns, of each topic that p or q names, the position that is further.
func (p Positions) furthest(q Positions) Positions {
	all := slices.Clone(p)
	for _, at := range q {
		i := slices.IndexFunc(all, func(x Position) bool { return x.Topic == at.Topic })
		if i < 0 {
			all = append(all, at)
		} else {
			all[i].Next = max(all[i].Next, at.Next)
		}
	}
	all.Sort()
	return all
}

// Equal reports whether p and q name the same offsets.
func (p Positions) Equal(q Positions) bool { return p.Reached(q) && q.Reached(p) }

// Sort orders p by topic, as Positions must be.
func (p Positions) Sort() {
	slices.SortFunc(p, func(a, b Position) int { return strings.Compare(a.Topic, b.Topic) })
}

// AppendBinary appends p's stored form to b: count, then for each topic its length, its name and
// its offset, all numbers as unsigned varints.
func (p Positions) AppendBinary(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p)))
	for _, q := range p {
		b = binary.AppendUvarint(b, uint64(len(q.Topic)))
		b = append(b, q.Topic...)
		b = binary.AppendUvarint(b, uint64(q.Next))
	}
	return b
}

var errPositions = errors.New("compaction: positions do not decode")

// DecodePositions reads what AppendBinary wrote and returns what follows it in b.
func DecodePositions(b []byte) (p Positions, rest []byte, err error) {
	next := func() (v uint64) {
		if err != nil {
			return 0
		}
		v, n := binary.Uvarint(b)
		if n <= 0 {
			err = errPositions
			return 0
		}
		b = b[n:]
		return v
	}
	count := next()
	for range count {
		n := next()
		if err != nil || n > uint64(len(b)) {
			return nil, nil, errPositions
		}
		topic := string(b[:n])
		b = b[n:]
		offset := int64(next())
		if offset < 0 {
			return nil, nil, errPositions
		}
		p = append(p, Position{topic, offset})
	}
	if err != nil {
		return nil, nil, err
	}
	return p, b, nil
}
