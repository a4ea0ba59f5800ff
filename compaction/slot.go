package compaction

import (
	"context"
	"sync"
)

// A slot is the place of a shard, whether or not it is being served.
type slot struct {
	counters
	comparing sync.Mutex // held by CompareStore

	mu      sync.RWMutex
	serving *shard         // nil while the shard is not being served
	stopped error          // why it will not be any more; an ErrNotServing
	change  chan struct{}  // closed when any of the above changes
	readers sync.WaitGroup // of the store being served
}

// set changes what a slot serves and wakes who waits for it.
func (s *slot) set(sh *shard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving = sh
	s.changed()
}

// stop says why the shard will not be served any more. The first reason stays.
func (s *slot) stop(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == nil {
		s.stopped = why
		s.changed()
	}
}

func (s *slot) changed() {
	close(s.change)
	s.change = make(chan struct{})
}

// get returns the shard being served, or why there is none.
func (s *slot) get() (*shard, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current()
}

// hold is get, and keeps the shard's store open until readers is done.
func (s *slot) hold() (*shard, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sh, err := s.current()
	if err == nil {
		s.readers.Add(1)
	}
	return sh, err
}

func (s *slot) current() (*shard, error) {
	switch {
	case s.serving != nil:
		return s.serving, nil
	case s.stopped != nil:
		return nil, s.stopped
	}
	return nil, ErrNotServing
}

// wait waits until a shard is served that ok wants, and returns it. It fails when there will be
// none any more, and when ctx ends.
func (s *slot) wait(ctx context.Context, ok func(*shard) bool) (*shard, error) {
	for {
		s.mu.RLock()
		sh, stopped, change := s.serving, s.stopped, s.change
		s.mu.RUnlock()
		switch {
		case sh != nil && ok(sh):
			return sh, nil
		case sh == nil && stopped != nil:
			return nil, stopped
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
