package compaction

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math"
)

// A mark is a record that a log had when a store read it: where it stood and what it was. A log
// that has another one there has parted from the one that the store is the fold of: it was restored
// from a snapshot and written on since. The zero mark says nothing.
type mark struct {
	topic  string
	offset int64
	group  uint64
	stamp  int64  // of the group, in nanoseconds
	digest uint64 // of the record's key and value
}

func markOf(e *Entry) mark {
	return mark{e.Topic, e.Offset, e.Group, e.Time.UnixNano(), e.digest()}
}

// digest tells records apart. It is no protection against somebody who wants two to be alike.
func (r *Record) digest() uint64 {
	h := fnv.New64a()
	// Writing to a hash does not fail.
	_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(r.Key))))
	_, _ = h.Write(r.Key)
	if !r.Tombstone() {
		_, _ = h.Write([]byte{1})
		_, _ = h.Write(r.Value)
	}
	return h.Sum64()
}

// lasting reports whether every record of a topic stays for ever.
func (d *topicDefinition) lasting() bool {
	return d.topic.Class == AppendOnly && d.topic.Retention == 0
}

// appended marks the last records of a group that was appended, up to positions.
func (t *storeState) appended(s *Schema, g Group, to Positions) {
	var newest, kept bool
	for i := len(g.Records) - 1; i >= 0 && !(newest && kept); i-- {
		r := g.Records[i]
		d := s.byTopic[r.Topic]
		if d == nil || d.topic.Class == AppendOnly && !d.lasting() {
			continue
		}
		to := Entry{Record: r, Group: g.Number, Time: g.Time, Offset: to.Of(r.Topic) - 1}
		switch {
		case d.lasting() && !kept:
			t.kept, kept = markOf(&to), true
		case !d.lasting() && !newest:
			t.newest, newest = markOf(&to), true
		}
	}
}

// read marks the last of entries that were read.
func (t *storeState) read(s *Schema, entries []Entry) {
	newest, kept := -1, -1
	for i := range entries {
		e := &entries[i]
		d := s.byTopic[e.Topic]
		switch {
		case d == nil:
		case d.lasting():
			if kept < 0 || e.Group >= entries[kept].Group {
				kept = i
			}
		case d.topic.Class != AppendOnly:
			if newest < 0 || e.Group >= entries[newest].Group {
				newest = i
			}
		}
	}
	if newest >= 0 && entries[newest].Group >= t.newest.group {
		t.newest = markOf(&entries[newest])
	}
	if kept >= 0 && entries[kept].Group >= t.kept.group {
		t.kept = markOf(&entries[kept])
	}
}

// parted reports whether a log, which ends at a position, is known not to have a record that was
// marked. A record that compaction may have removed says nothing by its absence.
func (s *Shards) parted(ctx context.Context, n int, m mark, end Positions) (bool, error) {
	d := s.o.Schema.byTopic[m.topic]
	if d == nil {
		return false, nil
	}
	if m.offset >= end.Of(m.topic) {
		return true, nil
	}
	other, same := false, false
	r := Range{Topics: []string{m.topic}, From: Positions{{m.topic, m.offset}},
		To: Positions{{m.topic, m.offset + 1}}}
	err := each(ctx, s.o.Log, n, r, func(b Batch) error {
		for i := range b.Entries {
			switch e := &b.Entries[i]; {
			case e.Offset != m.offset:
			case e.Group != m.group || e.Time.UnixNano() != m.stamp:
				other = true
			default:
				same = same || e.digest() == m.digest
			}
		}
		return nil
	})
	return other || !same && d.lasting(), err
}

// firstLook is how far before the end of a topic its last record is looked for first.
const firstLook = 16

// lastKept marks the last record before a position that is kept for ever. Where there is none, the
// mark is zero.
func (s *Shards) lastKept(ctx context.Context, n int, end Positions) (mark, error) {
	var t storeState
	for _, d := range s.o.Schema.all {
		if !d.lasting() {
			continue
		}
		name := d.topic.Name
		found := false
		for back, to := int64(firstLook), end.Of(name); !found && to > 0; back *= 16 {
			from := max(0, end.Of(name)-back)
			r := Range{Topics: []string{name}, From: Positions{{name, from}}, To: Positions{{name, to}}}
			err := each(ctx, s.o.Log, n, r, func(b Batch) error {
				found = found || len(b.Entries) > 0
				t.read(s.o.Schema, b.Entries)
				return nil
			})
			if err != nil {
				return mark{}, err
			}
			to = from
		}
	}
	return t.kept, nil
}

// append appends the stored form of m to b: the length of the topic's name and the name, offset and
// group as unsigned varints, stamp and digest in fixed width.
func (m mark) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(m.topic)))
	b = append(b, m.topic...)
	b = binary.AppendUvarint(b, uint64(m.offset))
	b = binary.AppendUvarint(b, m.group)
	b = binary.BigEndian.AppendUint64(b, uint64(m.stamp))
	return binary.BigEndian.AppendUint64(b, m.digest)
}

// decodeMark reads what append wrote and returns what follows it in b.
func decodeMark(b []byte) (m mark, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return m, nil, errStoreState
	}
	m.topic, b = string(b[n:n+int(size)]), b[n+int(size):]
	offset, n := binary.Uvarint(b)
	if n <= 0 || offset > math.MaxInt64 {
		return m, nil, errStoreState
	}
	m.offset, b = int64(offset), b[n:]
	if m.group, n = binary.Uvarint(b); n <= 0 || len(b)-n < 16 {
		return m, nil, errStoreState
	}
	b = b[n:]
	m.stamp, m.digest = int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])
	return m, b[16:], nil
}
