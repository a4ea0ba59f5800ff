package compaction

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// storeFormat is the version of the store's key layout. A store of another one is rebuilt.
const storeFormat = 2

// storeState is what a store says of itself. It is written in every batch.
type storeState struct {
	fingerprint uint64 // of the schema
	log         string // the log's identity
	group       uint64 // the last group applied
	stamp       time.Time
	reached     time.Time // when it was last known to be level with the log, by the owner's clock
	background  bool      // whether the background topics are whole
	positions   Positions

	// What tells a log that has parted from the one that was read. A store that was written before
	// there were these has none of them, and is trusted until it is written again.
	whole  uint64 // every record of groups up to this one is before positions
	kept   mark   // the newest record known that the log keeps for ever
	newest mark   // the newest one of those that the store holds, which may be compacted away
}

// encode appends the stored form: format, fingerprint, stamp, time reached and flag in fixed width,
// then the group, the log's id and the positions, then whole and the marks.
func (t storeState) encode(b []byte) []byte {
	b = append(b, storeFormat)
	b = binary.BigEndian.AppendUint64(b, t.fingerprint)
	b = binary.BigEndian.AppendUint64(b, uint64(nanoseconds(t.stamp)))
	b = binary.BigEndian.AppendUint64(b, uint64(nanoseconds(t.reached)))
	if t.background {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.AppendUvarint(b, t.group)
	b = binary.AppendUvarint(b, uint64(len(t.log)))
	b = append(b, t.log...)
	b = t.positions.AppendBinary(b)
	b = binary.AppendUvarint(b, t.whole)
	return t.newest.append(t.kept.append(b))
}

// errStoreState reports a state of another format, or one that was damaged.
var errStoreState = errors.New("compaction: the store's state does not decode")

// decodeStoreState reads what encode wrote, to its last byte. Anything else is an error.
func decodeStoreState(b []byte) (storeState, error) {
	const fixed = 1 + 8 + 8 + 8 + 1
	if len(b) < fixed || b[0] != storeFormat || b[fixed-1] > 1 {
		return storeState{}, errStoreState
	}
	var t storeState
	t.fingerprint = binary.BigEndian.Uint64(b[1:])
	t.stamp = time.Unix(0, int64(binary.BigEndian.Uint64(b[9:]))).UTC()
	t.reached = time.Unix(0, int64(binary.BigEndian.Uint64(b[17:]))).UTC()
	t.background = b[fixed-1] == 1
	b = b[fixed:]
	var n int
	if t.group, n = binary.Uvarint(b); n <= 0 {
		return storeState{}, errStoreState
	}
	b = b[n:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return storeState{}, errStoreState
	}
	t.log = string(b[n : n+int(size)])
	var rest []byte
	var err error
	if t.positions, rest, err = DecodePositions(b[n+int(size):]); err != nil {
		return storeState{}, errStoreState
	}
	if len(rest) > 0 {
		rest, err = t.decodeMarks(rest)
	}
	if err != nil || len(rest) > 0 {
		return storeState{}, errStoreState
	}
	return t, nil
}

// decodeMarks reads what tells a log that has parted, and returns what follows it in b.
func (t *storeState) decodeMarks(b []byte) (rest []byte, err error) {
	var n int
	if t.whole, n = binary.Uvarint(b); n <= 0 {
		return nil, errStoreState
	}
	if t.kept, rest, err = decodeMark(b[n:]); err != nil {
		return nil, err
	}
	t.newest, rest, err = decodeMark(rest)
	return rest, err
}

// has reports whether some of the entries that stand behind the positions are of groups that are
// all before them: the log has parted from the one that was read.
func (t *storeState) has(entries []Entry) bool {
	for i := range entries {
		if entries[i].Group <= t.whole {
			return true
		}
	}
	return false
}

// state reads the store's state; ok is false for a store that has none yet.
func (s *store) state() (t storeState, ok bool, err error) {
	v, closer, err := s.db.Get([]byte(stateKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return t, false, nil
	}
	if err != nil {
		return t, false, fmt.Errorf("compaction: store of shard %d: %w", s.shard, err)
	}
	t, err = decodeStoreState(v)
	return t, true, errors.Join(err, closer.Close())
}

// nanoseconds returns t in nanoseconds since 1970, and 0 for the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
