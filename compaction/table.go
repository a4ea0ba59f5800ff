package compaction

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// A Definition is a Table or a Stream, for a Schema.
type Definition interface{ definition() *topicDefinition }

// topicDefinition is what the engine knows of a topic, whatever its values are.
type topicDefinition struct {
	topic Topic
	err   error // of the declaration; reported by NewSchema
	once  sync.Once
	id    byte // place among all topics of the program; set by NewSchema

	revision int // of what is derived

	// Compacted topics:
	encode  func(any) ([]byte, error)
	decode  func([]byte) (any, error)
	indexes []indexDefinition
	due     func(key string, v any) time.Time
	onDue   func(tx *Tx, key string, v any) error
	cached  bool

	// Append-only topics:
	sequence func(value []byte) (uint64, error)
	project  func(Entry) ([]Projection, error)
}

type indexDefinition struct {
	name string
	keys func(key string, v any) []string
}

// derived reports whether anything beside the record itself follows from the topic's records.
func (d *topicDefinition) derived() bool { return len(d.indexes) > 0 || d.due != nil }

// An Index lists, for a record, the texts it is to be found under. Texts are readable, tenant
// first, and contain no NUL. Keys depends on nothing but its arguments.
type Index[T any] struct {
	Name string
	Keys func(key string, v T) []string
}

// A TableSpec declares a Table.
type TableSpec[T any] struct {
	// Message is a nil pointer of the record's message, which declares the topic.
	Message proto.Message
	// Encode returns the stored form of v, never empty.
	Encode func(v T) ([]byte, error)
	// Decode returns the value of a stored form, of this version of the program or any before.
	Decode func(stored []byte) (T, error)
	// Indexes are derived from each record as it is applied.
	Indexes []Index[T]
	// Due returns when the owner of the shard is to call the table's OnDue handler for the
	// record; zero is never. It depends on nothing but its arguments.
	Due func(key string, v T) time.Time
	// Cached keeps decoded values of recently used records in memory, and encodes a record that
	// changes often once a group. Encode must then never fail for a value a command can Put.
	Cached bool
	// Revision is raised when Indexes or Due derive something else from the same records: stores
	// made by another revision are rebuilt.
	Revision int
}

// A Table is a compacted topic as keyed values of type T. Tables are declared once, as package
// variables; they hold no state and are safe for concurrent use.
//
// A value is not to be changed after it was given to Put or returned by Get: copy what is shared.
type Table[T any] struct{ d topicDefinition }

// NewTable declares a table. Mistakes in the declaration are reported by NewSchema.
func NewTable[T any](spec TableSpec[T]) *Table[T] {
	t := &Table[T]{}
	t.d.topic, t.d.err = declared(spec.Message, false)
	t.d.encode = func(v any) ([]byte, error) { return spec.Encode(v.(T)) }
	t.d.decode = func(b []byte) (any, error) { return spec.Decode(b) }
	t.d.cached, t.d.revision = spec.Cached, spec.Revision
	for _, x := range spec.Indexes {
		t.d.indexes = append(t.d.indexes, indexDefinition{x.Name,
			func(key string, v any) []string { return x.Keys(key, v.(T)) }})
	}
	if spec.Due != nil {
		t.d.due = func(key string, v any) time.Time { return indexable(spec.Due(key, v.(T))) }
	}
	return t
}

// indexable returns the time under which the time index, which counts nanoseconds, has a record:
// one before 1970 is due at its beginning, one after 2262 at its end.
func indexable(at time.Time) time.Time {
	switch first, last := time.Unix(0, 0), time.Unix(0, math.MaxInt64); {
	case at.IsZero():
		return at
	case at.Before(first):
		return first.UTC()
	case at.After(last):
		return last.UTC()
	}
	return at
}

// OnDue sets the handler of records that are due; call it once, in an init function. The owner of
// the shard calls it in a command of its own, at or after the time due. It must leave the record
// changed so that it is no longer due then, or delete it.
func (t *Table[T]) OnDue(handle func(tx *Tx, key string, v T) error) {
	t.d.onDue = func(tx *Tx, key string, v any) error { return handle(tx, key, v.(T)) }
}

