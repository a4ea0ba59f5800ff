package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// A reader reads the topics of a shard and hands on whole groups: a group is over when every topic
// is known to hold nothing more of it. That is so where
//
//   - a topic has shown a later group, or a barrier after it;
//   - a topic has been read up to where it ended at a time when the group had been seen, and so
//     been committed;
//   - all records of the group have been seen, and the group before it is over;
//   - a bounded range has been read to its end.
//
// All of it belongs to the goroutine in Next. Beside it one request to each leader is under way,
// whose answer waits until somebody asks: so a Next that was given up loses nothing, and the next
// records come while the last ones are being used.
type reader struct {
	log     *Log
	shard   int
	fetcher *fetcher
	closed  context.Context
	closing context.CancelFunc
	once    sync.Once
	mu      sync.Mutex     // no request begins when the reader has been closed
	under   sync.WaitGroup // requests under way
	answers chan answer

	cursors  []*cursor // sorted by topic; ShardsTopic is always one of them
	order    []*cursor // the same; who gave something last is last
	all      bool      // every topic is read
	leaders  map[string]int32
	busy     map[int32]int // requests under way; -1 is the one for the leaders
	fails    int
	position compaction.Positions // as of the last batch
	group    uint64               // the last one that is over
	stamp    time.Time
	err      error
}

// An answer is what became of a request to a leader, or of one for the leaders.
type answer struct {
	leader  int32
	asked   []*cursor
	pieces  []decoded
	leaders map[string]int32
	err     error
}

// A decoded piece has entries instead of records.
type decoded struct {
	piece
	entries []compaction.Entry
	corrupt error
}

// Read reads a shard's committed records.
func (l *Log) Read(ctx context.Context, shard int, g compaction.Range) (compaction.Reader, error) {
	_, done, err := l.begin(ctx, shard)
	if err != nil {
		return nil, err
	}
	done()
	r := &reader{log: l, shard: shard, answers: make(chan answer, 64), busy: map[int32]int{},
		all: true, position: slices.Clone(g.From)}
	for _, name := range l.names {
		if name != ShardsTopic && g.Topics != nil && !slices.Contains(g.Topics, name) {
			r.all = false
			continue
		}
		c := &cursor{topic: l.topics[name], next: g.From.Of(name), to: -1, asked: -1}
		if g.To != nil {
			c.to = g.To.Of(name)
		}
		r.cursors = append(r.cursors, c)
	}
	for _, name := range g.Topics {
		if _, ok := l.topics[name]; !ok {
			return nil, fmt.Errorf("kafka: the log has no topic %s", name)
		}
	}
	r.order = slices.Clone(r.cursors)
	cl, err := kgo.NewClient(clientOptions(l.options.Connection)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	r.fetcher = &fetcher{log: l, cl: cl, shard: shard}
	r.closed, r.closing = context.WithCancel(l.closed)
	if !l.keep(r) {
		cl.Close()
		return nil, compaction.ErrClosed
	}
	return r, nil
}

// Close ends the reading.
func (r *reader) Close() error {
	r.mu.Lock()
	r.closing()
	r.mu.Unlock()
	r.once.Do(func() {
		r.log.forget(r)
		r.log.background(func() {
			r.under.Wait()
			r.fetcher.cl.Close()
		})
	})
	return nil
}

// Next returns the next groups that are over.
func (r *reader) Next(ctx context.Context) (compaction.Batch, error) {
	for {
		if r.closed.Err() != nil {
			return compaction.Batch{}, compaction.ErrClosed
		}
		if r.err != nil {
			return compaction.Batch{}, r.err
		}
		if err := ctx.Err(); err != nil {
			return compaction.Batch{}, err
		}
		b, ok := r.batch()
		r.request() // what comes next, while this batch is used
		if ok {
			return b, nil
		}
		if r.finished() {
			r.err = io.EOF
			continue
		}
		if r.blocked() {
			if err := r.ask(ctx); err != nil {
				return compaction.Batch{}, err
			}
			continue
		}
		select {
		case a := <-r.answers:
			if err := r.take(ctx, a); err != nil {
				r.err = err
			}
		case <-ctx.Done():
		case <-r.closed.Done():
		}
	}
}

// finished reports whether a bounded range has been read and handed on.
func (r *reader) finished() bool {
	for _, c := range r.cursors {
		if !c.drained() || len(c.entries) > 0 {
			return false
		}
	}
	return true
}

// batch takes out what is of groups that are over.
func (r *reader) batch() (compaction.Batch, bool) {
	over, drained := r.over()
	var all []compaction.Entry
	group, stamp := r.group, r.stamp
	for _, c := range r.cursors {
		n := len(c.entries)
		if !drained {
			n = c.upTo(over)
		}
		if n == 0 {
			continue
		}
		if e := c.entries[n-1]; e.Group > group {
			group, stamp = e.Group, e.Time
		}
		if all == nil {
			all = make([]compaction.Entry, 0, n)
		}
		all = c.release(all, n)
	}
	// Positions that move over markers alone are worth a batch only where they are the last.
	if len(all) == 0 && group == r.group && (!drained || r.position.Reached(r.ends())) {
		return compaction.Batch{}, false
	}
	for _, c := range r.cursors {
		r.position = moved(r.position, c.topic.Name, max(c.first(), r.position.Of(c.topic.Name)))
	}
	r.group, r.stamp = group, stamp
	return compaction.Batch{
		Entries: all, Next: slices.Clone(r.position), Group: group, Time: stamp,
	}, true
}

// ends is where a bounded range ends.
func (r *reader) ends() (p compaction.Positions) {
	for _, c := range r.cursors {
		p = append(p, compaction.Position{Topic: c.topic.Name, Next: c.to})
	}
	return p
}

// over returns up to which group everything has been read, and whether a bounded range has been
// read to its end.
func (r *reader) over() (group uint64, drained bool) {
	drained = true
	first := true
	for _, c := range r.cursors {
		if c.drained() {
			continue
		}
		drained = false
		if first || c.over < group {
			group, first = c.over, false
		}
	}
	if drained || !r.all {
		return group, drained
	}
	group = max(group, r.group)
	for r.whole(group + 1) {
		group++
	}
	return group, false
}

// whole reports whether every record of a group has been read, where the groups before it are over.
func (r *reader) whole(group uint64) bool {
	seen, count, found := 0, 0, false
	for _, c := range r.cursors {
		n := c.upTo(group - 1)
		part := cursor{topic: c.topic, entries: c.entries[n:]}
		s, of, ok := part.heads(group)
		seen += s
		if ok {
			count, found = of, true
		}
	}
	return found && seen == count
}

// blocked reports whether something waits to be handed on for a topic that may have nothing more.
func (r *reader) blocked() bool {
	var seen uint64
	for _, c := range r.cursors {
		seen = max(seen, c.seen)
	}
	if seen <= r.group {
		return false
	}
	for _, c := range r.cursors {
		if !c.drained() && c.to < 0 && c.over < seen && c.next >= c.asked && c.askedGroup < seen {
			return true
		}
	}
	return false
}

// ask finds out where topics end that have not shown the last group that was seen. That group was
// committed before: what a topic holds of it is before the topic's high watermark now.
func (r *reader) ask(ctx context.Context) error {
	var seen uint64
	for _, c := range r.cursors {
		seen = max(seen, c.seen)
	}
	var topics []string
	var open []*cursor
	for _, c := range r.cursors {
		if c.over < seen {
			topics, open = append(topics, c.topic.Name), append(open, c)
		}
	}
	ends, err := r.offsets(ctx, topics, highWatermark)
	switch {
	case err == nil:
	case r.closed.Err() != nil:
		return compaction.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case lasting(err):
		return explain(err, r.log.options.Connection)
	default: // nothing is over yet; it is asked again
		return nil
	}
	for _, c := range open {
		c.asked, c.askedGroup = ends[c.topic.Name], seen
		c.settle()
	}
	return nil
}

// offsets asks for offsets of topics, until ctx ends or the reader is closed.
func (r *reader) offsets(
	ctx context.Context, topics []string, at place,
) (map[string]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.closed, cancel)()
	return r.log.offsets(ctx, r.shard, topics, at)
}

