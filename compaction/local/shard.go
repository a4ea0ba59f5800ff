package local

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quittance/quittance/compaction"
)

// An end is the state after a shard's last committed group.
type end struct {
	group uint64
	time  time.Time
	tails tails
}

func (e end) positions() compaction.Positions {
	return compaction.Positions{{Next: int64(e.group) + 1}}
}

// A shard is one chain of groups.
type shard struct {
	id int

	// writing covers what an Append changes, and is held for the whole of it: a Claim waits for
	// the Append that is under way.
	writing sync.Mutex
	owner   *writer
	buf     [families][]byte

	// mu covers what readers see.
	mu      sync.Mutex
	end     end              // committed and durable
	changed chan struct{}    // closed at the next change of end; nil while nobody waits
	dirty   [families]uint64 // bytes appended that no pass has cleaned yet
	damage  error            // the first *compaction.CorruptError that was found
}

// committed returns the shard's end, and why it must not be used.
func (s *shard) committed() (end, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end, s.damage
}

// publish shows readers a new end, for which so many bytes were written.
func (s *shard) publish(e end, sizes [families]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = e
	for f := range sizes {
		s.dirty[f] += sizes[f]
	}
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// size returns how many bytes were appended to a family and not cleaned since.
func (s *shard) size(f family) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dirty[f]
}

// cleaned notes that so many bytes of a family were cleaned: what its size was when the pass began,
// since what is appended beside a pass is left for the next one.
func (s *shard) cleaned(f family, size uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[f] -= size
}

// after returns a channel that is closed when there is a group after the given one, nil when there
// is one already.
func (s *shard) after(group uint64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end.group > group {
		return nil
	}
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// broken remembers damage: the shard stops.
func (s *shard) broken(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.damage == nil {
		s.damage = err
	}
}

// corrupt names a place of a shard.
func corrupt(shard int, group uint64, format string, args ...any) error {
	return &compaction.CorruptError{Shard: shard, Group: group, Reason: fmt.Sprintf(format, args...)}
}

// failed says at which group the database could not be read. Damage that Pebble finds is damage;
// anything else may pass.
func failed(shard int, group uint64, err error) error {
	if pebble.IsCorruptionError(err) {
		return corrupt(shard, group, "%v", err)
	}
	return fmt.Errorf("local: read shard %d, group %d: %w", shard, group, err)
}

// opened verifies the value at it and reads its header into h. What follows the header is left
// in the decoder.
func opened(it *pebble.Iterator, shard int, h *header) (decoder, error) {
	group := groupOf(it.Key())
	v, err := it.ValueAndErr()
	if err != nil {
		return decoder{}, failed(shard, group, err)
	}
	return openedBytes(it.Key(), v, shard, h)
}

// openedBytes is opened for a value that has been taken out of the database.
func openedBytes(key, value []byte, shard int, h *header) (decoder, error) {
	group := groupOf(key)
	body, err := unseal(key, value)
	if err != nil {
		return decoder{}, corrupt(shard, group, "%v", err)
	}
	d := decoder{b: body}
	if err := d.header(h); err != nil {
		return decoder{}, corrupt(shard, group, "%v", err)
	}
	if h.group != group {
		return decoder{}, corrupt(shard, group, "it says that it is group %d", h.group)
	}
	return d, nil
}

// findEnd reads a shard's end from the database and checks that no family has lost its last
// values: the newest group says what every family's last value is.
func findEnd(db *pebble.DB, shard int) (end, error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return end{}, failed(shard, 0, err)
	}
	defer it.Close() // its error is it.Error(), looked at in last
	var e end
	var newest []header
	for f := open; f < families; f++ {
		var h header
		ok, err := last(it, f, shard, chainEnd(nil, f, shard), &h)
		if err != nil {
			return end{}, err
		}
		if !ok {
			continue
		}
		e.tails[f] = h.group
		if h.group > e.group {
			newest = newest[:0]
			e.group, e.time = h.group, h.time()
		}
		if h.group == e.group {
			newest = append(newest, h)
		}
	}
	for _, h := range newest {
		for f := open; f < families; f++ {
			if h.tails[f] != e.tails[f] {
				return end{}, corrupt(shard, min(h.tails[f], e.tails[f])+1,
					"the last %s records are of group %d and should be of group %d",
					f, e.tails[f], h.tails[f])
			}
		}
	}
	return e, nil
}

// last reads the header of a family's last value before a key, if it has one.
func last(it *pebble.Iterator, f family, shard int, before []byte, h *header) (bool, error) {
	if !it.SeekLT(before) {
		if err := it.Error(); err != nil {
			return false, failed(shard, 0, err)
		}
		return false, nil
	}
	if k := it.Key(); len(k) != keySize || k[0] != byte(f) || int(k[1])<<8|int(k[2]) != shard {
		return false, nil
	}
	_, err := opened(it, shard, h)
	return err == nil, err
}
