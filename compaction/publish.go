package compaction

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// publish tells subscribers of what is durable, answers it and applies it, in this order: who has
// an answer finds that everybody was told, and nobody reads the store before it is applied.
func (s *shard) publish(next storeState) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	s.tell()
	s.answer(nil)
	err := s.apply(next)
	s.behind = err != nil
	return err
}

// tell leaves a token with those who subscribed to a topic that the group writes to.
func (s *shard) tell() {
	var touched [256]bool
	for _, c := range s.work.dirty {
		touched[c.d.id] = true
	}
	for _, r := range s.tx.appends {
		touched[s.schema.byTopic[r.Topic].id] = true
	}
	s.notify(&touched)
}

// snapshot returns the store as it is after every command that was answered, nil where that cannot
// be had any more.
func (s *shard) snapshot() *pebble.Snapshot {
	s.applying.RLock()
	defer s.applying.RUnlock()
	if s.behind {
		return nil
	}
	return s.store.db.NewSnapshot()
}

// apply writes the group's cells and the new state into the store, in one batch.
func (s *shard) apply(next storeState) error {
	b := s.store.db.NewBatch()
	for _, c := range s.work.dirty {
		var value []byte
		if c.present {
			value = c.encoded
		}
		if err := s.store.apply(b, c.d, c.key, c.before, value); err != nil {
			return errors.Join(err, b.Close())
		}
		if c.present && c.d.due != nil {
			s.sooner(c.d.due(c.key, c.value))
		}
	}
	s.encoded = next.encode(s.encoded[:0])
	if err := b.Set([]byte(stateKey), s.encoded, nil); err != nil {
		return errors.Join(err, b.Close())
	}
	// NoSync: the log is durable, the store is folded from it again after a crash.
	if err := b.Commit(pebble.NoSync); err != nil {
		return errors.Join(err, b.Close())
	}
	return b.Close()
}
