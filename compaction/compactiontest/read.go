package compactiontest

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A bounded read ends at its bound, whatever was appended after it, and its last batch stands at
// the last group.
func testBounded(s *subject) {
	w := s.claim(0)
	groups := s.fill(w, 1, 10)
	to := s.end(0)
	s.fill(w, 11, 20)
	batches := s.batches(0, compaction.Range{To: to})
	var got []compaction.Entry
	for _, b := range batches {
		got = append(got, b.Entries...)
	}
	s.same(got, groups)
	last := batches[len(batches)-1]
	if !last.Next.Reached(to) || last.Group != 10 || !last.Time.Equal(stamp(10)) {
		s.Errorf("the last batch stands at %v, group %d, %v; want %v, 10, %v",
			last.Next, last.Group, last.Time, to, stamp(10))
	}
	rd := s.reader(0, compaction.Range{From: to, To: to})
	if _, err := rd.Next(s.Context()); !errors.Is(err, io.EOF) {
		s.Errorf("reading nothing: %v, want io.EOF", err)
	}
}

// Reading goes on from wherever a batch or an append ended, in the stored form of positions too.
func testResume(s *subject) {
	w := s.claim(0)
	var groups []compaction.Group
	var after []compaction.Positions
	for n := range uint64(12) {
		groups = append(groups, s.fill(w, n+1, n+1)...)
		after = append(after, s.end(0))
	}
	end := s.end(0)
	for i, p := range after {
		stored, rest, err := compaction.DecodePositions(p.AppendBinary(nil))
		if err != nil || len(rest) != 0 || !stored.Equal(p) {
			s.Fatalf("%v is stored as %v (%d bytes left, %v)", p, stored, len(rest), err)
		}
		s.same(s.entries(0, stored, end), groups[i+1:])
	}
	for _, b := range s.batches(0, compaction.Range{To: end}) {
		s.same(s.entries(0, b.Next, end), groups[b.Group:])
	}
}

// An entry is found again by its offset, and offsets of a topic never go back.
func testOffset(s *subject) {
	w := s.claim(0)
	s.fill(w, 1, 5)
	end := s.end(0)
	all := s.entries(0, nil, end, JournalTopic)
	for i, e := range all {
		if i > 0 && e.Offset < all[i-1].Offset {
			s.Fatalf("offset %d after %d", e.Offset, all[i-1].Offset)
		}
		from := compaction.Positions{{Topic: JournalTopic, Next: e.Offset}}
		found := false
		for _, again := range s.entries(0, from, end, JournalTopic) {
			if again.Offset < e.Offset {
				s.Fatalf("reading from offset %d gives offset %d", e.Offset, again.Offset)
			}
			found = found || again.Offset == e.Offset && string(again.Value) == string(e.Value)
		}
		if !found {
			s.Errorf("reading from offset %d does not give %s", e.Offset, e.Value)
		}
	}
}

// A read that names topics gives the records of those and no others, and ends all the same.
func testTopics(s *subject) {
	w := s.claim(0)
	groups := s.fill(w, 1, 5)
	only := group(6, rec(OpenTopic, "a", "only open"))
	s.add(w, 6, only.Records...)
	groups = append(groups, only)
	end := s.end(0)
	for _, topics := range [][]string{
		{OpenTopic}, {JournalTopic}, {BackgroundTopic}, {JournalTopic, OpenTopic},
	} {
		s.same(s.entries(0, nil, end, topics...), groups, topics...)
	}
}

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// An open read waits for what is appended. A Next that was given up loses nothing.
func testWait(s *subject) {
	w := s.claim(0)
	first := s.fill(w, 1, 2)
	from := s.end(0)
	s.same(s.entries(0, nil, from), first)
	rd := s.reader(0, compaction.Range{From: from})
	for n := uint64(3); n < 6; n++ {
		short, cancel := context.WithTimeout(s.Context(), 20*time.Millisecond)
		b, err := rd.Next(short)
		for err == nil && len(b.Entries) == 0 {
			b, err = rd.Next(short) // positions may move over what is not a record
		}
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			s.Fatalf("waiting at the end: %d entries, %v, want the context's error",
				len(b.Entries), err)
		}
		done := make(chan []compaction.Entry, 1)
		go func() { done <- s.collect(rd, 4) }()
		groups := s.fill(w, n, n)
		select {
		case got := <-done:
			s.same(got, groups)
		case <-time.After(patience):
			s.Fatalf("group %d did not come", n)
		}
	}
}

// collect reads until it has so many entries.
func (s *subject) collect(rd compaction.Reader, count int) (all []compaction.Entry) {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	for len(all) < count {
		b, err := rd.Next(ctx)
		if err != nil {
			s.Errorf("next: %v after %d of %d entries", err, len(all), count)
			return all
		}
		all = append(all, b.Entries...)
	}
	return all
}

// Several readers read beside the writer, and each gets everything, in whole groups.
func testReaders(s *subject) {
	w := s.claim(0)
	const groups, readers = 60, 4
	var wait sync.WaitGroup
	var got [readers][]compaction.Entry
	for i := range readers {
		rd := s.reader(0, compaction.Range{})
		wait.Go(func() { got[i] = s.collect(rd, groups*4) })
	}
	want := s.fill(w, 1, groups)
	wait.Wait()
	for i := range readers {
		s.same(got[i], want)
	}
}

// Whatever is used after the log was closed says so, and who waits is woken.
func testClose(s *subject) {
	w := s.claim(0)
	s.fill(w, 1, 1)
	rd := s.reader(0, compaction.Range{From: s.end(0)})
	woken := make(chan error, 1)
	go func() {
		_, err := rd.Next(s.Context())
		for err == nil {
			_, err = rd.Next(s.Context())
		}
		woken <- err
	}()
	if err := s.log.Close(); err != nil {
		s.Fatal(err)
	}
	select {
	case err := <-woken:
		if !errors.Is(err, compaction.ErrClosed) {
			s.Errorf("a reader that waited: %v, want ErrClosed", err)
		}
	case <-time.After(patience):
		s.Error("a reader that waited was not woken")
	}
	_, appended := w.Append(s.Context(), group(2, rec(OpenTopic, "a", "1")))
	_, claimed := s.log.Claim(s.Context(), 0)
	_, read := s.log.Read(s.Context(), 0, compaction.Range{})
	_, ended := s.log.End(s.Context(), 0)
	for what, err := range map[string]error{
		"Append": appended, "Claim": claimed, "Read": read, "End": ended,
	} {
		if !errors.Is(err, compaction.ErrClosed) {
			s.Errorf("%s of a closed log: %v, want ErrClosed", what, err)
		}
	}
}