// declared returns the topic that a record message declares.
func declared(m proto.Message, appendOnly bool) (Topic, error) {
	name := m.ProtoReflect().Descriptor().FullName()
	topic, ok, err := TopicOf(m.ProtoReflect().Descriptor())
	switch {
	case err != nil:
		return topic, err
	case !ok:
		return topic, fmt.Errorf("compaction: %s declares no topic", name)
	case (topic.Class == AppendOnly) != appendOnly:
		return topic, fmt.Errorf("compaction: the topic of %s is %v", name, topic.Class)
	}
	return topic, nil
}

func (t *Table[T]) definition() *topicDefinition { return &t.d }

// Topic returns the table's topic.
func (t *Table[T]) Topic() Topic { return t.d.topic }

// Get returns the value of key and whether there is one. It fails when the store does (in a command
// with ErrUnread), with ErrRestoring when the table is still being restored in the background, and
// with a *CorruptError for a record that does not decode.
func (t *Table[T]) Get(s State, key string) (T, bool, error) {
	v, ok, err := s.get(&t.d, key)
	if !ok || err != nil {
		var zero T
		return zero, false, err
	}
	return v.(T), true, nil
}

// Put sets the value of key. A value that does not encode, or is too large (*SizeError), fails the
// command.
func (t *Table[T]) Put(tx *Tx, key string, v T) { tx.put(&t.d, key, v, true) }

// Delete ends key with a tombstone. Ending a key that has no value writes nothing, unless the table
// is still being restored and the key may have one.
func (t *Table[T]) Delete(tx *Tx, key string) { tx.put(&t.d, key, nil, false) }

// A Page says which rows are wanted: those whose keys begin with Prefix, after the row whose
// Cursor is After, at most Limit (0 is no limit), in falling order if Reverse.
type Page struct {
	Prefix  string
	After   string
	Limit   int
	Reverse bool
}

// A Row is a record as a scan gives it. Cursor is where the next page begins.
type Row[T any] struct {
	Key    string
	Cursor string
	Value  T
}

// Scan returns the rows of a page, ordered by key.
func (t *Table[T]) Scan(s State, p Page) ([]Row[T], error) {
	found, err := s.scan(&t.d, p)
	return rows[T](found), err
}

// Lookup returns the rows of a page of an index, ordered by the index's texts; Page.Prefix is a
// prefix of those. A record stands once under each of its texts.
func (t *Table[T]) Lookup(s State, index string, p Page) ([]Row[T], error) {
	i := slices.IndexFunc(t.d.indexes, func(x indexDefinition) bool { return x.name == index })
	if i < 0 {
		return nil, fmt.Errorf("compaction: %s has no index %q", t.d.topic.Name, index)
	}
	found, err := s.lookup(&t.d, i, p)
	return rows[T](found), err
}

func rows[T any](found []row) []Row[T] {
	if len(found) == 0 {
		return nil
	}
	out := make([]Row[T], len(found))
	for i, r := range found {
		out[i] = Row[T]{r.key, r.cursor, r.value.(T)}
	}
	return out
}

// A State is what values are read from: a *Tx inside a command, a *View outside.
type State interface {
	get(d *topicDefinition, key string) (any, bool, error)
	scan(d *topicDefinition, p Page) ([]row, error)
	lookup(d *topicDefinition, index int, p Page) ([]row, error)
}

// row is a record found by a scan or in an index.
type row struct {
	key, cursor string
	value       any
}

// page cuts sorted rows down to what p asks for; rows are in rising order of cursor.
func (p Page) page(found []row) []row {
	if p.Reverse {
		slices.Reverse(found)
	}
	if p.After != "" {
		i := slices.IndexFunc(found, func(r row) bool { return p.past(r.cursor) })
		if i < 0 {
			return nil
		}
		found = found[i:]
	}
	if p.Limit > 0 && len(found) > p.Limit {
		found = found[:p.Limit]
	}
	return found
}

// past reports whether a cursor comes after p.After in p's order.
func (p Page) past(cursor string) bool {
	if p.After == "" {
		return true
	}
	if p.Reverse {
		return cursor < p.After
	}
	return cursor > p.After
}

// compareRows orders rows by cursor.
func compareRows(a, b row) int { return strings.Compare(a.cursor, b.cursor) }
