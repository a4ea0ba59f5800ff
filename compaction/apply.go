package compaction

import (
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// apply writes a record, and what is derived from it, into a batch. It depends on nothing but the
// record and the stored form that its key had before (nil for none), so live and replayed records
// change the store alike. An index entry that both forms have is left alone.
func (s *store) apply(b *pebble.Batch, d *topicDefinition, key string, before, value []byte) error {
	k := recordKey(d.id, key)
	if value == nil {
		if before != nil || !d.derived() {
			if err := b.Delete(k, nil); err != nil {
				return err
			}
		}
	} else if err := b.Set(k, value, nil); err != nil {
		return err
	}
	if !d.derived() {
		return nil
	}
	was, err := s.derive(d, key, before)
	if err != nil {
		return err
	}
	is, err := s.derive(d, key, value)
	if err != nil {
		return err
	}
	for _, k := range was {
		if !slices.ContainsFunc(is, func(x []byte) bool { return string(x) == string(k) }) {
			if err := b.Delete(k, nil); err != nil {
				return err
			}
		}
	}
	for _, k := range is {
		if !slices.ContainsFunc(was, func(x []byte) bool { return string(x) == string(k) }) {
			if err := b.Set(k, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// derive returns the index and time keys that follow from a stored form.
func (s *store) derive(d *topicDefinition, key string, stored []byte) ([][]byte, error) {
	if stored == nil {
		return nil, nil
	}
	v, err := s.decode(d, key, stored)
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for i, x := range d.indexes {
		for _, text := range x.keys(key, v) {
			keys = append(keys, indexKey(d.id, byte(i), text, key))
		}
	}
	if d.due != nil {
		if at := d.due(key, v); !at.IsZero() {
			keys = append(keys, dueKey(d.id, at, key))
		}
	}
	return keys, nil
}

// replay applies records read from the log: the last one of each key, over what the store has.
// Records of topics that the schema does not name stop the shard: they are never skipped.
func (s *store) replay(b *pebble.Batch, entries []Entry) error {
	last := make(map[cellKey]int, len(entries))
	for i, e := range entries {
		d, err := s.topic(e)
		if err != nil {
			return err
		}
		if d.topic.Class != AppendOnly {
			last[cellKey{d.id, string(e.Key)}] = i
		}
	}
	for k, i := range last {
		d, e := s.schema.byID[k.topic], entries[i]
		var before []byte
		if d.derived() {
			var err error
			if before, err = s.get(s.db, d, k.key); err != nil {
				return err
			}
		}
		if err := s.apply(b, d, k.key, before, e.Value); err != nil {
			return err
		}
	}
	return nil
}

// topic returns the definition of an entry's topic.
func (s *store) topic(e Entry) (*topicDefinition, error) {
	d := s.schema.byTopic[e.Topic]
	if d == nil {
		return nil, &CorruptError{Shard: s.shard, Group: e.Group, Topic: e.Topic, Key: string(e.Key),
			Reason: "this version of the program does not know the topic"}
	}
	return d, nil
}