// take notes what a broker answered. What takes longer than ctx lasts is left for the next time:
// the broker will answer the same again.
func (r *reader) take(ctx context.Context, a answer) error {
	r.busy[a.leader]--
	for _, c := range a.asked {
		c.flying = false
	}
	if a.leaders != nil {
		r.leaders = a.leaders
		return nil
	}
	err := a.err
	for _, p := range a.pieces {
		i := slices.IndexFunc(r.cursors, func(c *cursor) bool { return c.topic.Name == p.topic })
		c := r.cursors[i]
		if p.err != nil {
			e := r.mend(ctx, c, p.err)
			if e != nil && ctx.Err() != nil {
				continue
			}
			if e != nil && (lasting(p.err) || errors.Is(e, compaction.ErrSetBack)) {
				return e
			}
			err = errors.Join(err, e)
			continue
		}
		if e := r.read(c, p); e != nil {
			return e
		}
	}
	if err == nil {
		r.fails = 0
		return nil
	}
	if lasting(err) {
		return explain(err, r.log.options.Connection)
	}
	// The leaders are asked for again, after a while.
	r.leaders = nil
	if r.fails++; r.fails == warnAfter {
		r.log.options.Logger.Warn("a shard cannot be read for the moment", "shard", r.shard,
			"error", err)
	}
	if r.fails > 2*warnAfter && missing(err) {
		return explain(err, r.log.options.Connection)
	}
	return nil
}

// warnAfter is how many requests in a row may fail before somebody is told: about four seconds. A
// topic that is still not there after twice as many was deleted.
const warnAfter = 8

// read takes in what was read of a topic.
func (r *reader) read(c *cursor, p decoded) error {
	for i, e := range p.entries {
		if c.to >= 0 && e.Offset >= c.to {
			break
		}
		if err := c.add(e); err != nil {
			// Between two answers the log may have been set back and written on. If it is damaged
			// instead, who reads it anew up to its end meets that again.
			if i == 0 && c.to < 0 {
				return r.setBack(c, err)
			}
			rec := &kgo.Record{Key: e.Key, Offset: e.Offset}
			return r.log.corrupt(r.shard, p.topic, rec, c.seen, err)
		}
	}
	if p.corrupt != nil && (c.to < 0 || p.next < c.to) {
		return p.corrupt
	}
	if len(p.entries) > 0 {
		i := slices.Index(r.order, c)
		r.order = append(slices.Delete(r.order, i, i+1), c)
	}
	if p.term > 0 {
		c.term = p.term
	}
	c.moved(p.next)
	return nil
}
