package compaction

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"time"
)

// A gathered group is what is left of a group in the log, or in those of its topics that are read.
type gathered struct {
	number  uint64
	time    time.Time
	entries []Entry // in order within each topic
}

// records returns the records of a group.
func (g *gathered) records() []Record {
	records := make([]Record, len(g.entries))
	for i := range g.entries {
		records[i] = g.entries[i].Record
	}
	return records
}

// A gatherer reads a shard group by group, in the order of their numbers. It is for one goroutine.
type gatherer struct {
	reader Reader
	left   []Entry    // of groups that the reader has not finished
	ready  []gathered // to be handed on
	ended  bool

	// The last group that was read to its end, even one of which nothing is left, and where
	// reading goes on without missing any of a later one.
	group uint64
	time  time.Time
	place Positions
}

// gather begins to read a range.
func gather(ctx context.Context, l Log, shard int, r Range) (*gatherer, error) {
	reader, err := l.Read(ctx, shard, r)
	return &gatherer{reader: reader, place: r.From}, err
}

func (g *gatherer) close() error { return g.reader.Close() }

// next returns the next group, or io.EOF at the end of the range.
func (g *gatherer) next(ctx context.Context) (gathered, error) {
	for len(g.ready) == 0 {
		if err := g.batch(ctx); err != nil {
			return gathered{}, err
		}
	}
	group := g.ready[0]
	g.ready = g.ready[1:]
	return group, nil
}

// batch reads one batch; what it completes is ready then, which may be nothing.
func (g *gatherer) batch(ctx context.Context) error {
	if g.ended {
		return io.EOF
	}
	b, err := g.reader.Next(ctx)
	switch {
	case errors.Is(err, io.EOF):
		g.ended = true
		g.complete(^uint64(0))
		return nil
	case err != nil:
		return err
	}
	g.left = append(g.left, b.Entries...)
	g.complete(b.Group)
	if b.Group > g.group {
		g.group, g.time = b.Group, b.Time
	}
	if len(g.left) == 0 {
		g.place = b.Next
	}
	return nil
}

// complete makes the groups up to a number ready.
func (g *gatherer) complete(number uint64) {
	byGroup := func(a, b Entry) int { return cmp.Compare(a.Group, b.Group) }
	if !slices.IsSortedFunc(g.left, byGroup) {
		slices.SortStableFunc(g.left, byGroup)
	}
	g.ready = nil
	at := 0
	for at < len(g.left) && g.left[at].Group <= number {
		n, end := g.left[at].Group, at+1
		for end < len(g.left) && g.left[end].Group == n {
			end++
		}
		g.ready = append(g.ready, gathered{n, g.left[at].Time, g.left[at:end:end]})
		if n > g.group {
			g.group, g.time = n, g.left[at].Time
		}
		at = end
	}
	g.left = slices.Clone(g.left[at:])
}
