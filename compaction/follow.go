package compaction

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A Delivery is what Follow hands on: whole groups, in order, each of them once, or what compaction
// has left of them where the follower is late.
//
// Snapshot is true for groups that were committed when Follow began: of a compacted topic at least
// the last record of each key, of an append-only one every record. Several of them come together,
// in order within each topic. After the snapshot, Snapshot is false and Entries are one group, as
// it was committed. Next is where to go on from: nothing before it is still to come, and what was
// handed on with the same Next comes again.
//
//	Entries        g3 g4 g7 g8 │ g9 g12 │ g13 │ g14 │ …
//	Snapshot          true     │  true  │    false  │ false
//	                       the end when Follow began
type Delivery struct {
	Snapshot bool
	Entries  []Entry
	Next     Positions
}

// Follow reads a shard's committed records from a position and hands them on in order, first the
// snapshot and then, for ever, each group as it is committed. A nil position begins at the start. A
// group without records is not handed on. It returns when ctx ends, when f fails, or when the log
// does. A group is delivered when all its records have been read, so topics cannot be left out.
//
// Where the log ends before the position, or has lost what was handed on, it fails with ErrSetBack:
// what was made of it has to be made anew, from the start. A log may have been set back and have
// grown past the position before anybody looks; only the driver can tell then, and not always.
//
// A log that reads its topics' ends one after the other may see a part of the newest groups then:
// such a group still comes whole, in the snapshot or after it.
func Follow(ctx context.Context, l Log, shard int, from Positions, f func(Delivery) error) error {
	end, err := l.End(ctx, shard)
	if err != nil {
		return err
	}
	if err := Within(from, end); err != nil {
		return err
	}
	t := follower{end: end, from: from, groups: map[uint64][]Entry{}, deliver: f}
	// One open range, and not a bounded one for the snapshot: only an open one never ends within a
	// group.
	return each(ctx, l, shard, Range{From: from}, t.take)
}

// Within fails with ErrSetBack where a log, which ends at a position, ends before another one that
// somebody has come to in it.
func Within(at, end Positions) error {
	for _, p := range at {
		if last := end.Of(p.Topic); last < p.Next {
			return fmt.Errorf("%w: it was read up to %d and ends at %d (%s)", ErrSetBack, p.Next, last,
				cmp.Or(p.Topic, "all topics"))
		}
	}
	return nil
}

// A follower puts groups together.
type follower struct {
	end     Positions // of the log when it began
	from    Positions // nothing before it is still to be delivered
	caught  bool      // the snapshot is over
	groups  map[uint64][]Entry
	deliver func(Delivery) error
}

// take delivers what a batch completes.
func (t *follower) take(b Batch) error {
	var numbers []uint64
	for _, e := range b.Entries {
		t.groups[e.Group] = append(t.groups[e.Group], e)
	}
	for n := range t.groups {
		if n <= b.Group {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	if err := t.snapshot(&numbers, b.Next); err != nil {
		return err
	}
	for i, n := range numbers {
		t.caught = true
		d := Delivery{Entries: t.groups[n], Next: t.from}
		delete(t.groups, n)
		if i == len(numbers)-1 && len(t.groups) == 0 {
			d.Next = b.Next
		}
		if err := t.deliver(d); err != nil {
			return err
		}
	}
	if len(t.groups) == 0 {
		t.from = b.Next
	}
	return nil
}

// snapshot delivers those of the numbered groups that were there when following began, and takes
// their numbers away.
func (t *follower) snapshot(numbers *[]uint64, next Positions) error {
	if t.caught {
		return nil
	}
	old := 0
	for i, n := range *numbers {
		before := func(e Entry) bool { return e.Offset < t.end.Of(e.Topic) }
		if slices.ContainsFunc(t.groups[n], before) {
			old = i + 1
		}
	}
	if old == 0 {
		return nil
	}
	d := Delivery{Snapshot: true, Next: t.from}
	for _, n := range (*numbers)[:old] {
		d.Entries = append(d.Entries, t.groups[n]...)
		delete(t.groups, n)
	}
	if *numbers = (*numbers)[old:]; len(t.groups) == 0 {
		d.Next = next
	}
	return t.deliver(d)
}

// each calls f for each batch of a range; the end of a bounded range is no error.
func each(ctx context.Context, l Log, shard int, r Range, f func(Batch) error) (err error) {
	reader, err := l.Read(ctx, shard, r)
	if err != nil {
		return &logError{err}
	}
	defer func() {
		if e := reader.Close(); e != nil {
			err = errors.Join(err, &logError{e})
		}
	}()
	for {
		b, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &logError{err}
		}
		if err := f(b); err != nil {
			return err
		}
	}
}

// A logError is an error of each that is of the log, and not of the function that it calls.
type logError struct{ err error }

func (e *logError) Error() string { return e.err.Error() }

func (e *logError) Unwrap() error { return e.err }
