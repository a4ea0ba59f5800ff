package compaction

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A View reads one shard as it was at one moment: after a group, never within one. It is for the
// function it was given to, and not for several goroutines.
type View struct {
	store     *store
	snapshot  *pebble.Snapshot
	restoring bool
}

func (v *View) get(d *topicDefinition, key string) (any, bool, error) {
	if d.topic.Class == Background && v.restoring {
		return nil, false, ErrRestoring
	}
	stored, err := v.store.get(v.snapshot, d, key)
	if stored == nil || err != nil {
		return nil, false, err
	}
	value, err := v.store.decode(d, key, stored)
	return value, err == nil, err
}

func (v *View) scan(d *topicDefinition, p Page) ([]row, error) {
	if d.topic.Class == Background && v.restoring {
		return nil, ErrRestoring
	}
	return v.store.scan(v.snapshot, d, p)
}

func (v *View) lookup(d *topicDefinition, index int, p Page) ([]row, error) {
	if d.topic.Class == Background && v.restoring {
		return nil, ErrRestoring
	}
	return v.store.lookup(v.snapshot, d, index, p)
}

// Stored returns the stored form of a record of any topic of the schema, and whether there is one:
// for tools that look at records as they are.
func (v *View) Stored(topic, key string) ([]byte, bool, error) {
	d := v.store.schema.byTopic[topic]
	if d == nil {
		return nil, false, fmt.Errorf("compaction: there is no topic %s", topic)
	}
	stored, err := v.store.get(v.snapshot, d, key)
	return stored, stored != nil, err
}

// Count returns how many records a compacted topic has in the view.
func (v *View) Count(topic string) (int, error) {
	d := v.store.schema.byTopic[topic]
	if d == nil {
		return 0, fmt.Errorf("compaction: there is no topic %s", topic)
	}
	n := 0
	err := walk(v.snapshot, []byte{recordFamily, d.id}, Page{}, func(string, []byte) (bool, error) {
		n++
		return true, nil
	})
	return n, err
}
