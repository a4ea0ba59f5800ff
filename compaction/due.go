package compaction

import (
	"encoding/binary"
	"errors"
	"maps"
	"time"
)

// dueBatch bounds how many due records are looked at in one group.
const dueBatch = 256

// retryDue is how soon due records are dealt with again when the log took nothing.
const retryDue = time.Second

// A dueRecord is an entry of the time index.
type dueRecord struct {
	at  time.Time
	d   *topicDefinition
	key string
}

// arm sets the timer to the next due record.
func (s *shard) arm(timer *time.Timer) {
	wait := time.Hour
	if !s.nextDue.IsZero() {
		wait = min(max(0, s.nextDue.Sub(s.clock())), wait)
	}
	timer.Reset(wait)
}

// due returns the records that are due now and notes when the next one is.
func (s *shard) due() ([]dueRecord, error) {
	now := s.clock()
	if s.nextDue.IsZero() || s.nextDue.After(now) {
		return nil, nil
	}
	maps.DeleteFunc(s.deferred, func(_ string, again time.Time) bool { return !again.After(now) })
	found, next, err := s.store.due(now, dueBatch+len(s.deferred))
	if err != nil {
		return nil, err
	}
	s.nextDue = next
	ready := found[:0]
	for _, r := range found {
		if again, ok := s.deferred[r.name()]; ok {
			s.sooner(again)
			continue
		}
		ready = append(ready, r)
	}
	return ready, nil
}

// name tells due records apart.
func (r dueRecord) name() string { return string(dueKey(r.d.id, r.at, r.key)) }

// sooner moves the next due time forward.
func (s *shard) sooner(at time.Time) {
	if !at.IsZero() && (s.nextDue.IsZero() || at.Before(s.nextDue)) {
		s.nextDue = at
	}
}

// decideDue calls the handler of a due record. One that fails, or leaves its record due, is tried
// again in a minute.
func (s *shard) decideDue(r dueRecord, now time.Time) {
	s.tx.begin()
	_, err := s.call(func(tx *Tx) (Answer, error) {
		v, ok, err := tx.get(r.d, r.key)
		if err != nil {
			return Answer{}, err
		}
		if !ok || !r.d.due(r.key, v).Equal(r.at) {
			if tx.w.written(r.d, r.key) {
				return Answer{}, nil // an earlier handler of the group has seen to it
			}
			return Answer{}, &CorruptError{Shard: s.number, Topic: r.d.topic.Name, Key: r.key,
				Reason: "the time index names a record that is not due then"}
		}
		if err := r.d.onDue(tx, r.key, v); err != nil {
			return Answer{}, err
		}
		v, ok, err = tx.get(r.d, r.key)
		if err == nil && ok && r.d.due(r.key, v).Equal(r.at) {
			err = errStillDue
		}
		return Answer{}, err
	})
	if err == nil {
		return
	}
	s.tx.rollback()
	s.deferred[r.name()] = now.Add(time.Minute)
	s.sooner(now.Add(time.Minute))
	if damaged(err) {
		s.store.suspect(err)
	}
	if !errors.Is(err, ErrRestoring) {
		s.logger.Error("a due record could not be dealt with", "shard", s.number,
			"topic", r.d.topic.Name, "error", err)
	}
}

// errStillDue reports a handler that left its record due.
var errStillDue = errors.New("compaction: the handler left the record due")

// due returns the first keys of the time index up to and including the time until, at most limit,
// and the time of the first key after those, zero if there is none.
func (s *store) due(until time.Time, limit int) (found []dueRecord, next time.Time, err error) {
	err = walk(s.db, []byte{dueFamily}, Page{}, func(rest string, _ []byte) (bool, error) {
		at := time.Unix(0, int64(binary.BigEndian.Uint64([]byte(rest[:8])))).UTC()
		if at.After(until) || len(found) == limit {
			next = at
			return false, nil
		}
		found = append(found, dueRecord{at, s.schema.byID[rest[8]], rest[9:]})
		return true, nil
	})
	return found, next, err
}

// firstDue returns the earliest time in the time index, zero if it is empty.
func (s *store) firstDue() (time.Time, error) {
	_, next, err := s.due(time.Time{}, 0)
	return next, err
}
