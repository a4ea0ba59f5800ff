package local

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quittance/quittance/compaction"
)

// A space decides whether there is room for what is to be written. Pebble ends the process when
// its WAL or its MANIFEST cannot be written, so writing stops well before the disk is full:
//
//	free ≥ reserve      everything is written
//	free < reserve      Appends are refused; buffers are flushed and tables compacted
//	free < reserve / 2  the cleaner rests, and RESERVE is set free
//	free < reserve / 4  compactions are refused
//
// Everything goes on by itself when there is space again.
type space struct {
	fs      vfs.FS
	dir     string
	reserve uint64
	ask     func(dir string) (uint64, error)

	mu        sync.Mutex
	available uint64    // at the last question
	asked     time.Time // when that was
	written   uint64    // bytes admitted since
	refusing  bool
	refusals  uint64
	held      bool // RESERVE is there
}

// A question is asked again after this much was written or this much time has passed.
const (
	askBytes = 1 << 20
	askEvery = 100 * time.Millisecond
)

// admit refuses size bytes of an Append when they would touch the reserve.
func (s *space) admit(size int) error { return s.allow(size, s.reserve) }

// admitCleaner does the same for the cleaner, whose work frees space in the end.
func (s *space) admitCleaner(size int) error { return s.allow(size, s.reserve/2) }

func (s *space) allow(size int, reserve uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(uint64(size)); err != nil {
		return err
	}
	// Every byte is written twice: to the WAL, and to a table when the buffer is flushed.
	need := 2 * (s.written + uint64(size))
	s.refusing = s.available < reserve+need
	if s.refusing {
		s.refusals++
		return &compaction.SpaceError{Path: s.dir, Available: s.available, Reserve: reserve}
	}
	s.written += uint64(size)
	return nil
}

// scarce reports that the last of the disk is being used.
func (s *space) scarce() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refresh(0) == nil && s.available < s.reserve/4
}

// refresh asks how much is free when the last answer is too old.
func (s *space) refresh(size uint64) error {
	if !s.refusing && s.written+size < askBytes && time.Since(s.asked) < askEvery {
		return nil
	}
	n, err := s.ask(s.dir)
	if err != nil {
		return spaceUnknown{err}
	}
	s.available, s.asked, s.written = n, time.Now(), 0
	return nil
}

// watch holds RESERVE or sets it free. It is called now and then.
func (s *space) watch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(askBytes); err != nil {
		return err
	}
	path := s.fs.PathJoin(s.dir, "RESERVE")
	switch {
	case s.available < s.reserve/2:
		s.held = false
		if err := s.fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("local: free the reserve: %w", err)
		}
	case !s.held && s.available > 2*s.reserve:
		f, err := s.fs.OpenReadWrite(path, "quittance-reserve")
		if err != nil {
			return fmt.Errorf("local: hold a reserve: %w", err)
		}
		// A file system that cannot preallocate holds nothing; the bounds above still count.
		s.held = true
		return errors.Join(f.Preallocate(0, int64(s.reserve/8)), f.Close())
	}
	return nil
}

// A spaceUnknown reports that nobody knows how much space there is: nothing is written then.
type spaceUnknown struct{ err error }

func (e spaceUnknown) Error() string { return "local: free space is not known: " + e.err.Error() }

func (e spaceUnknown) Unwrap() []error { return []error{compaction.ErrNotCommitted, e.err} }
