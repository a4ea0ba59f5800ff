package compactiontest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/quittance/quittance/compaction"
)

// What was appended is read again, byte for byte, with its group's number, count and stamp.
func testRoundTrip(s *subject) {
	w := s.claim(1)
	groups := []compaction.Group{
		group(1, rec(OpenTopic, "a", "1")),
		group(2, rec(JournalTopic, "a", "x"), rec(OpenTopic, "b", ""), rec(BackgroundTopic, "c", "y")),
		group(3, compaction.Record{Topic: OpenTopic, Key: []byte{0, 255, '/', 10},
			Value: []byte{0, 1, 2, 255}}),
	}
	for _, g := range groups {
		p := s.add(w, g.Number, g.Records...)
		if end := s.end(1); !end.Reached(p) {
			s.Errorf("after group %d the end is %v, and Append said %v", g.Number, end, p)
		}
	}
	s.same(s.entries(1, nil, s.end(1)), groups)
}

// A log that was closed and opened again holds what it held, and goes on with the next number. Who
// has not claimed may see what another was answered a moment late; a claim waits for it.
func testReopen(s *subject) {
	w := s.claim(0)
	groups := s.fill(w, 1, 20)
	before := s.end(0)
	s.reopen()
	w = s.claim(0)
	if !w.Start().Reached(before) {
		s.Fatalf("the claim starts at %v, before the end %v", w.Start(), before)
	}
	if end := s.end(0); !end.Reached(before) {
		s.Fatalf("the end was %v and is %v", before, end)
	}
	s.same(s.entries(0, nil, w.Start()), groups)
	groups = append(groups, s.fill(w, 21, 25)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// A log keeps its identity, and two logs have two.
func testIdentity(s *subject) {
	id := s.log.Identity()
	if id.ID == "" || id.Shards != Shards {
		s.Fatalf("identity %+v, want an ID and %d shards", id, Shards)
	}
	s.reopen()
	if s.log.Identity() != id {
		s.Errorf("identity %+v after opening again, was %+v", s.log.Identity(), id)
	}
	other := s.create(s.T)(s.T)
	defer func() {
		if err := other.Close(); err != nil {
			s.Error(err)
		}
	}()
	if other.Identity().ID == id.ID {
		s.Errorf("two logs have the identity %s", id.ID)
	}
}

// Shards have nothing to do with each other, and there are no others.
func testShards(s *subject) {
	var groups [Shards][]compaction.Group
	for shard := range Shards {
		groups[shard] = s.fill(s.claim(shard), 1, uint64(shard)*2+1)
	}
	for shard := range Shards {
		s.same(s.entries(shard, nil, s.end(shard)), groups[shard])
	}
	for _, shard := range []int{-1, Shards} {
		if _, err := s.log.Claim(s.Context(), shard); err == nil {
			s.Errorf("shard %d could be claimed", shard)
		}
		if _, err := s.log.Read(s.Context(), shard, compaction.Range{}); err == nil {
			s.Errorf("shard %d could be read", shard)
		}
		if _, err := s.log.End(s.Context(), shard); err == nil {
			s.Errorf("shard %d has an end", shard)
		}
	}
}

// Groups are numbered without a gap: another number is refused and writes nothing.
func testNumbers(s *subject) {
	w := s.claim(0)
	for _, n := range []uint64{0, 2} {
		if _, err := w.Append(s.Context(), group(n, rec(OpenTopic, "a", "bad"))); err == nil {
			s.Errorf("group %d was taken as the first", n)
		}
	}
	groups := s.fill(w, 1, 2)
	for _, n := range []uint64{0, 1, 2, 4} {
		if _, err := w.Append(s.Context(), group(n, rec(OpenTopic, "a", "bad"))); err == nil {
			s.Errorf("group %d was taken after group 2", n)
		}
	}
	groups = append(groups, s.fill(w, 3, 3)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// What is refused writes nothing, even where only one record of a group is wrong, and the next
// group may have the number.
func testRefused(s *subject) {
	w := s.claim(0)
	bad := group(1, rec(OpenTopic, "a", "bad"), rec("quittance.test.unknown.v1", "a", "bad"))
	if _, err := w.Append(s.Context(), bad); err == nil {
		s.Error("a record of an unknown topic was taken")
	}
	done, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := w.Append(done, group(1, rec(OpenTopic, "a", "bad")))
	if !errors.Is(err, compaction.ErrNotCommitted) {
		s.Errorf("an append that was given up before it began: %v, want ErrNotCommitted", err)
	}
	groups := s.fill(w, 1, 2)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// The largest record that a log may be given is taken and read again; a larger one is refused, and
// nothing of its group is written: else what one log has taken could not be copied to another.
func testSize(s *subject) {
	w := s.claim(0)
	value := bytes.Repeat([]byte("0123456789abcdef"), compaction.MaxRecordBytes/16+1)
	for _, topic := range []string{OpenTopic, BackgroundTopic, JournalTopic} {
		large := compaction.Record{Topic: topic, Key: []byte("a"),
			Value: value[:compaction.MaxRecordBytes]}
		_, err := w.Append(s.Context(), group(1, rec(OpenTopic, "b", "bad"), large))
		var size *compaction.SizeError
		if !errors.As(err, &size) || size.Topic != topic || !errors.Is(err, compaction.ErrNotCommitted) {
			s.Errorf("a record of %s that is too large: %v, want a SizeError", topic, err)
		}
	}
	largest := rec(OpenTopic, "a", string(value[:compaction.MaxRecordBytes-1]))
	s.add(w, 1, largest)
	s.same(s.entries(0, nil, s.end(0)), []compaction.Group{group(1, largest)})
}

// A group may skip the numbers that compaction has emptied, from the one that is next, and only
// them. Reading and claiming go on from its number.
func testSkip(s *subject) {
	w := s.claim(0)
	skip := func(first, number uint64, records ...compaction.Record) (compaction.Group, error) {
		g := group(number, records...)
		g.First = first
		_, err := w.Append(s.Context(), g)
		return g, err
	}
	for _, wrong := range [][2]uint64{{2, 2}, {2, 5}, {1, 0}} {
		if _, err := skip(wrong[0], wrong[1], rec(OpenTopic, "a", "bad")); err == nil {
			s.Errorf("group %d was taken as the first, skipping from %d", wrong[1], wrong[0])
		}
	}
	var groups []compaction.Group
	for _, right := range [][2]uint64{{1, 7}, {8, 8}, {9, 1 << 31}} {
		g, err := skip(right[0], right[1], rec(OpenTopic, "a", "1"), rec(JournalTopic, "a", "1"))
		if err != nil {
			s.Fatalf("group %d, skipping from %d: %v", right[1], right[0], err)
		}
		groups = append(groups, g)
	}
	for _, wrong := range [][2]uint64{{8, 1<<31 + 1}, {1 << 31, 1<<31 + 1}, {1<<31 + 2, 1<<31 + 2}} {
		if _, err := skip(wrong[0], wrong[1], rec(OpenTopic, "a", "bad")); err == nil {
			s.Errorf("group %d was taken after group %d, skipping from %d", wrong[1], 1<<31, wrong[0])
		}
	}
	if _, err := skip(1<<31+1, 1<<31+5); err != nil { // and nothing in it
		s.Fatal(err)
	}
	s.same(s.entries(0, nil, s.end(0)), groups)
	batches := s.batches(0, compaction.Range{To: s.end(0)})
	if last := batches[len(batches)-1]; last.Group != 1<<31+5 {
		s.Errorf("the last batch stands at group %d, want %d", last.Group, 1<<31+5)
	}
	s.reopen()
	w = s.claim(0)
	groups = append(groups, s.fill(w, 1<<31+6, 1<<31+7)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// Groups that are written at once are groups of their own, and written all or none. A log without
// a way to do so has nothing to show.
func testBulk(s *subject) {
	w, ok := s.claim(0).(compaction.BulkWriter)
	if !ok {
		return
	}
	groups := []compaction.Group{
		group(1, rec(OpenTopic, "a", "1"), rec(JournalTopic, "a", "1")),
		group(2, rec(OpenTopic, "a", "2")),
		group(3),
		group(4, rec(JournalTopic, "a", "4"), rec(BackgroundTopic, "a", "4")),
		group(9, compaction.Record{Topic: OpenTopic, Key: []byte("a")}),
	}
	groups[4].First = 5
	unknown := group(3, rec("quittance.test.unknown.v1", "a", "bad"))
	for _, wrong := range [][]compaction.Group{
		{groups[0], groups[2]}, {groups[1], groups[2]}, {groups[0], groups[0]},
		{groups[0], groups[1], unknown},
	} {
		if _, err := w.AppendAll(s.Context(), wrong); err == nil {
			s.Errorf("groups that do not belong there were taken, %d to %d", wrong[0].Number,
				wrong[len(wrong)-1].Number)
		}
	}
	p, err := w.AppendAll(s.Context(), groups)
	if err != nil {
		s.Fatal(err)
	}
	if end := s.end(0); !end.Reached(p) {
		s.Errorf("the end is %v, and AppendAll said %v", end, p)
	}
	s.same(s.entries(0, nil, s.end(0)), groups)
	if _, err := w.AppendAll(s.Context(), nil); err != nil {
		s.Errorf("no groups at all: %v", err)
	}
	groups = append(groups, s.fill(w, 10, 11)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
	s.reopen()
	groups = append(groups, s.fill(s.claim(0), 12, 12)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// A group without records takes a number.
func testEmpty(s *subject) {
	w := s.claim(0)
	groups := s.fill(w, 1, 1)
	s.add(w, 2)
	s.add(w, 3)
	groups = append(groups, s.fill(w, 4, 4)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// Large records, and groups of many, are like others.
func testLarge(s *subject) {
	w := s.claim(0)
	big := string(bytes.Repeat([]byte("0123456789abcdef"), 40_000))
	groups := []compaction.Group{
		group(1, rec(OpenTopic, "a", big), rec(JournalTopic, "a", big), rec(OpenTopic, "b", "small")),
		group(2),
	}
	for range 5_000 {
		groups[1].Records = append(groups[1].Records, rec(BackgroundTopic, "many", big[:100]))
	}
	for _, g := range groups {
		s.add(w, g.Number, g.Records...)
	}
	groups = append(groups, s.fill(w, 3, 3)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// A tombstone comes back as one, and differs from an empty value.
func testTombstone(s *subject) {
	w := s.claim(0)
	groups := []compaction.Group{
		group(1, rec(OpenTopic, "a", "1"), rec(BackgroundTopic, "a", "1")),
		group(2, compaction.Record{Topic: OpenTopic, Key: []byte("a")}, rec(OpenTopic, "b", ""),
			compaction.Record{Topic: BackgroundTopic, Key: []byte("a")}),
	}
	for _, g := range groups {
		s.add(w, g.Number, g.Records...)
	}
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// A claim fences the writer before it for ever, and what the fenced one tried is nowhere.
func testFence(s *subject) {
	first := s.claim(0)
	groups := s.fill(first, 1, 2)
	second := s.claim(0)
	fenced := func(when string) {
		s.Helper()
		_, err := first.Append(s.Context(), group(3, rec(OpenTopic, "a", "bad")))
		if !errors.Is(err, compaction.ErrFenced) {
			s.Errorf("%s: the first writer's append: %v, want ErrFenced", when, err)
		}
	}
	fenced("after another claim")
	groups = append(groups, s.fill(second, 3, 3)...)
	fenced("after the other's append")
	if err := second.Close(); err != nil {
		s.Error(err)
	}
	fenced("after the other was closed")
	if err := first.Close(); err != nil {
		s.Error(err)
	}
	third := s.claim(0)
	s.same(s.entries(0, nil, third.Start()), groups)
	groups = append(groups, s.fill(third, 4, 4)...)
	s.same(s.entries(0, nil, s.end(0)), groups)
}

// A claim in the middle of another's appends: every append was acknowledged and is before the
// claim's start, or was refused and is nowhere. The one that met the claim may not know: Kafka
// 4.3.0 fails inside when a producer is fenced while it commits. Then it is there as a whole or
// nowhere.
func testFenceRace(s *subject) {
	w := s.claim(0)
	var wait sync.WaitGroup
	var groups []compaction.Group
	var unknown uint64 // the group that is there as a whole or not at all
	begun := make(chan struct{})
	wait.Go(func() {
		for n := uint64(1); ; n++ {
			g := group(n, rec(OpenTopic, "a", "1"), rec(JournalTopic, "a", "1"))
			_, err := w.Append(s.Context(), g)
			if errors.Is(err, compaction.ErrUnknownOutcome) {
				unknown = g.Number
				groups = append(groups, g)
				return
			}
			if err != nil {
				if !errors.Is(err, compaction.ErrFenced) {
					s.Errorf("append: %v, want ErrFenced", err)
				}
				return
			}
			groups = append(groups, g)
			if n == 10 {
				close(begun)
			}
		}
	})
	<-begun
	second := s.claim(0)
	wait.Wait()
	got := s.entries(0, nil, second.Start())
	there := func(e compaction.Entry) bool { return e.Group == unknown }
	if unknown > 0 && !slices.ContainsFunc(got, there) {
		groups = groups[:len(groups)-1]
	}
	s.same(got, groups)
}
