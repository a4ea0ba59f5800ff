package local

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A family is where a topic's records are kept. Each has a chain of values of its own, so that
// reading one reads nothing of the others.
type family uint8

const (
	_          family = iota
	open              // compacted, needed to serve
	background        // compacted, grows with history
	forever           // append-only, kept
	bounded           // append-only, kept for the topic's retention
	families          // how many there are, with the unused 0
)

// familyOf returns where t's records are kept.
func familyOf(t compaction.Topic) family {
	switch {
	case t.Class == compaction.Open:
		return open
	case t.Class == compaction.Background:
		return background
	case t.Retention > 0:
		return bounded
	}
	return forever
}

// String returns the family as errors name it.
func (f family) String() string {
	return [...]string{"?", "compacted", "compacted, restored in the background",
		"append-only, kept for ever", "append-only, kept for a time"}[f]
}

// tails are the numbers of the last values of a shard's families; 0: it has none.
type tails [families]uint64

// A header is what a value says about its group and about its neighbours.
type header struct {
	group uint64
	prev  uint64 // the family's value before this one; between the two there is nothing
	tails tails  // every family's last value when this group had been appended
	sec   int64  // the group's stamp
	nsec  int64
	total int // records the group was appended with, in all families
	count int // records in this value
}

func (h *header) time() time.Time { return time.Unix(h.sec, h.nsec).UTC() }

// A stored is one record of a value: its slices point into the value.
type stored struct {
	topic uint64
	key   []byte
	value []byte // nil: a tombstone
}

// layout is the first byte of every value; another layout is another number.
const layout = 1

const sumSize = 4

// leastStored is the size of the smallest stored record: three numbers, an empty key and no value.
const leastStored = 3

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errSum    = errors.New("its checksum does not match its bytes")
	errLayout = errors.New("it has a layout this program does not know")
	errShape  = errors.New("it does not decode")
)

// seal appends the checksum of key and b to b. The key is in the sum so that a value that turns
// up in another's place is noticed.
func seal(key, b []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, b)
	return binary.BigEndian.AppendUint32(b, sum)
}

// unseal returns b without its checksum, which must match.
func unseal(key, b []byte) ([]byte, error) {
	if len(b) < sumSize {
		return nil, errShape
	}
	body, sum := b[:len(b)-sumSize], binary.BigEndian.Uint32(b[len(b)-sumSize:])
	if crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body) != sum {
		return nil, errSum
	}
	return body, nil
}

// appendHeader appends h's stored form to b.
func appendHeader(b []byte, h *header) []byte {
	b = append(b, layout)
	b = binary.AppendUvarint(b, h.group)
	b = binary.AppendUvarint(b, h.prev)
	for _, t := range h.tails[1:] {
		b = binary.AppendUvarint(b, t)
	}
	b = binary.AppendVarint(b, h.sec)
	b = binary.AppendUvarint(b, uint64(h.nsec))
	b = binary.AppendUvarint(b, uint64(h.total))
	return binary.AppendUvarint(b, uint64(h.count))
}

// appendStored appends one record's stored form to b. The value's length is stored plus one, 0
// being a tombstone.
func appendStored(b []byte, topic uint64, key, value []byte) []byte {
	b = binary.AppendUvarint(b, topic)
	b = binary.AppendUvarint(b, uint64(len(key)))
	if value == nil {
		b = append(b, 0)
	} else {
		b = binary.AppendUvarint(b, uint64(len(value))+1)
	}
	b = append(b, key...)
	return append(b, value...)
}

// A decoder takes a value's body apart. It remembers the first thing that is wrong.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// take returns the next n bytes.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// header reads what appendHeader wrote. Where it fails, h is zero.
func (d *decoder) header(h *header) error {
	if v := d.take(1); d.bad || v[0] != layout {
		*h = header{}
		return errLayout
	}
	h.group, h.prev = d.uvarint(), d.uvarint()
	for i := range h.tails[1:] {
		h.tails[1+i] = d.uvarint()
	}
	h.sec = d.varint()
	nsec, total, count := d.uvarint(), d.uvarint(), d.uvarint()
	// Room is made for as many records as a header says, so that they must be able to follow.
	if d.bad || h.prev >= h.group || nsec > 999_999_999 || total > math.MaxInt32 ||
		count > total || count > uint64(len(d.b)/leastStored) {
		*h = header{}
		return errShape
	}
	h.nsec, h.total, h.count = int64(nsec), int(total), int(count)
	return nil
}

// next reads what appendStored wrote. Where it fails, r is zero.
func (d *decoder) next(r *stored) error {
	r.topic = d.uvarint()
	k, v := d.uvarint(), d.uvarint()
	r.key, r.value = d.take(k), nil
	if v > 0 {
		r.value = d.take(v - 1)
	}
	if d.bad {
		*r = stored{}
		return errShape
	}
	return nil
}

// end reports bytes that belong to no record.
func (d *decoder) end() error {
	if d.bad || len(d.b) != 0 {
		return errShape
	}
	return nil
}
