package compactiontest

import (
	"bytes"
	"errors"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A mark is durable, is changed by the writers of the shards and by nobody who was fenced, and says
// nothing about groups: those are numbered on.
func testMark(s *subject) {
	log := func() compaction.MarkedLog { return s.log.(compaction.MarkedLog) }
	whatever := func(compaction.Mark) bool { return true }
	if m := s.mark(log(), whatever); m.Claimed || m.Secret != nil || m.Moved != nil {
		s.Fatalf("a new log says %+v", m)
	}
	w := s.claim(1)
	all := s.fill(w, 1, 3)
	check := compaction.SecretCheck([]byte("a secret"))
	for n := range Shards {
		var its compaction.Writer
		if its = w; n != 1 {
			its = s.claim(n)
		}
		m := compaction.Mark{Secret: check}
		if err := its.(compaction.MarkingWriter).SetMark(s.Context(), m); err != nil {
			s.Fatal(err)
		}
	}
	all = append(all, s.fill(w, 4, 5)...)
	s.add(w, 6) // which leaves no record
	s.last(log(), 1, 6)
	s.last(log(), 2, 0)
	s.reopen()
	checked := func(m compaction.Mark) bool { return m.Claimed && bytes.Equal(m.Secret, check) }
	if m := s.mark(log(), checked); !checked(m) || m.Moved != nil {
		s.Errorf("it was marked with %x and says %+v", check, m)
	}
	old := s.claim(1).(compaction.MarkingWriter)
	w = s.claim(1)
	err := old.SetMark(s.Context(), compaction.Mark{})
	if !errors.Is(err, compaction.ErrFenced) {
		s.Errorf("a writer that was fenced: %v, want ErrFenced", err)
	}
	if err := w.(compaction.MarkingWriter).SetMark(s.Context(), compaction.Mark{}); err != nil {
		s.Fatal(err)
	}
	if m := s.mark(log(), whatever); !bytes.Equal(m.Secret, check) {
		s.Errorf("a mark that says nothing of the secret: it is %x, want %x", m.Secret, check)
	}
	all = append(all, s.fill(w, 7, 9)...)
	s.last(log(), 1, 9)
	s.same(s.entries(1, nil, s.end(1)), all)
}

// A log that has moved is not claimed any more, and is read as ever.
func testMoved(s *subject) {
	w := s.claim(0)
	all := s.fill(w, 1, 5)
	move := compaction.Move{To: "elsewhere", At: origin}
	err := w.(compaction.MarkingWriter).SetMark(s.Context(), compaction.Mark{Moved: &move})
	if err != nil {
		s.Fatal(err)
	}
	s.reopen()
	moves := func(m compaction.Mark) bool { return m.Moved != nil }
	if m := s.mark(s.log.(compaction.MarkedLog), moves); !moves(m) || !m.Moved.At.Equal(origin) ||
		m.Moved.To != move.To {
		s.Errorf("it was moved to %+v and says %+v", move, m.Moved)
	}
	var moved *compaction.MovedError
	if _, err := s.log.Claim(s.Context(), 0); !errors.As(err, &moved) || moved.To != move.To {
		s.Errorf("claimed: %v, want a *MovedError", err)
	}
	s.same(s.entries(0, nil, s.end(0)), all)
}

// mark returns what a log says of itself, once it says so.
func (s *subject) mark(l compaction.MarkedLog, so func(compaction.Mark) bool) (m compaction.Mark) {
	s.Helper()
	s.shown(func() (shown bool, err error) {
		m, err = l.Mark(s.Context())
		return so(m), err
	})
	return m
}

// last wants a shard to end in a group.
func (s *subject) last(l compaction.MarkedLog, shard int, group uint64) {
	s.Helper()
	want := time.Time{}
	if group > 0 {
		want = stamp(group)
	}
	var got uint64
	var at time.Time
	s.shown(func() (shown bool, err error) {
		got, at, err = l.Last(s.Context(), shard)
		return got >= group, err
	})
	if got != group || !at.Equal(want) {
		s.Errorf("shard %d ends in group %d at %v, want %d at %v", shard, got, at, group, want)
	}
}

// shown asks until something is shown, for as long as a test waits for what must come: who does not
// claim may see what was answered a moment late.
func (s *subject) shown(ask func() (shown bool, err error)) {
	s.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		shown, err := ask()
		if err != nil {
			s.Fatal(err)
		}
		if shown {
			return
		}
	}
}
