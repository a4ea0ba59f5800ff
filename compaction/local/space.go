package local

import (
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A space decides whether there is room for an Append.
type space struct {
	dir     string
	reserve uint64
	ask     func(dir string) (uint64, error)

	mu        sync.Mutex
	available uint64    // at the last question
	asked     time.Time // when that was
	written   uint64    // bytes admitted since
	refusing  bool
}

// A question is asked again after this much was written or this much time has passed.
const (
	askBytes = 1 << 20
	askEvery = 100 * time.Millisecond
)

// admit refuses size bytes when they would touch the reserve.
func (s *space) admit(size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing || s.written+uint64(size) >= askBytes || time.Since(s.asked) >= askEvery {
		if err := s.question(); err != nil {
			return err
		}
	}
	// Every byte is written twice: to the WAL, and to a table when the buffer is flushed.
	need := 2 * (s.written + uint64(size))
	s.refusing = s.available < s.reserve+need
	if s.refusing {
		return &compaction.SpaceError{Path: s.dir, Available: s.available, Reserve: s.reserve}
	}
	s.written += uint64(size)
	return nil
}

func (s *space) question() error {
	n, err := s.ask(s.dir)
	if err != nil {
		return errSpace{err}
	}
	s.available, s.asked, s.written = n, time.Now(), 0
	return nil
}

// An errSpace reports that nobody knows how much space there is: nothing is written then.
type errSpace struct{ err error }

func (e errSpace) Error() string { return "local: free space is not known: " + e.err.Error() }

func (e errSpace) Unwrap() []error { return []error{compaction.ErrNotCommitted, e.err} }
