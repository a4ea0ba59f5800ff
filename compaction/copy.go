package compaction

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// CopyOptions say how Copy goes about it. The zero value is a sound choice.
type CopyOptions struct {
	// Live leaves the source to whoever writes to it, and copies what was committed when it began,
	// or a little more. A second Copy, without Live, brings what has come since. Without Live the
	// source's shards are claimed, which fences their writers.
	Live bool
	// MovedTo, where it is not empty, marks the source as moved to there at the end: nobody serves it
	// any more. A source that has moved already keeps its mark. It does not go with Live.
	MovedTo string
	// Unseal takes the mark that it has moved from the target, at the very end: it is served again.
	Unseal bool
	// Clock stamps marks; nil is the system's.
	Clock func() time.Time
	// Parallel is how many shards are copied at once; 0 is 16.
	Parallel int
	// Progress is told how far the copy of a shard is, from the goroutine that copies it. nil: nobody.
	Progress func(Copied)
}

// Copied says how far the copy of a shard is.
type Copied struct {
	Shard   int
	Found   uint64 // the last group that the target had before
	Checked int    // records that were in both and compared
	Group   uint64 // the last group that the target has
	Groups  int    // groups that were written
	Records int    // records that were written
	Bytes   int    // keys and values that were written
	Done    bool
}

