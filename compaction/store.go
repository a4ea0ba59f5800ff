package compaction

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A store holds one shard's records and what is derived from them, in a Pebble database of its
// own. Its keys:
//
//	r <topic> <key>                     → stored form of the record
//	i <topic> <index> <text> NUL <key>  → nothing
//	d <time> <topic> <key>              → nothing; time as 8 bytes of nanoseconds, rising
//	m                                   → storeState
//
// <topic> and <index> are one byte each. Positions are written with the data in one batch, so
// after a crash the store is the fold of the log up to its own positions, and it is never synced.
type store struct {
	db     *pebble.DB
	held   *pebble.Lock // on its folder
	schema *Schema
	shard  int
	// poison takes an error met beside the shard's goroutine, after which the store must be
	// dropped: by a reader, or by Pebble's own background work.
	poison chan error
}

const (
	recordFamily = 'r'
	indexFamily  = 'i'
	dueFamily    = 'd'
	stateKey     = "m"
)

// storeOptions are the settings of a shard's database.
type storeOptions struct {
	fs     vfs.FS
	cache  *pebble.Cache
	logger *slog.Logger
	clock  func() time.Time
	still  bool // no merging of tables in the background
}

// pebbleOptions are the settings measured for a shard's store: a bloom filter, because most reads
// of a command are for keys that are not there; one cache for all shards; a memtable that is small
// beside the number of shards.
func (o storeOptions) pebbleOptions(suspect func(error)) *pebble.Options {
	p := &pebble.Options{
		// Without these, Pebble ends the process when background work meets damage.
		EventListener: &pebble.EventListener{
			DataCorruption:  func(i pebble.DataCorruptionInfo) { suspect(i.Details) },
			BackgroundError: suspect,
		},
		FS:                          o.fs,
		Cache:                       o.cache,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       10,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               256 << 20,
		DisableAutomaticCompactions: o.still,
		Logger:                      pebbleLogger{o.logger},
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		p.Levels[i].Compression = func() *block.CompressionProfile { return block.FastestCompression }
	}
	return p
}

// pebbleLogger passes Pebble's own words to the program's log.
type pebbleLogger struct{ lg *slog.Logger }

func (l pebbleLogger) Infof(string, ...any) {}
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.lg.Error("store", "message", fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble relies on it when the disk no longer takes its log. What it says
// goes on with how it came there, over many lines.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	reason, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	l.lg.Error("the process ends: a store can no longer be written. Nothing is lost: the log has "+
		"what was answered, and the next start folds the store from it again", "reason", reason)
	os.Exit(1)
}

// openStore opens or creates the database in dir. One that somebody else has open is an ErrLocked:
// it is in use, and neither damaged nor to be removed.
func openStore(dir string, shard int, schema *Schema, o storeOptions) (*store, error) {
	s := &store{schema: schema, shard: shard, poison: make(chan error, 1)}
	fail := func(err error) (*store, error) {
		return nil, fmt.Errorf("compaction: store of shard %d: %w", shard, err)
	}
	if err := o.fs.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	held, err := lockStore(o.fs, dir)
	if err != nil {
		return fail(err)
	}
	options := o.pebbleOptions(s.suspect)
	options.Lock = held
	if s.db, err = pebble.Open(dir, options); err != nil {
		return fail(errors.Join(err, held.Close()))
	}
	s.held = held
	return s, nil
}

// lockStore takes the folder of a store until what it returns is closed.
func lockStore(fs vfs.FS, dir string) (*pebble.Lock, error) {
	held, err := pebble.LockDirectory(dir, fs)
	if err == nil {
		return held, nil
	}
	// The system says EAGAIN of another process. What is no word of its is said of this one.
	var number syscall.Errno
	if errors.Is(err, syscall.EAGAIN) || !errors.As(err, &number) {
		return nil, fmt.Errorf("%w: %s: %w", ErrLocked, dir, err)
	}
	return nil, fmt.Errorf("lock %s: %w", dir, err)
}

// unused fails with ErrLocked where somebody has the store in a folder open. A folder that is not
// there is not in use.
func unused(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err != nil {
		return nil
	}
	held, err := lockStore(fs, dir)
	if err != nil {
		return err
	}
	return held.Close()
}

// suspect has the store dropped because of an error, by whoever follows poison.
func (s *store) suspect(err error) {
	select {
	case s.poison <- err:
	default: // one reason is enough
	}
}

