package compactiontest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// A subject is the log that a test of the suite is about.
type subject struct {
	*testing.T
	create func(t *testing.T) Opener
	opener Opener
	log    compaction.Log
}

// reopen closes the log and opens it again.
func (s *subject) reopen() {
	s.Helper()
	if err := s.log.Close(); err != nil {
		s.Fatalf("close: %v", err)
	}
	s.log = s.opener(s.T)
}

func (s *subject) claim(shard int) compaction.Writer {
	s.Helper()
	w, err := s.log.Claim(s.Context(), shard)
	if err != nil {
		s.Fatalf("claim: %v", err)
	}
	return w
}

func (s *subject) end(shard int) compaction.Positions {
	s.Helper()
	p, err := s.log.End(s.Context(), shard)
	if err != nil {
		s.Fatalf("end: %v", err)
	}
	return p
}

// add appends a group with the stamp of its number.
func (s *subject) add(
	w compaction.Writer, number uint64, records ...compaction.Record,
) compaction.Positions {
	s.Helper()
	p, err := w.Append(s.Context(), group(number, records...))
	if err != nil {
		s.Fatalf("append group %d: %v", number, err)
	}
	return p
}

// fill appends some groups, each with a record of every topic, and returns them.
func (s *subject) fill(w compaction.Writer, from, to uint64) (all []compaction.Group) {
	s.Helper()
	for n := from; n <= to; n++ {
		g := group(n, rec(OpenTopic, fmt.Sprintf("k%d", n%3), fmt.Sprintf("open %d", n)),
			rec(JournalTopic, fmt.Sprintf("k%d", n%3), fmt.Sprintf("journal %d", n)),
			rec(BackgroundTopic, fmt.Sprintf("k%d", n%3), fmt.Sprintf("background %d", n)),
			rec(JournalTopic, "more", fmt.Sprintf("more %d", n)))
		s.add(w, n, g.Records...)
		all = append(all, g)
	}
	return all
}

func group(number uint64, records ...compaction.Record) compaction.Group {
	return compaction.Group{Number: number, Time: stamp(number), Records: records}
}

func rec(topic, key, value string) compaction.Record {
	return compaction.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

// reader opens a reader that the test closes.
func (s *subject) reader(shard int, r compaction.Range) compaction.Reader {
	s.Helper()
	rd, err := s.log.Read(s.Context(), shard, r)
	if err != nil {
		s.Fatalf("read: %v", err)
	}
	s.Cleanup(func() { _ = rd.Close() }) // a closed log's readers may say that they are closed
	return rd
}

// batches reads a bounded range to its end.
func (s *subject) batches(shard int, r compaction.Range) (all []compaction.Batch) {
	s.Helper()
	rd := s.reader(shard, r)
	for {
		b, err := rd.Next(s.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			s.Fatalf("next: %v", err)
		}
		all = append(all, b)
	}
}

// entries reads a shard's records between two positions.
func (s *subject) entries(shard int, from, to compaction.Positions, topics ...string) (
	all []compaction.Entry,
) {
	s.Helper()
	for _, b := range s.batches(shard, compaction.Range{From: from, To: to, Topics: topics}) {
		all = append(all, b.Entries...)
	}
	return all
}

// same checks that entries are the records of some groups: each topic's in order, every group
// whole.
func (s *subject) same(got []compaction.Entry, groups []compaction.Group, topics ...string) {
	s.Helper()
	if topics == nil {
		topics = []string{OpenTopic, BackgroundTopic, JournalTopic}
	}
	left := 0
	for _, topic := range topics {
		var have []compaction.Entry
		for _, e := range got {
			if e.Topic == topic {
				have = append(have, e)
			}
		}
		left += len(have)
		s.sameTopic(topic, have, groups)
	}
	if left != len(got) {
		s.Errorf("%d records are of other topics than %v", len(got)-left, topics)
	}
}

func (s *subject) sameTopic(topic string, have []compaction.Entry, groups []compaction.Group) {
	s.Helper()
	for _, g := range groups {
		for _, want := range g.Records {
			if want.Topic != topic {
				continue
			}
			if len(have) == 0 {
				s.Fatalf("%s of group %d of %s is not there", want.Key, g.Number, topic)
			}
			e := have[0]
			have = have[1:]
			if !bytes.Equal(e.Key, want.Key) || !bytes.Equal(e.Value, want.Value) ||
				e.Tombstone() != want.Tombstone() {
				s.Fatalf("%s: got %s=%s of group %d, want %s=%s of group %d", topic,
					brief(e.Key), brief(e.Value), e.Group, brief(want.Key), brief(want.Value), g.Number)
			}
			if e.Group != g.Number || e.Count != len(g.Records) || !e.Time.Equal(g.Time) {
				s.Fatalf("%s of %s: got group %d of %d records at %v, want %d of %d at %v", e.Key,
					topic, e.Group, e.Count, e.Time, g.Number, len(g.Records), g.Time)
			}
		}
	}
	if len(have) != 0 {
		s.Fatalf("%s has %d records more than were appended: %s", topic, len(have), have[0].Key)
	}
}

// brief shortens what is too long to show.
func brief(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("%q… (%d bytes)", b[:40], len(b))
	}
	return fmt.Sprintf("%q", b)
}
