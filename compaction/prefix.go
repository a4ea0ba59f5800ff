package compaction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A prefix checks that a shard of a log is the beginning of that of another one, and nothing else:
// what a copy that was interrupted leaves. Either may have been compacted since, so that records
// are in one of them only; each must then have been replaced by a later one of its key.
//
//	source   g1 g2 g3 g5 g8 g9 │ g12 g13        both read side by side, group by group;
//	target   g1    g3 g5 g8    │                pending: keys with a record on one side only
//	                        reached
type prefix struct {
	shard   int
	classes map[string]Topic
	pending map[string]lone // by topic, NUL and key
	checked int             // records that were compared

	reached uint64    // the target's last group
	place   Positions // of the source, before everything after that group
	end     Positions // of the target, as it was checked
}

// A lone record is in one of the logs only.
type lone struct {
	group    uint64
	inTarget bool
}

// check reads both logs. Nothing is claimed and nothing is written.
func (p *prefix) check(ctx context.Context, from, to Log) (err error) {
	p.pending = map[string]lone{}
	if p.end, err = to.End(ctx, p.shard); err != nil {
		return err
	}
	end, err := from.End(ctx, p.shard)
	if err != nil {
		return err
	}
	target, err := gather(ctx, to, p.shard, Range{To: p.end})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.close()) }()
	source, err := gather(ctx, from, p.shard, Range{To: end})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	if err := p.merge(ctx, source, target); err != nil {
		return err
	}
	for key, l := range p.pending {
		if !l.inTarget {
			return p.fault(l.group, key, "is missing in the target")
		}
	}
	if len(p.pending) == 0 {
		return nil
	}
	return p.superseded(ctx, from)
}

// merge reads both logs side by side up to the target's end.
func (p *prefix) merge(ctx context.Context, source, target *gatherer) error {
	s, errSource := p.source(ctx, source)
	for {
		t, err := target.next(ctx)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		ended := err != nil
		if ended {
			t.number = target.group + 1
		}
		for errSource == nil && s.number < t.number {
			if err := p.one(&s, false); err != nil {
				return err
			}
			s, errSource = p.source(ctx, source)
		}
		if errSource != nil && !errors.Is(errSource, io.EOF) {
			return errSource
		}
		if ended {
			break
		}
		switch {
		case errSource != nil && t.number > source.group:
			return p.beyond(t.number, source.group)
		case errSource != nil || s.number > t.number:
			err = p.one(&t, true)
		default:
			err = p.both(&s, &t)
			s, errSource = p.source(ctx, source)
		}
		if err != nil {
			return err
		}
	}
	p.reached = target.group
	if source.group < p.reached {
		return p.beyond(p.reached, source.group)
	}
	return nil
}

// beyond says that the target has a group after the source's last.
func (p *prefix) beyond(target, source uint64) error {
	return fmt.Errorf("shard %d of the target has group %d, and the source ends at group %d: "+
		"somebody has written to the target since it was copied, or it is no copy",
		p.shard, target, source)
}

// source returns the source's next group, and notes where reading goes on before it.
func (p *prefix) source(ctx context.Context, g *gatherer) (gathered, error) {
	if len(g.ready) == 0 {
		p.place = g.place
	}
	return g.next(ctx)
}

// one takes a group of which only one of the logs has records.
func (p *prefix) one(g *gathered, inTarget bool) error {
	for i := range g.entries {
		if err := p.alone(&g.entries[i], inTarget); err != nil {
			return err
		}
	}
	return nil
}

// alone takes a record that only one of the logs has.
func (p *prefix) alone(e *Entry, inTarget bool) error {
	t, known := p.classes[e.Topic]
	key := e.Topic + "\x00" + string(e.Key)
	switch {
	case !known:
		return p.fault(e.Group, key, "is of a topic that this version of the program does not know")
	case t.Class == AppendOnly && t.Retention > 0:
		return nil // its time was over in the other
	case t.Class == AppendOnly && inTarget:
		return p.fault(e.Group, key, "is not in the source")
	case t.Class == AppendOnly:
		return p.fault(e.Group, key, "is missing in the target")
	case e.Tombstone():
		delete(p.pending, key) // what it ended may be gone too
	default:
		p.pending[key] = lone{e.Group, inTarget}
	}
	return nil
}

