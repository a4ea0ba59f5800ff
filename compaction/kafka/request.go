package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// request sends a request to each leader that has none under way and has something to give.
func (r *reader) request() {
	if r.busy[-1] > 0 {
		return
	}
	by := map[int32][]*cursor{}
	low := r.low()
	for _, c := range r.order {
		// A topic that is far ahead waits for the others; one that they wait for never does.
		if c.flying || c.drained() || c.size > aheadBytes && c.over > low {
			continue
		}
		leader, ok := r.leaders[c.topic.Name]
		if !ok {
			r.locate()
			return
		}
		by[leader] = append(by[leader], c)
	}
	for leader, cursors := range by {
		if r.busy[leader] == 0 {
			r.fetch(leader, cursors)
		}
	}
}

// low is the last group that is over in every topic.
func (r *reader) low() uint64 {
	var low uint64
	first := true
	for _, c := range r.cursors {
		if !c.drained() && (first || c.over < low) {
			low, first = c.over, false
		}
	}
	return low
}

// fetch asks a leader for what comes next in some topics.
func (r *reader) fetch(leader int32, cursors []*cursor) {
	var wants []want
	for _, c := range cursors {
		c.flying = true
		wants = append(wants, want{c.topic.Name, c.next, c.term})
	}
	r.busy[leader]++
	r.begin(func() {
		a := answer{leader: leader, asked: cursors}
		var pieces []piece
		pieces, a.err = r.fetcher.fetch(r.closed, leader, wants, fetchWait)
		for _, p := range pieces {
			a.pieces = append(a.pieces, r.decode(p))
		}
		r.send(a)
	})
}

// begin does something beside Next.
func (r *reader) begin(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Err() == nil {
		r.under.Go(f)
	}
}

// decode turns the records of a piece into entries, up to the first that is none.
func (r *reader) decode(p piece) decoded {
	d := decoded{piece: p, entries: make([]compaction.Entry, 0, len(p.records))}
	for _, rec := range p.records {
		e, err := entry(rec)
		if err != nil {
			d.next = rec.Offset
			d.corrupt = r.log.corrupt(r.shard, p.topic, rec, max(1, e.Group), err)
			break
		}
		d.entries = append(d.entries, e)
	}
	d.records = nil
	return d
}

// locate asks who leads the topics, after a while where that was asked before in vain.
func (r *reader) locate() {
	var topics []string
	for _, c := range r.cursors {
		topics = append(topics, c.topic.Name)
	}
	r.busy[-1]++
	fails := r.fails
	r.begin(func() {
		a := answer{leader: -1}
		if fails > 0 {
			a.err = pause(r.closed, retryBackoff(fails))
		}
		var left error
		if a.err == nil {
			a.leaders, left, a.err = r.fetcher.whoLeads(r.closed, topics)
		}
		if a.err == nil && len(a.leaders) < len(topics) {
			a.err = cmp.Or(left, errNoLeader)
		}
		if a.err != nil {
			a.leaders = nil
		}
		r.send(a)
	})
}

var errNoLeader = errors.New("kafka: not every topic has a leader")

// send hands an answer on, unless nobody will take it any more.
func (r *reader) send(a answer) {
	select {
	case r.answers <- a:
	case <-r.closed.Done():
	}
}

// mend says what to do about a broker's error for one topic. Nothing is skipped but what a topic's
// retention has removed.
func (r *reader) mend(ctx context.Context, c *cursor, err error) error {
	var parted *partedError
	if errors.As(err, &parted) {
		return r.setBack(c, err)
	}
	if !errors.Is(err, kerr.OffsetOutOfRange) {
		var known *kerr.Error
		if !errors.As(err, &known) { // it did not decode
			return r.log.corrupt(r.shard, c.topic.Name, &kgo.Record{Offset: c.next}, c.seen+1, err)
		}
		return fmt.Errorf("kafka: %s: %w", c.topic.Name, err)
	}
	starts, e := r.offsets(ctx, []string{c.topic.Name}, logStart)
	if e != nil {
		return e
	}
	start := starts[c.topic.Name]
	kept := c.topic.Class == compaction.AppendOnly && c.topic.Retention == 0
	switch {
	case start <= c.next:
		// It ended before the position, be it that it has grown past it since. A leader that has not
		// heard yet how far everybody is answers nothing, and does not say this.
		return r.setBack(c, err)
	case kept, c.topic.Class != compaction.AppendOnly && c.next > 0:
		return fmt.Errorf("%w: kafka: %s was to be read from %d and begins at %d: %w",
			compaction.ErrGone, c.topic.Name, c.next, start, err)
	}
	c.term = 0 // what was read last does not stand before it
	c.moved(start)
	return nil
}

// setBack says that a topic has lost what stood before a cursor.
func (r *reader) setBack(c *cursor, err error) error {
	r.log.lost(r.shard)
	return fmt.Errorf("%w: kafka: shard %d of %s was read up to offset %d: %w",
		compaction.ErrSetBack, r.shard, c.topic.Name, c.next, err)
}
