package compaction

import (
	"strings"
	"testing"
	"time"
)

// putOne hands on a group of one record, the journal's of that number, after which the owner stands
// one further.
func (f *feed) putOne(number uint64, value string) {
	r := Record{Topic: "journal", Key: []byte("k"), Value: []byte(value)}
	g := Group{Number: number, Time: time.Unix(int64(number), 0), Records: []Record{r}}
	f.put(g, g.Records, at(int64(number)))
}

func at(next int64) Positions { return Positions{{"journal", next}, {"open", 1}} }

// A history gets from its owner what it has not read from the log, once and in order, and is sent
// to the log where something between them was never handed on.
func TestFeed(t *testing.T) {
	f := newFeed([]string{"journal"})
	if _, ok := f.take(at(9), 0); ok {
		t.Error("something is handed on and nobody owns the shard")
	}
	f.begin(at(3))
	if _, ok := f.take(at(2), 1); ok {
		t.Error("what was appended before the owner came is not handed on")
	}
	for n := uint64(4); n <= 6; n++ {
		f.putOne(n, "v")
	}
	b, ok := f.take(at(4), 1) // group 4 was read from the log
	if !ok || len(b.Entries) != 2 || b.Entries[0].Group != 5 || b.Group != 6 ||
		b.Next.Of("journal") != 6 || !b.Time.Equal(time.Unix(6, 0)) {
		t.Errorf("got %+v, %v", b, ok)
	}
	if b, ok := f.take(at(6), 1); !ok || len(b.Entries) != 0 {
		t.Errorf("where nothing waits: %+v, %v", b, ok)
	}
	if level, here := f.level(); !here || !level.Equal(Positions{{"journal", 6}}) {
		t.Errorf("the owner stands at %v, %v", level, here)
	}
	f.end()
	owner, _ := f.current()
	if _, ok := f.take(at(6), owner); ok {
		t.Error("an owner that is gone hands on")
	}
	f.begin(at(6))
	if _, ok := f.take(at(6), 1); ok {
		t.Error("what another owner claimed is taken for what is known")
	}
}

// What a slow history has not taken is bounded: it is dropped, and read from the log.
func TestFeedOverflows(t *testing.T) {
	f := newFeed([]string{"journal"})
	f.begin(at(0))
	big := strings.Repeat("x", feedBytes/3)
	for n := uint64(1); n <= 4; n++ {
		f.putOne(n, big)
	}
	if _, ok := f.take(at(0), 1); ok {
		t.Error("a history goes on over what was dropped")
	}
	f.putOne(5, "v")
	if b, ok := f.take(at(4), 1); !ok || len(b.Entries) != 1 || b.Group != 5 {
		t.Errorf("after what was dropped: %+v, %v", b, ok)
	}
}

// TestFeedOfNothing: groups that append nothing take no room, however many of them come. A log
// without topics that only grow has no history that would ever take them, nor has one whose history
// has stopped, and its owner's memory grew with every group.
func TestFeedOfNothing(t *testing.T) {
	f := newFeed([]string{"journal"})
	f.begin(at(0))
	f.putOne(1, "v")
	for n := uint64(2); n <= 1000; n++ {
		f.put(Group{Number: n, Time: time.Unix(int64(n), 0)}, nil, at(1))
	}
	if n := len(f.waiting); n != 2 {
		t.Errorf("%d batches wait, want that of the record and one of how far the owner has come", n)
	}
	f.putOne(1001, "v")
	b, ok := f.take(at(0), 1)
	if !ok || len(b.Entries) != 2 || b.Entries[1].Group != 1001 || b.Group != 1001 {
		t.Errorf("got %+v, %v", b, ok)
	}
}

// Markers after a history's last record are behind it: it does not go back over them.
func TestFeedNeverGoesBack(t *testing.T) {
	f := newFeed([]string{"journal"})
	f.begin(at(3))
	f.put(Group{Number: 4}, nil, at(3))
	if b, ok := f.take(at(5), 1); !ok || b.Next.Of("journal") != 5 {
		t.Errorf("got %+v, %v", b, ok)
	}
}

// TestFeedAfterCutRead: a reading that ended between the topics of a group, because their ends are
// not asked for in one moment, has seen later groups and not the journal's record of an earlier
// one: that is handed on all the same, by its place. By the group's number it was skipped for ever.
func TestFeedAfterCutRead(t *testing.T) {
	f := newFeed([]string{"journal", "facts"})
	f.begin(nil)
	stand := func(journal, facts int64) Positions {
		return Positions{{"facts", facts}, {"journal", journal}}
	}
	put := func(number uint64, next Positions, topics ...string) {
		g := Group{Number: number}
		for _, topic := range topics {
			g.Records = append(g.Records, Record{topic, []byte("k"), []byte{byte(number)}})
		}
		f.put(g, g.Records, next)
	}
	put(1, stand(1, 1), "facts", "journal")
	put(2, stand(1, 1))
	put(3, stand(2, 1), "journal")
	b, ok := f.take(stand(0, 1), 1) // it has read the fact of group 1, and group 2 is known
	if !ok || len(b.Entries) != 2 || b.Entries[0].Group != 1 || b.Entries[0].Topic != "journal" ||
		b.Entries[1].Group != 3 || !b.Next.Equal(stand(2, 1)) {
		t.Errorf("got %+v, %v", b, ok)
	}
}
