package compaction

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"
)

// A TopicReport says how two logs compare in a topic: by the last value of each key where it is
// compacted, a key that was ended being as good as one that is not there; record by record where it
// is append-only.
type TopicReport struct {
	Topic     Topic
	Records   [2]int      // keys that have a value, or records, in the first log and in the second
	Digests   [2][32]byte // SHA-256 over them, in order; equal where the logs are
	Different []string    // the first differences, at most ten; nil where there is none
}

// CompareLogs compares two logs, as they are, in the topics of a schema. Nobody may write to them
// meanwhile, or what is in one already is told as a difference. Compacted topics are folded in dir,
// which needs as much space as the stores of both logs and is empty again afterwards. Errors are of
// what kept it from comparing; logs of different numbers of shards cannot be compared.
func CompareLogs(
	ctx context.Context, first, second Log, schema *Schema, dir string,
) ([]TopicReport, error) {
	shards := first.Identity().Shards
	if n := second.Identity().Shards; n != shards {
		return nil, fmt.Errorf("compaction: the first log has %d shards and the second %d", shards, n)
	}
	c := comparison{logs: [2]Log{first, second}, schema: schema, dir: dir,
		cache: pebble.NewCache(64 << 20), sums: map[string]*comparedTopic{}}
	defer c.cache.Unref()
	for _, t := range schema.Topics() {
		sum := &comparedTopic{report: TopicReport{Topic: t}}
		sum.hashes = [2]hash.Hash{sha256.New(), sha256.New()}
		c.sums[t.Name] = sum
	}
	for n := range shards {
		if err := c.shard(ctx, n); err != nil {
			return nil, fmt.Errorf("compaction: compare shard %d: %w", n, err)
		}
	}
	var reports []TopicReport
	for _, t := range schema.Topics() {
		sum := c.sums[t.Name]
		for i, h := range sum.hashes {
			h.Sum(sum.report.Digests[i][:0])
		}
		reports = append(reports, sum.report)
	}
	return reports, nil
}

// A comparison is one call of CompareLogs.
type comparison struct {
	logs   [2]Log
	schema *Schema
	dir    string
	cache  *pebble.Cache
	sums   map[string]*comparedTopic
}

// A comparedTopic is what has been compared of a topic.
type comparedTopic struct {
	report TopicReport
	hashes [2]hash.Hash
}

// add takes a key and a value of one side.
func (t *comparedTopic) add(side, shard int, key, value []byte) {
	t.report.Records[side]++
	h := t.hashes[side]
	fmt.Fprintf(h, "%d %d %d ", shard, len(key), len(value)) // a hash never fails
	h.Write(key)
	h.Write(value)
}

func (t *comparedTopic) differ(format string, args ...any) {
	if len(t.report.Different) < 10 {
		t.report.Different = append(t.report.Different, fmt.Sprintf(format, args...))
	}
}

// shard compares one shard of the logs.
func (c *comparison) shard(ctx context.Context, n int) error {
	var ends [2]Positions
	var stores [2]*store
	o := storeOptions{fs: vfs.Default, cache: c.cache, logger: slog.New(slog.DiscardHandler),
		clock: time.Now}
	name := func(side int) string { return filepath.Join(c.dir, fmt.Sprintf("compared-%d", side)) }
	g, folding := errgroup.WithContext(ctx)
	for side, l := range c.logs {
		g.Go(func() (err error) {
			if ends[side], err = l.End(folding, n); err != nil {
				return err
			}
			to := target{end: ends[side], classes: []Class{Open, Background}}
			err = rebuild(folding, l, n, to, name(side), c.schema, o)
			if err != nil {
				return err
			}
			stores[side], err = openStore(name(side), n, c.schema, o)
			return err
		})
	}
	err := g.Wait()
	for _, d := range c.schema.all {
		switch {
		case err != nil:
		case d.topic.Class == AppendOnly:
			err = c.stream(ctx, n, d, ends)
		default:
			err = c.table(n, d, stores)
		}
	}
	for side, s := range stores {
		if s != nil {
			err = errors.Join(err, s.close())
		}
		err = errors.Join(err, o.fs.RemoveAll(name(side)))
	}
	return err
}

