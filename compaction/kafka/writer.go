package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// A writer appends to a shard by a ring of producers that take turns. Transaction n + 1 never
// begins before the end of n was answered, so groups are committed in order.
type writer struct {
	log   *Log
	shard int
	epoch uint64
	ring  [ringSize]*producer
	start compaction.Positions
	claim int64 // where the claim stands in ShardsTopic
	mark  compaction.Mark

	// Owned by Append:
	turn int
	last uint64
	// The stamp of the last group, as stamped gives it.
	stamp int64
	ends  compaction.Positions
	dead  error

	closed  context.Context
	closing context.CancelFunc
	once    sync.Once
}

// Start returns the end of the shard as it was when it was claimed.
func (w *writer) Start() compaction.Positions { return slices.Clone(w.start) }

var _ compaction.BulkWriter = (*writer)(nil)

// Append writes a group in one transaction.
func (w *writer) Append(ctx context.Context, g compaction.Group) (compaction.Positions, error) {
	return w.AppendAll(ctx, []compaction.Group{g})
}

// AppendAll writes groups in one transaction.
func (w *writer) AppendAll(
	ctx context.Context, groups []compaction.Group,
) (compaction.Positions, error) {
	if w.closed.Err() != nil {
		return nil, compaction.ErrClosed
	}
	if w.dead != nil {
		return nil, w.dead
	}
	if len(groups) == 0 {
		return slices.Clone(w.ends), nil
	}
	last := w.last
	for _, g := range groups {
		if !g.Follows(last) {
			return nil, fmt.Errorf("kafka: group %d of shard %d does not follow group %d",
				g.Number, w.shard, last)
		}
		last = g.Number
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", compaction.ErrNotCommitted, err)
	}
	var records []*kgo.Record
	for _, g := range groups {
		its, err := w.records(g)
		if err != nil {
			return nil, err
		}
		records = append(records, its...)
	}
	if err := w.transact(ctx, records); err != nil {
		return nil, err
	}
	final := groups[len(groups)-1]
	w.last, w.stamp = final.Number, stamped(final.Number, final.Time)
	w.ends = advance(w.ends, w.log, records)
	w.note()
	return slices.Clone(w.ends), nil
}

// transact writes records by the producer whose turn it is. A writer that does not know what became
// of them, or was fenced, is of no more use.
func (w *writer) transact(ctx context.Context, records []*kgo.Record) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(w.closed, end)()
	p := w.ring[w.turn]
	w.turn = (w.turn + 1) % ringSize
	if err := p.transact(ctx, records, w.follow); err != nil {
		if !errors.Is(err, compaction.ErrNotCommitted) {
			w.dead = err
			w.stop()
		}
		if w.closed.Err() != nil {
			err = fmt.Errorf("%w: %w", compaction.ErrClosed, err)
		}
		return err
	}
	return nil
}

// records returns a group as it goes to the brokers, with a trace where compaction may leave
// nothing of it. A record that cannot be written is found before anything is sent.
func (w *writer) records(g compaction.Group) ([]*kgo.Record, error) {
	h := header{recordKind, g.Number, len(g.Records), w.epoch, stamped(g.Number, g.Time)}
	mark := h.append(nil)
	records := make([]*kgo.Record, 0, len(g.Records)+1)
	for _, r := range g.Records {
		if _, ok := w.log.topics[r.Topic]; !ok || r.Topic == ShardsTopic {
			return nil, fmt.Errorf("%w: kafka: the log has no topic %s",
				compaction.ErrNotCommitted, r.Topic)
		}
		if err := compaction.CheckSize(r); err != nil {
			return nil, err
		}
		records = append(records, w.log.record(w.shard, r.Topic, r.Key, r.Value, mark))
	}
	if w.log.leavesTrace(g.Records) {
		return records, nil
	}
	h.kind = traceKind
	value, err := trace(w.claim)
	if err != nil {
		return nil, err
	}
	return append(records, w.log.record(w.shard, ShardsTopic, traceKey(w.shard), value,
		h.append(nil))), nil
}

// advance returns positions moved past records that were produced.
func advance(p compaction.Positions, l *Log, records []*kgo.Record) compaction.Positions {
	p = slices.Clone(p)
	for _, r := range records {
		topic := r.Topic[len(l.options.Prefix):]
		i, ok := slices.BinarySearchFunc(p, topic, compareTopic)
		if !ok {
			p = slices.Insert(p, i, compaction.Position{Topic: topic})
		}
		p[i].Next = max(p[i].Next, r.Offset+1)
	}
	return p
}

// Close gives the shard up.
func (w *writer) Close() error {
	w.closing()
	w.stop()
	return nil
}

// stop closes the producers, in the background: it takes its time where a broker does not answer.
func (w *writer) stop() {
	w.once.Do(func() {
		w.log.forget(w)
		w.log.background(func() {
			for _, p := range w.ring {
				if p != nil {
					p.cl.Close()
				}
			}
		})
	})
}
