package compaction

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// A Schema is the set of topics that a program keeps.
type Schema struct {
	byTopic     map[string]*topicDefinition
	byID        [256]*topicDefinition
	all         []*topicDefinition // sorted by topic
	fingerprint uint64
}

// NewSchema returns the schema of the given tables and streams, and of the engine's own. It fails
// on a mistake in a declaration and on two definitions of one topic.
func NewSchema(definitions ...Definition) (*Schema, error) {
	topics, err := Topics()
	if err != nil {
		return nil, err
	}
	if len(topics) > 255 {
		return nil, fmt.Errorf("compaction: %d topics: a store numbers them with one byte", len(topics))
	}
	s := &Schema{byTopic: map[string]*topicDefinition{}}
	definitions = append(definitions, Answers, Outbox, Counters)
	for _, x := range definitions {
		d := x.definition()
		if d.err != nil {
			return nil, d.err
		}
		if (d.due == nil) != (d.onDue == nil) {
			return nil, fmt.Errorf("compaction: %s needs both Due and OnDue, or neither", d.topic.Name)
		}
		if s.byTopic[d.topic.Name] == d {
			continue // named twice, as lists of packages that share one do
		}
		if s.byTopic[d.topic.Name] != nil {
			return nil, fmt.Errorf("compaction: two definitions of the topic %s", d.topic.Name)
		}
		d.once.Do(func() {
			d.id = byte(1 + slices.IndexFunc(topics, func(t Topic) bool { return t.Name == d.topic.Name }))
		})
		s.byTopic[d.topic.Name], s.byID[d.id] = d, d
		s.all = append(s.all, d)
	}
	slices.SortFunc(s.all, func(a, b *topicDefinition) int {
		return strings.Compare(a.topic.Name, b.topic.Name)
	})
	h := fnv.New64a()
	for _, d := range s.all {
		fmt.Fprintf(h, "%d %s %d %d %t", d.id, d.topic.Name, d.topic.Class, d.revision, d.due != nil)
		for _, x := range d.indexes {
			fmt.Fprintf(h, " %s", x.name)
		}
	}
	s.fingerprint = h.Sum64()
	return s, nil
}

// knows returns an error for a table or stream that is not in the schema.
func (s *Schema) knows(d *topicDefinition) error {
	if s.byID[d.id] != d {
		return fmt.Errorf("compaction: %s is not in the program's schema", d.topic.Name)
	}
	return nil
}

// Topics returns the schema's topics, sorted by name.
func (s *Schema) Topics() []Topic {
	var topics []Topic
	for _, d := range s.all {
		topics = append(topics, d.topic)
	}
	return topics
}

// names returns the names of the schema's topics of a class.
func (s *Schema) names(c Class) []string {
	var names []string
	for _, d := range s.all {
		if d.topic.Class == c {
			names = append(names, d.topic.Name)
		}
	}
	return names
}

// stored returns the names of the schema's topics that a store holds.
func (s *Schema) stored() []string { return append(s.names(Open), s.names(Background)...) }
