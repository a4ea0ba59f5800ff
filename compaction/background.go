package compaction

import (
	"context"
	"errors"
	"io"
)

// backgroundBatch is how many records of background topics are handed to the shard at once: few
// enough that its callers do not feel them.
const backgroundBatch = 4096

// backgroundBytes is how large they may be together, for the same reason.
const backgroundBytes = 4 << 20

// restoreBackground reads the background topics from their start to where the shard began to
// serve and hands them to its goroutine. After a crash in the middle the store is rebuilt: it may
// hold records whose tombstones the log no longer has.
func (s *Shards) restoreBackground(ctx context.Context, sh *shard) {
	err := s.feedBackground(ctx, sh)
	if err != nil && ctx.Err() == nil {
		sh.store.suspect(err)
	}
}

func (s *Shards) feedBackground(ctx context.Context, sh *shard) (err error) {
	topics := s.o.Schema.names(Background)
	send := func(entries []Entry) error {
		select {
		case sh.background <- entries:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(topics) == 0 {
		return send(nil)
	}
	r, err := s.o.Log.Read(ctx, sh.number, Range{To: sh.began, Topics: topics})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var entries []Entry
	size := 0 // of the entries, in bytes
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			if len(entries) > 0 {
				if err := send(entries); err != nil {
					return err
				}
			}
			return send(nil)
		}
		if err != nil {
			return err
		}
		entries = append(entries, b.Entries...)
		for _, e := range b.Entries {
			size += len(e.Key) + len(e.Value)
		}
		if len(entries) >= backgroundBatch || size >= backgroundBytes {
			if err := send(entries); err != nil {
				return err
			}
			entries, size = nil, 0
		}
	}
}

// absorb applies restored background records, except those of keys written since the shard began
// to serve. No entries mean that all have come.
func (s *shard) absorb(entries []Entry) error {
	state := s.state
	if len(entries) == 0 {
		state.background = true
	}
	older := entries[:0]
	for _, e := range entries {
		d, err := s.store.topic(e)
		if err != nil {
			return err
		}
		k := cellKey{d.id, string(e.Key)}
		if _, fresh := s.work.fresh[k]; !fresh {
			older = append(older, e)
			s.work.drop(k)
		}
	}
	if err := s.store.write(older, state); err != nil {
		return err
	}
	s.state = state
	if state.background {
		s.restoring.Store(false)
		clear(s.work.fresh)
		s.restored()
	}
	next, err := s.store.firstDue()
	s.sooner(next)
	return err
}
