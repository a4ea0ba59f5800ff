package compaction

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A slot is the place of a shard, whether or not it is being served here.
type slot struct {
	counters
	comparing sync.Mutex   // held by CompareStore
	asked     atomic.Int64 // since when the log has not answered, since the program began; else 0

	mu      sync.RWMutex
	owned   bool           // whether this process is to serve the shard
	turns   int            // how often that has changed
	over    chan struct{}  // closed when what the shard does here now is over; nil before Run
	serving *shard         // nil while the shard is not being served
	stopped error          // why it will not be any more; an ErrNotServing
	change  chan struct{}  // closed when any of the above changes
	readers sync.WaitGroup // of the store being served
}

// errElsewhere is the ErrNotServing of shards that are not owned here.
var errElsewhere = fmt.Errorf("%w: it is not owned by this process", ErrNotServing)

func newSlot(owned bool) *slot {
	return &slot{owned: owned, change: make(chan struct{})}
}

// begin begins what the shard is to do here from now on: serve, or not. turned is called when that
// has changed; over is to be closed when it has been put to an end.
func (s *slot) begin(ctx context.Context, turned func()) (owned bool, over chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = make(chan struct{})
	s.stopped = nil
	go s.watch(ctx, s.turns, turned)
	return s.owned, s.over
}

// watch calls turned when it has changed whether the shard is owned, be it there and back, or ctx
// ends.
func (s *slot) watch(ctx context.Context, turns int, turned func()) {
	for {
		s.mu.RLock()
		now, change := s.turns, s.change
		s.mu.RUnlock()
		if now != turns {
			break
		}
		select {
		case <-change:
			continue
		case <-ctx.Done():
		}
		break
	}
	turned()
}

// turn says whether the shard is owned from now on. If it no longer is, what is returned is closed
// when it has been given up.
func (s *slot) turn(owned bool) (over <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owned == owned {
		return nil
	}
	s.owned = owned
	s.turns++
	s.changed()
	if owned {
		return nil
	}
	return s.over
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
	case !s.owned:
		return nil, errElsewhere
	case s.unanswered():
		return nil, ErrUnreachable
	}
	return nil, ErrNotServing
}

// silence is how long the log may take to answer before it is said that it does not.
const silence = 2 * time.Second

// ask notes that the log is asked for the shard. It has answered when answered is called.
func (s *slot) ask() {
	s.asked.CompareAndSwap(0, int64(time.Since(programStart))|1) // never 0
}

func (s *slot) answered() { s.asked.Store(0) }

// unanswered reports whether the log was asked a while ago and has not answered.
func (s *slot) unanswered() bool {
	at := s.asked.Load()
	return at != 0 && time.Since(programStart)-time.Duration(at) > silence
}

// wait waits until a shard is served that ok wants, and returns it. It fails when there will be
// none any more, with errElsewhere while the shard is not owned here, and when ctx ends.
func (s *slot) wait(ctx context.Context, ok func(*shard) bool) (*shard, error) {
	for {
		s.mu.RLock()
		sh, stopped, owned, change := s.serving, s.stopped, s.owned, s.change
		s.mu.RUnlock()
		switch {
		case sh != nil && ok(sh):
			return sh, nil
		case sh == nil && stopped != nil:
			return nil, stopped
		case !owned:
			return nil, errElsewhere
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