func (s *store) close() error { return errors.Join(s.db.Close(), s.held.Close()) }

func recordKey(topic byte, key string) []byte {
	return append([]byte{recordFamily, topic}, key...)
}

func indexKey(topic, index byte, text, key string) []byte {
	b := make([]byte, 0, 4+len(text)+len(key))
	b = append(b, indexFamily, topic, index)
	b = append(b, text...)
	b = append(b, 0)
	return append(b, key...)
}

func dueKey(topic byte, due time.Time, key string) []byte {
	b := make([]byte, 0, 10+len(key))
	b = append(b, dueFamily)
	b = binary.BigEndian.AppendUint64(b, uint64(due.UnixNano()))
	b = append(b, topic)
	return append(b, key...)
}

// get returns the stored form of a record, nil if there is none.
func (s *store) get(r pebble.Reader, d *topicDefinition, key string) ([]byte, error) {
	v, closer, err := r.Get(recordKey(d.id, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compaction: store of shard %d: %w", s.shard, err)
	}
	out := slices.Clone(v)
	if out == nil {
		out = []byte{}
	}
	return out, closer.Close()
}

// decode returns the value of a stored form.
func (s *store) decode(d *topicDefinition, key string, stored []byte) (any, error) {
	v, err := d.decode(stored)
	if err != nil {
		return nil, &CorruptError{Shard: s.shard, Topic: d.topic.Name, Key: key,
			Reason: "the record does not decode: " + err.Error()}
	}
	return v, nil
}

// after returns the least key greater than every key that begins with prefix.
func after(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// walk calls each for the keys below head+prefix in p's order, after p.After, until it returns
// false; it is given the key without head.
func walk(
	r pebble.Reader, head []byte, p Page, each func(rest string, value []byte) (bool, error),
) error {
	lower := append(slices.Clone(head), p.Prefix...)
	o := &pebble.IterOptions{LowerBound: lower, UpperBound: after(lower)}
	if p.After != "" {
		edge := append(slices.Clone(head), p.After...)
		switch {
		case p.Reverse && string(edge) < string(o.UpperBound):
			o.UpperBound = edge
		case !p.Reverse && string(edge) >= string(lower):
			o.LowerBound = append(edge, 0)
		}
		if string(o.LowerBound) >= string(o.UpperBound) {
			return nil
		}
	}
	it, err := r.NewIter(o)
	if err != nil {
		return err
	}
	first, next := it.First, it.Next
	if p.Reverse {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(err, it.Close())
		}
		more, err := each(string(it.Key()[len(head):]), v)
		if err != nil || !more {
			return errors.Join(err, it.Close())
		}
	}
	return it.Close() // reports what ended the iteration, too
}

// scan returns a page of a topic's records, without those of hidden keys.
func (s *store) scan(
	r pebble.Reader, d *topicDefinition, p Page, hidden map[string]bool,
) ([]row, error) {
	var found []row
	err := walk(r, []byte{recordFamily, d.id}, p, func(key string, stored []byte) (bool, error) {
		if hidden[key] {
			return true, nil
		}
		v, err := s.decode(d, key, slices.Clone(stored))
		if err != nil {
			return false, err
		}
		found = append(found, row{key, key, v})
		return p.Limit == 0 || len(found) < p.Limit, nil
	})
	return found, err
}

// lookup returns a page of an index, without the rows of hidden keys.
func (s *store) lookup(
	r pebble.Reader, d *topicDefinition, index int, p Page, hidden map[string]bool,
) ([]row, error) {
	var found []row
	head := []byte{indexFamily, d.id, byte(index)}
	err := walk(r, head, p, func(cursor string, _ []byte) (bool, error) {
		key := cursor[lastNUL(cursor)+1:]
		if hidden[key] {
			return true, nil
		}
		stored, err := s.get(r, d, key)
		if err != nil {
			return false, err
		}
		if stored == nil {
			return false, &CorruptError{Shard: s.shard, Topic: d.topic.Name, Key: key,
				Reason: "an index names a record that the store does not have"}
		}
		v, err := s.decode(d, key, stored)
		if err != nil {
			return false, err
		}
		found = append(found, row{key, cursor, v})
		return p.Limit == 0 || len(found) < p.Limit, nil
	})
	return found, err
}

func lastNUL(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == 0 {
			return i
		}
	}
	return -1
}