// Copy brings all that one log holds of some topics into another: every record with its key and its
// value, tombstones too, in order within each topic, in groups of the same numbers and stamps. What
// compaction has removed from the source is not in the copy: numbers of groups are skipped, and an
// Entry's Count says how many records of its group were copied. Offsets are the target's own, so a
// store of the source is never one of the target's: stores are folded anew.
//
//	check   every record that the target has is the source's: it is empty, or an earlier copy
//	claim   the source (unless Live), then the target, which fence whoever wrote to them
//	append  group by group, what follows the target's last group
//	check   nobody has written to the source meanwhile (unless Live)
//	mark    the source as moved, and the target as not moved (where that is wanted)
//
// It may be stopped at any point and called again: it goes on after the last group that the target
// has. When it has ended, it may be called again: logs that let themselves be claimed though they
// have moved are copied, and marked, like others. Errors: those of the logs, and what keeps the
// target from being a copy, before anything is written: another number of shards, a record that the
// source does not have or has otherwise, a group after the source's last.
func Copy(ctx context.Context, from, to Log, topics []Topic, o CopyOptions) ([]Copied, error) {
	source, target := from.Identity(), to.Identity()
	switch {
	case source.ID == target.ID:
		return nil, errors.New("compaction: a log cannot be copied to itself")
	case source.Shards != target.Shards:
		return nil, fmt.Errorf("compaction: the source has %d shards and the target %d: they must "+
			"be as many, since a tenant's records stay in their shard", source.Shards, target.Shards)
	}
	if o.Parallel == 0 {
		o.Parallel = 16
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	c := &copier{from: from, to: to, o: o, classes: map[string]Topic{}}
	for _, t := range topics {
		c.classes[t.Name] = t
	}
	for n := range source.Shards {
		c.shards = append(c.shards, &shardCopy{copier: c, told: Copied{Shard: n}})
	}
	err := c.marking(ctx)
	if err == nil {
		err = c.run(ctx)
	}
	var done []Copied
	for _, s := range c.shards {
		done = append(done, s.told)
		err = errors.Join(err, s.close())
	}
	return done, err
}

// A copier is one call of Copy.
type copier struct {
	from, to Log
	o        CopyOptions
	moved    *Move // what the source is marked with
	classes  map[string]Topic
	shards   []*shardCopy
}

// run checks, claims and copies all shards. Each step is done for all of them before the next, so
// that nothing is claimed before everything has been found in order, and nothing is written before
// every shard of the source stands still.
func (c *copier) run(ctx context.Context) error {
	steps := []func(*shardCopy, context.Context) error{
		(*shardCopy).check, (*shardCopy).claim, (*shardCopy).copy, (*shardCopy).shown,
	}
	if !c.o.Live {
		steps = append(steps, (*shardCopy).unchanged)
		if c.o.MovedTo != "" {
			steps = append(steps, (*shardCopy).seal)
		}
	}
	if c.o.Unseal {
		steps = append(steps, (*shardCopy).unseal)
	}
	for _, step := range steps {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(c.o.Parallel)
		for _, s := range c.shards {
			g.Go(func() error { return step(s, ctx) })
		}
		if err := g.Wait(); err != nil {
			return fmt.Errorf("compaction: copy: %w", err)
		}
	}
	return nil
}

// A shardCopy is the copy of one shard.
type shardCopy struct {
	*copier
	prefix prefix
	end    Positions // of the source
	source Writer    // which keeps others from being it; nil if Live
	target Writer
	last   Range // of the target, which was appended last
	told   Copied
}

func (s *shardCopy) close() error {
	var errs []error
	for _, w := range []Writer{s.source, s.target} {
		if w != nil {
			errs = append(errs, w.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *shardCopy) tell() {
	if s.o.Progress != nil {
		s.o.Progress(s.told)
	}
}

func (s *shardCopy) check(ctx context.Context) error {
	s.prefix = prefix{shard: s.told.Shard, classes: s.classes}
	if err := s.prefix.check(ctx, s.from, s.to); err != nil {
		return err
	}
	s.told.Found, s.told.Group = s.prefix.reached, s.prefix.reached
	s.told.Checked = s.prefix.checked
	s.tell()
	return nil
}

// claim makes the source stand still and takes the target.
func (s *shardCopy) claim(ctx context.Context) (err error) {
	n := s.told.Shard
	if s.o.Live {
		s.end, err = s.from.End(ctx, n)
	} else if s.source, err = s.from.Claim(ctx, n); err == nil {
		s.end = s.source.Start()
	}
	if err != nil {
		return fmt.Errorf("shard %d of the source: %w", n, err)
	}
	if s.target, err = s.to.Claim(ctx, n); err != nil {
		return fmt.Errorf("shard %d of the target: %w", n, err)
	}
	s.last = Range{From: s.target.Start(), To: s.target.Start()}
	// What was checked must be all that there is, now that nobody else can write.
	group, err := grown(ctx, s.to, n, s.prefix.end, s.target.Start())
	if err == nil && group > s.told.Found {
		err = fmt.Errorf("somebody else writes to shard %d of the target", n)
	}
	return err
}

// copy reads the source and appends to the target, beside each other.
func (s *shardCopy) copy(ctx context.Context) error {
	groups := make(chan []gathered, 2)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(groups)
		return s.read(ctx, groups)
	})
	g.Go(func() error {
		for batch := range groups {
			for len(batch) > 0 {
				n := s.bulk(batch)
				if err := s.append(ctx, batch[:n]); err != nil {
					return fmt.Errorf("shard %d, group %d: %w", s.told.Shard, batch[0].number, err)
				}
				batch = batch[n:]
			}
			s.tell()
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	s.told.Done = true
	s.tell()
	return nil
}

// quiet is how long a source that is live gives nothing before it is taken to be read to the end:
// an open range does not say that it has come there. Coming back later finds the rest.
const quiet = 3 * time.Second

// read sends the groups that the target does not have, and at the end an empty one if compaction
// has left nothing of the last ones: the target goes on from the same number.
func (s *shardCopy) read(ctx context.Context, groups chan<- []gathered) (err error) {
	r := Range{From: s.prefix.place, To: s.end}
	if s.o.Live {
		r.To = nil // only an open range never ends within a group
	}
	g, err := gather(ctx, s.from, s.told.Shard, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	last := s.prefix.reached
	send := func(batch []gathered) error {
		if len(batch) == 0 {
			return nil
		}
		last = batch[len(batch)-1].number
		select {
		case groups <- batch:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for over := false; !over; {
		if over, err = s.batch(ctx, g); err != nil {
			return err
		}
		fresh := 0
		for fresh < len(g.ready) && g.ready[fresh].number <= s.prefix.reached {
			fresh++
		}
		if err := send(g.ready[fresh:]); err != nil {
			return err
		}
	}
	if g.group > last {
		return send([]gathered{{number: g.group, time: g.time}})
	}
	return nil
}

// batch has g read one batch and reports whether it was the last one that is wanted.
func (s *shardCopy) batch(ctx context.Context, g *gatherer) (over bool, err error) {
	g.ready = nil
	if !s.o.Live {
		err = g.batch(ctx)
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		return false, err
	}
	if g.place.Reached(s.end) {
		return true, nil
	}
	patience, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	err = g.batch(patience)
	if err != nil && patience.Err() != nil && ctx.Err() == nil {
		return true, nil
	}
	for _, group := range g.ready {
		for _, e := range group.entries {
			if e.Offset >= s.end.Of(e.Topic) {
				over = true // it was committed after the copy began
			}
		}
	}
	return over, err
}

// retries is how often an append that wrote nothing is tried again.
const retries = 5

// bulkRecords is about how many records are appended at once: enough that the cost of an append is
// little beside theirs.
const bulkRecords = 2000

// bulk returns how many of some groups are appended at once.
func (s *shardCopy) bulk(batch []gathered) int {
	if _, ok := s.target.(BulkWriter); !ok {
		return 1
	}
	n := 1
	for records := len(batch[0].entries); n < len(batch) && records < bulkRecords; n++ {
		records += max(1, len(batch[n].entries))
	}
	return n
}

// append writes groups of the source to the target.
func (s *shardCopy) append(ctx context.Context, batch []gathered) error {
	groups, last := make([]Group, len(batch)), s.told.Group
	for i := range batch {
		g := &batch[i]
		groups[i] = Group{Number: g.number, First: last + 1, Time: g.time, Records: g.records()}
		last = g.number
	}
	for again := 0; ; again++ {
		err := s.appendAll(ctx, groups)
		if err == nil {
			break
		}
		if !Passing(err) || again == retries {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond << again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.told.Group = last
	s.told.Groups += len(groups)
	for _, g := range groups {
		s.told.Records += len(g.Records)
		for i := range g.Records {
			s.told.Bytes += len(g.Records[i].Key) + len(g.Records[i].Value)
		}
	}
	return nil
}

func (s *shardCopy) appendAll(ctx context.Context, groups []Group) (err error) {
	var end Positions
	if w, ok := s.target.(BulkWriter); ok {
		end, err = w.AppendAll(ctx, groups)
	} else {
		end, err = s.target.Append(ctx, groups[0])
	}
	if err == nil {
		s.last = Range{From: s.last.To, To: end}
	}
	return err
}
