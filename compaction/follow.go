package compaction

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
)

// A Delivery is what Follow hands on. Before the reader has caught up with the end as it was when
// it began, Snapshot is true and Entries are records in order within each topic: a compacted topic
// gives at least the last record of each key, and groups are not whole. After that Snapshot is
// false and Entries are one group: all of it, or what compaction has left of it where the follower
// is late. Next is where to go on from: nothing before it is still to come, and what was handed on
// with the same Next comes again.
type Delivery struct {
	Snapshot bool
	Entries  []Entry
	Next     Positions
}

// Follow reads a shard's committed records from a position and hands them on in order, first the
// snapshot and then, for ever, each group as it is committed, whole. A nil position begins at the
// start. It returns when ctx ends, when f fails, or when the log does. A group is delivered when
// all its records have been read, so topics cannot be left out.
func Follow(ctx context.Context, l Log, shard int, from Positions, f func(Delivery) error) error {
	end, err := l.End(ctx, shard)
	if err != nil {
		return err
	}
	if !from.Reached(end) {
		err := each(ctx, l, shard, Range{From: from, To: end}, func(b Batch) error {
			from = b.Next
			if len(b.Entries) == 0 {
				return nil
			}
			return f(Delivery{Snapshot: true, Entries: b.Entries, Next: b.Next})
		})
		if err != nil {
			return err
		}
	}
	from = end
	groups := map[uint64][]Entry{} // not read to their end
	return each(ctx, l, shard, Range{From: end}, func(b Batch) error {
		for _, e := range b.Entries {
			groups[e.Group] = append(groups[e.Group], e)
		}
		for _, n := range slices.Sorted(maps.Keys(groups)) {
			if n > b.Group {
				break
			}
			d := Delivery{Entries: groups[n], Next: from}
			if delete(groups, n); len(groups) == 0 {
				d.Next = b.Next
			}
			if err := f(d); err != nil {
				return err
			}
		}
		if len(groups) == 0 {
			from = b.Next
		}
		return nil
	})
}

// each calls f for each batch of a range; the end of a bounded range is no error.
func each(ctx context.Context, l Log, shard int, r Range, f func(Batch) error) (err error) {
	reader, err := l.Read(ctx, shard, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		b, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
	}
}
