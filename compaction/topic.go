package compaction

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// A Class says how a log keeps a topic and when a store needs it.
type Class uint8

const (
	// Open records are compacted and must be in the store before it serves.
	Open Class = iota + 1
	// Background records are compacted and grow with history: they are read while serving.
	Background
	// AppendOnly records are kept, every one.
	AppendOnly
)

// String returns the class as the documents name it.
func (c Class) String() string {
	return [...]string{"?", "compacted", "compacted, restored in the background", "append-only"}[c]
}

// A Topic is what a record message declares about the topic it is the value of.
type Topic struct {
	Name            string        // ends in the version of its format
	Key             string        // how keys read: "{tenant}/{quote}"
	Class           Class         //
	Retention       time.Duration // append-only topics; 0 is for ever
	DeleteRetention time.Duration // how long a tombstone stays at least
	Purpose         string        // one sentence
	Message         protoreflect.FullName
	PersonalData    []string // the paths of fields that hold personal data
}

// DefaultDeleteRetention is how long tombstones stay where a topic does not say.
const DefaultDeleteRetention = 7 * 24 * time.Hour

var topicName = regexp.MustCompile(`^quittance(\.[a-z][a-z0-9_]*)+\.v[0-9]+$`)

// TopicOf returns the topic that a message declares, and whether it declares one. It fails on a
// declaration that is incomplete: a name without a version, a compacted topic whose key does not
// begin with {tenant}, an unknown policy.
func TopicOf(m protoreflect.MessageDescriptor) (Topic, bool, error) {
	o, ok := m.Options().(*descriptorpb.MessageOptions)
	if !ok || !proto.HasExtension(o, compactionv1.E_Topic) {
		return Topic{}, false, nil
	}
	d := proto.GetExtension(o, compactionv1.E_Topic).(*compactionv1.Topic)
	t := Topic{
		Name: d.Name, Key: d.Key, Purpose: d.Purpose, Message: m.FullName(),
		Retention:       time.Duration(d.RetentionHours) * time.Hour,
		DeleteRetention: time.Duration(d.DeleteRetentionHours) * time.Hour,
		PersonalData:    personal(m, "", nil),
	}
	fail := func(why string) (Topic, bool, error) {
		return Topic{}, true, fmt.Errorf("compaction: the topic of %s %s", m.FullName(), why)
	}
	switch {
	case !topicName.MatchString(d.Name):
		return fail("needs a name like quittance.quotes.v1")
	case !strings.HasPrefix(d.Key, "{tenant}") && !strings.HasPrefix(d.Key, "{shard}"):
		return fail("needs a key that begins with {tenant}")
	case d.Purpose == "":
		return fail("needs a purpose")
	}
	switch {
	case d.Policy == compactionv1.Policy_POLICY_APPEND_ONLY:
		t.Class = AppendOnly
	case d.Policy != compactionv1.Policy_POLICY_COMPACT:
		return fail("needs a policy")
	case d.Restore == compactionv1.Restore_RESTORE_IN_BACKGROUND:
		t.Class = Background
	default:
		t.Class = Open
	}
	if t.Class != AppendOnly && t.Retention != 0 {
		return fail("is compacted and cannot have a retention")
	}
	if t.Class != AppendOnly && t.DeleteRetention == 0 {
		t.DeleteRetention = DefaultDeleteRetention
	}
	return t, true, nil
}

// personal collects the paths of m's fields that are marked as personal data.
func personal(
	m protoreflect.MessageDescriptor, prefix string, above []protoreflect.FullName,
) []string {
	if slices.Contains(above, m.FullName()) {
		return nil // a message inside itself: its fields are named already
	}
	above = append(above, m.FullName())
	var paths []string
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		path := prefix + string(f.Name())
		o, _ := f.Options().(*descriptorpb.FieldOptions)
		if o != nil && proto.HasExtension(o, compactionv1.E_PersonalData) {
			paths = append(paths, path)
			continue
		}
		if f.Message() != nil {
			paths = append(paths, personal(f.Message(), path+".", above)...)
		}
	}
	return paths
}

// Topics returns the topics declared by every message linked into the program, sorted by name.
// It fails on an incomplete declaration and on two messages that declare one name.
func Topics() ([]Topic, error) {
	var topics []Topic
	var err error
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Messages().Len() {
			t, ok, e := TopicOf(f.Messages().Get(i))
			if e != nil {
				err = e
				return false
			}
			if ok {
				topics = append(topics, t)
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(topics, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(topics); i++ {
		if topics[i].Name == topics[i-1].Name {
			return nil, fmt.Errorf("compaction: %s and %s both declare the topic %s",
				topics[i-1].Message, topics[i].Message, topics[i].Name)
		}
	}
	return topics, nil
}
