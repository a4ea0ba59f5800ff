package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// A recordLine is a record as a line of JSON.
type recordLine struct {
	Topic     string          `json:"topic"`
	Shard     int             `json:"shard"`
	Key       string          `json:"key"`
	Group     uint64          `json:"group"`
	Time      time.Time       `json:"time"`
	Offset    int64           `json:"offset"`
	Value     json.RawMessage `json:"value,omitempty"`
	Tombstone bool            `json:"tombstone,omitempty"`
}

// recordLines writes records as lines of JSON. The same record gives the same bytes.
type recordLines struct {
	w        io.Writer
	message  protoreflect.MessageType
	personal bool // shows personal data
}

// write writes a record of a shard, and returns how long its line is.
func (l recordLines) write(shard int, e compaction.Entry) (int, error) {
	line := recordLine{Topic: e.Topic, Shard: shard, Key: string(e.Key), Group: e.Group,
		Time: e.Time.UTC(), Offset: e.Offset, Tombstone: e.Tombstone()}
	if !line.Tombstone {
		m := l.message.New()
		if err := proto.Unmarshal(e.Value, m.Interface()); err != nil {
			return 0, fmt.Errorf("record %s of %s does not decode: %w", e.Key, e.Topic, err)
		}
		if !l.personal {
			mask(m)
		}
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m.Interface())
		if err != nil {
			return 0, fmt.Errorf("record %s of %s: %w", e.Key, e.Topic, err)
		}
		var compact bytes.Buffer // protojson puts spaces in at random, so that nobody relies on them
		if err := json.Compact(&compact, text); err != nil {
			return 0, err
		}
		line.Value = compact.Bytes()
	}
	text, err := json.Marshal(line)
	if err != nil {
		return 0, err
	}
	return l.w.Write(append(text, '\n'))
}

// masked stands where a text is that holds personal data.
const masked = "***"

// mask takes out of a message what its contract marks as personal data: of texts it leaves that
// there was one. Bytes go too unless they are as long as a SHA-256: they may be whole records.
func mask(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		personal := proto.HasExtension(f.Options(), compactionv1.E_PersonalData)
		switch {
		case personal && f.Kind() == protoreflect.StringKind && f.IsList():
			for i := range v.List().Len() {
				v.List().Set(i, protoreflect.ValueOfString(masked))
			}
		case personal && f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(masked))
		case personal:
			m.Clear(f)
		case f.Kind() == protoreflect.BytesKind && (f.IsList() || len(v.Bytes()) != sha256Size):
			m.Clear(f)
		case f.Message() != nil && f.IsList():
			for i := range v.List().Len() {
				mask(v.List().Get(i).Message())
			}
		case f.Message() != nil:
			mask(v.Message())
		}
		return true
	})
}

const sha256Size = 32

// opaque reports whether a message has bytes in it, whose content its contract does not tell.
func opaque(m protoreflect.MessageDescriptor) bool {
	for i := range m.Fields().Len() {
		if m.Fields().Get(i).Kind() == protoreflect.BytesKind {
			return true
		}
	}
	return false
}
