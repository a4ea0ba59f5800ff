package compaction

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A View reads one shard as it was at one moment: after a group, never within one. It is for the
// function it was given to, and not for several goroutines.
type View struct {
	store     *store
	snapshot  *pebble.Snapshot
	restoring bool
	ctx       context.Context // of Examine; else nil
}

// over says why nothing is to be read any more.
func (v *View) over() error {
	if v.ctx == nil || v.ctx.Err() == nil {
		return nil
	}
	return context.Cause(v.ctx)
}

// may says why a topic cannot be read.
func (v *View) may(d *topicDefinition) error {
	if err := v.over(); err != nil {
		return err
	}
	if d.topic.Class == Background && v.restoring {
		return ErrRestoring
	}
	return v.store.schema.knows(d)
}

// note has the store dropped if an error speaks of damage to it. What f makes of the error does not
// matter, nor do errors of f's that come from elsewhere, such as a history that has stopped.
func (v *View) note(err error) error {
	if damaged(err) {
		v.store.suspect(err)
	}
	return err
}

func (v *View) get(d *topicDefinition, key string) (any, bool, error) {
	if err := v.may(d); err != nil {
		return nil, false, err
	}
	stored, err := v.store.get(v.snapshot, d, key)
	if stored == nil || err != nil {
		return nil, false, v.note(err)
	}
	value, err := v.store.decode(d, key, stored)
	return value, err == nil, v.note(err)
}

func (v *View) scan(d *topicDefinition, p Page) ([]row, error) {
	if err := v.may(d); err != nil {
		return nil, err
	}
	found, err := v.store.scan(v.snapshot, d, p, nil)
	return found, v.note(err)
}

func (v *View) lookup(d *topicDefinition, index int, p Page) ([]row, error) {
	if err := v.may(d); err != nil {
		return nil, err
	}
	found, err := v.store.lookup(v.snapshot, d, index, p, nil)
	return found, v.note(err)
}

// Stored returns the stored form of a record of any topic of the schema, and whether there is one:
// for tools that look at records as they are.
func (v *View) Stored(topic, key string) ([]byte, bool, error) {
	d := v.store.schema.byTopic[topic]
	if d == nil {
		return nil, false, fmt.Errorf("compaction: there is no topic %s", topic)
	}
	stored, err := v.store.get(v.snapshot, d, key)
	return stored, stored != nil, v.note(err)
}

// Count returns how many records a compacted topic has in the view.
func (v *View) Count(topic string) (int, error) {
	d := v.store.schema.byTopic[topic]
	if d == nil {
		return 0, fmt.Errorf("compaction: there is no topic %s", topic)
	}
	if err := v.over(); err != nil {
		return 0, err
	}
	n := 0
	err := walk(v.snapshot, []byte{recordFamily, d.id}, Page{}, func(string, []byte) (bool, error) {
		n++
		return true, v.over()
	})
	return n, v.note(err)
}

// Read calls f with a view of a tenant's shard as it is now: after every command that was answered
// before the call. A shard that drops itself is not served again before f has returned, so f must
// be short and not wait for a command: see Examine. Errors: ErrNotServing, and those of f.
func (s *Shards) Read(tenant string, f func(*View) error) error {
	if err := CheckTenant(tenant); err != nil {
		return err
	}
	return s.view(ShardOf(tenant, len(s.slots)), f)
}

// Each calls f with a view of each shard that this process owns, in turn. A shard that is not being
// served, and an error of f, do not keep it from the next one; the errors are returned together. A
// shard that has just passed to another process may be shown as it was: what is done about what f
// sees is done by commands, which find out. As with Read, f must be short.
func (s *Shards) Each(f func(shard int, v *View) error) error {
	var errs []error
	for n := range s.slots {
		err := s.snapshot(n, func(v *View) error { return f(n, v) })
		if !errors.Is(err, errElsewhere) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// view calls f with a view that is current: see renew.
func (s *Shards) view(n int, f func(*View) error) error {
	if err := s.slots[n].renew(); err != nil {
		return err
	}
	return s.snapshot(n, f)
}

// snapshot calls f with a view of what the store has.
func (s *Shards) snapshot(n int, f func(*View) error) (err error) {
	slot := s.slots[n]
	sh, err := slot.hold()
	if err != nil {
		return err
	}
	defer slot.readers.Done()
	v := sh.view()
	if v == nil {
		return ErrNotServing // the shard drops itself and is claimed again
	}
	defer func() { err = errors.Join(err, v.snapshot.Close()) }()
	return f(v)
}

// view takes a view of what a shard's store has, nil where the shard drops itself. Its snapshot
// must be closed before the store is.
func (s *shard) view() *View {
	// Asked before the snapshot is taken: a snapshot of a moment before the end of restoring must
	// not pass for one of after it.
	restoring := s.restoring.Load()
	snapshot := s.snapshot()
	if snapshot == nil {
		return nil
	}
	return &View{store: s.store, snapshot: snapshot, restoring: restoring}
}
