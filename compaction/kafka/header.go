package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A kind says what a record on the wire is.
type kind byte

const (
	// A recordKind is a record of a group, as it was appended.
	recordKind kind = 1 + iota
	// A traceKind stands in ShardsTopic for a group of which compaction may leave nothing else.
	traceKind
	// A barrierKind begins what a claim writes: every group before it is numbered up to its own
	// number.
	barrierKind
)

// headerKey is the key of the one header that a record has.
const headerKey = "q"

// headerFormat is the upper half of a header's first byte; the lower half is the kind.
const headerFormat = 1 << 4

// A header says which group a record belongs to. Its stored form is one byte of format and kind;
// then the group's number, the count of its records and the epoch of the claim it was written
// under, as unsigned varints; then the group's time, in nanoseconds since 1970, as eight bytes,
// the highest first. A barrier has the number and the time of the last group before it.
type header struct {
	kind  kind
	group uint64
	count int
	epoch uint64
	nanos int64
}

// maxCount bounds how many records a group may have.
const maxCount = 1<<31 - 1

// append appends the stored form of h to b.
func (h header) append(b []byte) []byte {
	b = append(b, headerFormat|byte(h.kind))
	b = binary.AppendUvarint(b, h.group)
	b = binary.AppendUvarint(b, uint64(h.count))
	b = binary.AppendUvarint(b, h.epoch)
	return binary.BigEndian.AppendUint64(b, uint64(h.nanos))
}

// time returns the group's stamp; there is none before the first group.
func (h header) time() time.Time {
	if h.group == 0 {
		return time.Time{}
	}
	return time.Unix(0, h.nanos).UTC()
}

// stamped returns the nanoseconds that time gives back.
func stamped(group uint64, t time.Time) int64 {
	if group == 0 {
		return 0
	}
	return t.UnixNano()
}

var errHeader = errors.New("its header is not one that this program writes")

// decodeHeader reads what append wrote. Anything else is an error, and no header.
func decodeHeader(b []byte) (header, error) {
	var h header
	if len(b) == 0 {
		return header{}, errHeader
	}
	if b[0]&^15 != headerFormat {
		return header{}, fmt.Errorf("its header has the format %d: a newer program wrote it", b[0]>>4)
	}
	h.kind = kind(b[0] & 15)
	if h.kind < recordKind || h.kind > barrierKind {
		return header{}, fmt.Errorf("its header names the kind %d: a newer program wrote it", h.kind)
	}
	b = b[1:]
	var v [3]uint64
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(b); n <= 0 || n > 1 && b[n-1] == 0 {
			return header{}, errHeader // cut off, too large, or written longer than it need be
		}
		b = b[n:]
	}
	if len(b) != 8 || v[1] > maxCount {
		return header{}, errHeader
	}
	h.group, h.count, h.epoch = v[0], int(v[1]), v[2]
	h.nanos = int64(binary.BigEndian.Uint64(b))
	return h, nil
}

// headerOf finds the header of a record on the wire. Headers that others added are left alone.
func headerOf(r *kgo.Record) (header, error) {
	at := -1
	for i, h := range r.Headers {
		if h.Key == headerKey {
			if at >= 0 {
				return header{}, errors.New("it has two headers of this program")
			}
			at = i
		}
	}
	if at < 0 {
		return header{}, errors.New("it has no header: this program did not write it")
	}
	return decodeHeader(r.Headers[at].Value)
}
