package compaction

import "google.golang.org/protobuf/proto"

// A StreamSpec declares a Stream.
type StreamSpec struct {
	// Message is a nil pointer of the record's message, which declares the topic.
	Message proto.Message
	// Sequence returns the number by which Shards.Entry finds a record again: rising, without a
	// gap, one order per shard. Nil for streams whose records are not looked for.
	Sequence func(value []byte) (uint64, error)
	// Project returns the rows that a record adds to the history store. It depends on nothing but
	// the record. Nil for none.
	Project func(Entry) ([]Projection, error)
	// Revision is raised when Project makes other rows of the same records: history stores made
	// by another revision are made anew.
	Revision int
}

// A Stream is an append-only topic. Like a Table it is declared once and holds no state.
type Stream struct{ d topicDefinition }

// NewStream declares a stream. Mistakes in the declaration are reported by NewSchema.
func NewStream(spec StreamSpec) *Stream {
	s := &Stream{}
	s.d.topic, s.d.err = declared(spec.Message, true)
	s.d.sequence, s.d.project, s.d.revision = spec.Sequence, spec.Project, spec.Revision
	return s
}

func (s *Stream) definition() *topicDefinition { return &s.d }

// Topic returns the stream's topic.
func (s *Stream) Topic() Topic { return s.d.topic }

// Append adds a record. The value is kept as it is, byte for byte, and must not be changed later.
// One that is too large (*SizeError) fails the command, and so does a stream that is not in the
// program's schema.
func (s *Stream) Append(tx *Tx, key string, value []byte) {
	if err := tx.w.store.schema.knows(&s.d); err != nil {
		tx.err = err
		return
	}
	if err := tx.weigh(&s.d, key, value); err != nil {
		tx.err = err
		return
	}
	tx.appends = append(tx.appends, Record{s.d.topic.Name, []byte(key), value})
}

// A Projection is a row of the history store, derived from an appended record. Rows of a family
// are found by key; a later row of the same key replaces the earlier.
type Projection struct {
	Family string
	Key    string
	Value  []byte
}