// table walks over a compacted topic of both folds together.
func (c *comparison) table(shard int, d *topicDefinition, stores [2]*store) (err error) {
	head := []byte{recordFamily, d.id}
	sum := c.sums[d.topic.Name]
	var its [2]*pebble.Iterator
	var on [2]bool
	for side, s := range stores {
		bounds := &pebble.IterOptions{LowerBound: head, UpperBound: after(head)}
		if its[side], err = s.db.NewIter(bounds); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, its[side].Close()) }() // tells what ended it, too
		on[side] = its[side].First()
	}
	for on[0] || on[1] {
		order := 0
		switch {
		case !on[1]:
			order = -1
		case !on[0]:
			order = 1
		default:
			order = bytes.Compare(its[0].Key(), its[1].Key())
		}
		switch {
		case order < 0:
			sum.differ("shard %d, key %s: only the first has it", shard, its[0].Key()[len(head):])
		case order > 0:
			sum.differ("shard %d, key %s: only the second has it", shard, its[1].Key()[len(head):])
		case !bytes.Equal(its[0].Value(), its[1].Value()):
			sum.differ("shard %d, key %s: the values differ", shard, its[0].Key()[len(head):])
		}
		for side, it := range its {
			if side == 0 && order <= 0 || side == 1 && order >= 0 {
				sum.add(side, shard, it.Key()[len(head):], it.Value())
				on[side] = it.Next()
			}
		}
	}
	return nil
}

// stream reads an append-only topic of both logs beside each other. Where records are kept for a
// time only, those that one log has no longer are left out.
func (c *comparison) stream(
	ctx context.Context, shard int, d *topicDefinition, ends [2]Positions,
) (err error) {
	sum := c.sums[d.topic.Name]
	var sides [2]streamSide
	for side, l := range c.logs {
		r := Range{To: ends[side], Topics: []string{d.topic.Name}}
		if sides[side].groups, err = gather(ctx, l, shard, r); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, sides[side].groups.close()) }()
		if err := sides[side].next(ctx); err != nil {
			return err
		}
	}
	for d.topic.Retention > 0 && !sides[0].over && !sides[1].over &&
		sides[0].entry.Group != sides[1].entry.Group {
		older := 0
		if sides[1].entry.Group < sides[0].entry.Group {
			older = 1
		}
		if err := sides[older].next(ctx); err != nil {
			return err
		}
	}
	if d.topic.Retention > 0 && (sides[0].over || sides[1].over) {
		return nil // there is nothing that both still have
	}
	for !sides[0].over || !sides[1].over {
		a, b := sides[0].entry, sides[1].entry
		switch {
		case sides[1].over:
			sum.differ("shard %d, group %d: only the first has record %s", shard, a.Group, a.Key)
		case sides[0].over:
			sum.differ("shard %d, group %d: only the second has record %s", shard, b.Group, b.Key)
		case a.Group != b.Group || !sameRecord(a, b):
			sum.differ("shard %d: the first has record %s in group %d where the second has %s in %d",
				shard, a.Key, a.Group, b.Key, b.Group)
		}
		for side := range sides {
			if s := &sides[side]; !s.over {
				sum.add(side, shard, s.entry.Key, s.entry.Value)
				if err := s.next(ctx); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A streamSide stands at one record of a log.
type streamSide struct {
	groups *gatherer
	left   []Entry
	entry  Entry
	over   bool
}

// next goes to the next record.
func (s *streamSide) next(ctx context.Context) error {
	for len(s.left) == 0 {
		g, err := s.groups.next(ctx)
		if errors.Is(err, io.EOF) {
			s.over = true
			return nil
		}
		if err != nil {
			return err
		}
		s.left = g.entries
	}
	s.entry, s.left = s.left[0], s.left[1:]
	return nil
}
