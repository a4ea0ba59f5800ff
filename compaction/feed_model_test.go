package compaction

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A fedModel is an owner, a log and a history between which a feed stands: the log as a list, the
// history as what it has of each topic.
type fedModel struct {
	t       *rapid.T
	feed    *feed
	ordered bool // one order over all topics, as the embedded log has; else one of each topic
	log     []Entry
	ends    Positions // where each topic, or all of them, is whole up to a group: sorted by Next
	next    Positions // where the owner stands
	group   uint64

	at    Positions // where the history stands
	owner int       // the one that it knows
	has   map[string][]string
}

var fedTopics = []string{"facts", "journal"}

// put appends a group and hands it on. Markers stand after the records of a group, and the owner
// does not know of them.
func (m *fedModel) put() {
	m.group++
	g := Group{Number: m.group}
	size := rapid.SampledFrom([]int{1, 1, 1, feedBytes / 3}).Draw(m.t, "size")
	for _, topic := range append(fedTopics, "open") {
		for range rapid.IntRange(0, 2).Draw(m.t, topic) {
			value := fmt.Appendf(nil, "%s of %d, %d", topic, m.group, len(g.Records))
			g.Records = append(g.Records, Record{topic, make([]byte, size), value})
		}
	}
	end := m.next
	if m.ordered {
		m.next = Positions{{"", int64(m.group) + 1}}
		m.ends = append(m.ends, m.next...)
	}
	var appended []Record
	for _, r := range g.Records {
		e := Entry{Record: r, Group: g.Number, Offset: int64(g.Number)}
		if !m.ordered {
			e.Offset = m.end(r.Topic)
			if end.Of(r.Topic) == m.next.Of(r.Topic) && e.Offset > 0 {
				e.Offset++ // after the marker
			}
			m.next = m.next.furthest(Positions{{r.Topic, e.Offset + 1}})
		}
		m.log = append(m.log, e)
		if r.Topic != "open" {
			appended = append(appended, r)
		}
	}
	if !m.ordered {
		for _, p := range m.next {
			if p.Next > end.Of(p.Topic) {
				m.ends = append(m.ends, Position{p.Topic, p.Next + 1})
			}
		}
	}
	m.feed.put(g, appended, m.next)
}

// end returns where the records of a topic end.
func (m *fedModel) end(topic string) (end int64) {
	for _, e := range m.log {
		if e.Topic == topic {
			end = e.Offset + 1
		}
	}
	return end
}

// read reads the log up to where some of its topics ended at one time or another.
func (m *fedModel) read(all bool) {
	to := m.at
	for _, end := range m.ends {
		if end.Topic != "open" && (all || rapid.Bool().Draw(m.t, "read on")) {
			to = to.furthest(Positions{end})
		}
	}
	for _, e := range m.log {
		if e.Topic != "open" && e.Offset >= m.at.Of(e.Topic) && e.Offset < to.Of(e.Topic) {
			m.has[e.Topic] = append(m.has[e.Topic], string(e.Value))
		}
	}
	m.at = to
}

// take takes what the feed hands on, which is all there is or nothing.
func (m *fedModel) take() bool {
	b, ok := m.feed.take(m.at, m.owner)
	if !ok {
		return false
	}
	for _, e := range b.Entries {
		m.has[e.Topic] = append(m.has[e.Topic], string(e.Value))
		place := slices.IndexFunc(m.log, func(o Entry) bool { return string(o.Value) == string(e.Value) })
		if e.Offset >= 0 && e.Offset != m.log[place].Offset {
			m.t.Fatalf("%s is handed on at %d and stands at %d", e.Value, e.Offset, m.log[place].Offset)
		}
	}
	m.at = b.Next
	m.check()
	return true
}

// check fails unless the history has all of the log, once and in order.
func (m *fedModel) check() {
	want := map[string][]string{}
	for _, e := range m.log {
		want[e.Topic] = append(want[e.Topic], string(e.Value))
	}
	for _, topic := range fedTopics {
		if !slices.Equal(m.has[topic], want[topic]) {
			m.t.Fatalf("of %s the history has %q, and the log %q", topic, m.has[topic], want[topic])
		}
	}
	if level, _ := m.feed.level(); !m.at.Reached(level) {
		m.t.Fatalf("the history stands at %v, the owner at %v", m.at, level)
	}
}

// turn has another owner.
func (m *fedModel) turn() {
	m.feed.end()
	m.feed.begin(m.next)
	if m.take() {
		m.t.Fatal("what another owner hands on is taken for what is known")
	}
	m.owner, _ = m.feed.current()
}

// TestFeedModel: whatever a history has read from the log itself, and where that ended in each of
// its topics, with what the owner hands on it has all of the log, once and in order.
func TestFeedModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &fedModel{t: t, feed: newFeed(fedTopics), has: map[string][]string{},
			ordered: rapid.Bool().Draw(t, "one order")}
		m.turn()
		t.Repeat(map[string]func(*rapid.T){
			"put":  func(t *rapid.T) { m.t = t; m.put() },
			"read": func(t *rapid.T) { m.t = t; m.read(false) },
			"take": func(t *rapid.T) { m.t = t; m.take() },
			"turn": func(t *rapid.T) { m.t = t; m.turn() },
		})
		m.t = t
		m.read(true)
		if !m.take() {
			t.Fatal("a history that has read all of the log is sent to it again")
		}
	})
}