// both takes a group of which both logs have records.
func (p *prefix) both(s, t *gathered) error {
	if !s.time.Equal(t.time) {
		return fmt.Errorf("shard %d, group %d: the source has it at %v and the target at %v: "+
			"the target is no copy", p.shard, s.number, s.time, t.time)
	}
	byTopic := func(a, b Entry) int { return strings.Compare(a.Topic, b.Topic) }
	slices.SortStableFunc(s.entries, byTopic)
	slices.SortStableFunc(t.entries, byTopic)
	left, right := s.entries, t.entries
	for len(left) > 0 || len(right) > 0 {
		topic := ""
		switch {
		case len(left) == 0:
			topic = right[0].Topic
		case len(right) == 0:
			topic = left[0].Topic
		default:
			topic = min(left[0].Topic, right[0].Topic)
		}
		other := func(e Entry) bool { return e.Topic != topic }
		l, r := len(left), len(right)
		if i := slices.IndexFunc(left, other); i >= 0 {
			l = i
		}
		if i := slices.IndexFunc(right, other); i >= 0 {
			r = i
		}
		if err := p.topic(left[:l], right[:r]); err != nil {
			return err
		}
		left, right = left[l:], right[r:]
	}
	return nil
}

// topic compares the records that a group has of one topic.
func (p *prefix) topic(source, target []Entry) error {
	if slices.EqualFunc(source, target, sameRecord) {
		p.checked += len(source)
		if len(p.pending) > 0 {
			for _, e := range source {
				delete(p.pending, e.Topic+"\x00"+string(e.Key))
			}
		}
		return nil
	}
	any := slices.Concat(source, target)[0]
	if p.classes[any.Topic].Class == AppendOnly && len(source) > 0 && len(target) > 0 {
		return p.fault(any.Group, any.Topic+"\x00"+string(any.Key), "or one beside it is another one "+
			"in the target")
	}
	return p.differing(source, target)
}

// differing compares records that are not all the same: of each key the last one counts.
func (p *prefix) differing(source, target []Entry) error {
	inSource, inTarget := lastOf(source), lastOf(target)
	for key, t := range inTarget {
		s := inSource[key]
		switch {
		case s == nil:
			if err := p.alone(t, true); err != nil {
				return err
			}
		case !sameRecord(*s, *t):
			return p.fault(t.Group, t.Topic+"\x00"+key, "is another one in the target")
		default:
			p.checked++
			delete(p.pending, t.Topic+"\x00"+key)
		}
	}
	for key, s := range inSource {
		if inTarget[key] == nil {
			if err := p.alone(s, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastOf returns the last record of each key.
func lastOf(entries []Entry) map[string]*Entry {
	last := map[string]*Entry{}
	for i := range entries {
		last[string(entries[i].Key)] = &entries[i]
	}
	return last
}

// sameRecord reports whether two records are the same, byte for byte.
func sameRecord(a, b Entry) bool {
	return a.Topic == b.Topic && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) &&
		a.Tombstone() == b.Tombstone()
}

// superseded looks in the rest of the source for what replaced the pending records. What was
// removed there so long ago that the tombstone is gone too would stay in the target for ever.
func (p *prefix) superseded(ctx context.Context, from Log) error {
	end, err := from.End(ctx, p.shard) // after what replaced them was committed
	if err != nil {
		return err
	}
	var topics []string
	for name, t := range p.classes {
		if t.Class != AppendOnly {
			topics = append(topics, name)
		}
	}
	slices.Sort(topics)
	r := Range{From: p.place, To: end, Topics: topics}
	err = each(ctx, from, p.shard, r, func(b Batch) error {
		for _, e := range b.Entries {
			if e.Group > p.reached {
				delete(p.pending, e.Topic+"\x00"+string(e.Key))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, l := range p.pending {
		return p.fault(l.group, key, "is not in the source, nor is one that replaced it: it was "+
			"removed there so long ago that its tombstone is gone too. Copy to a new log")
	}
	return nil
}

// fault says that the target is no copy of the source.
func (p *prefix) fault(group uint64, key, why string) error {
	topic, name, _ := strings.Cut(key, "\x00")
	return fmt.Errorf("shard %d: the target is no copy of the source: record %s of %s in group %d %s",
		p.shard, name, topic, group, why)
}
