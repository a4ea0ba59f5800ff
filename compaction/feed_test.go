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
	if _, ok := f.take(at(9), 9); ok {
		t.Error("something is handed on and nobody owns the shard")
	}
	f.begin(at(3))
	if _, ok := f.take(at(2), 2); ok {
		t.Error("what was appended before the owner came is not handed on")
	}
	for n := uint64(4); n <= 6; n++ {
		f.putOne(n, "v")
	}
	b, ok := f.take(at(4), 4) // group 4 was read from the log
	if !ok || len(b.Entries) != 2 || b.Entries[0].Group != 5 || b.Group != 6 ||
		b.Next.Of("journal") != 6 || !b.Time.Equal(time.Unix(6, 0)) {
		t.Errorf("got %+v, %v", b, ok)
	}
	if b, ok := f.take(at(6), 6); !ok || len(b.Entries) != 0 || b.Group != 6 {
		t.Errorf("where nothing waits: %+v, %v", b, ok)
	}
	if level, here := f.level(); !here || !level.Equal(Positions{{"journal", 6}}) {
		t.Errorf("the owner stands at %v, %v", level, here)
	}
	f.end()
	if _, ok := f.take(at(6), 6); ok {
		t.Error("an owner that is gone hands on")
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
	if _, ok := f.take(at(0), 0); ok {
		t.Error("a history goes on over what was dropped")
	}
	f.putOne(5, "v")
	if b, ok := f.take(at(4), 4); !ok || len(b.Entries) != 1 || b.Group != 5 {
		t.Errorf("after what was dropped: %+v, %v", b, ok)
	}
}

// Markers after a history's last record are behind it: it does not go back over them.
func TestFeedNeverGoesBack(t *testing.T) {
	f := newFeed([]string{"journal"})
	f.begin(at(3))
	f.put(Group{Number: 4}, nil, at(3))
	if b, ok := f.take(at(5), 3); !ok || b.Next.Of("journal") != 5 {
		t.Errorf("got %+v, %v", b, ok)
	}
}
