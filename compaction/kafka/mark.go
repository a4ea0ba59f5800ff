package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/quittance/quittance/compaction"
)

var (
	_ compaction.MarkedLog     = (*Log)(nil)
	_ compaction.MarkingWriter = (*writer)(nil)
)

// Mark returns what the last claims of the shards say of the log. One that was marked in a part of
// its shards only, because whoever did it was stopped half-way, is marked.
func (l *Log) Mark(ctx context.Context) (mark compaction.Mark, err error) {
	for shard := range l.identity.Shards {
		m, err := l.markOf(ctx, shard)
		if err != nil {
			return compaction.Mark{}, err
		}
		mark.Claimed = mark.Claimed || m.Claimed
		if mark.Secret == nil {
			mark.Secret = m.Secret
		}
		if mark.Moved == nil {
			mark.Moved = m.Moved
		}
	}
	return mark, nil
}

// markOf returns the mark of one shard.
func (l *Log) markOf(ctx context.Context, shard int) (compaction.Mark, error) {
	ctx, done, err := l.begin(ctx, shard)
	if err != nil {
		return compaction.Mark{}, err
	}
	defer done()
	t, err := l.tail(ctx, shard, []string{ShardsTopic})
	if err != nil {
		return compaction.Mark{}, l.failed(err)
	}
	return t.mark, nil
}

// Last returns the number and the stamp of a shard's last group.
func (l *Log) Last(ctx context.Context, shard int) (uint64, time.Time, error) {
	ctx, done, err := l.begin(ctx, shard)
	if err != nil {
		return 0, time.Time{}, err
	}
	defer done()
	t, err := l.tail(ctx, shard, l.names)
	if err != nil {
		return 0, time.Time{}, l.failed(err)
	}
	return t.highest.group, t.highest.time(), nil
}

// SetMark changes what the shard's claim says of the log: the same claim is written again, with
// its barrier, after all that was appended under it.
func (w *writer) SetMark(ctx context.Context, m compaction.Mark) error {
	if w.closed.Err() != nil {
		return compaction.ErrClosed
	}
	if w.dead != nil {
		return w.dead
	}
	if m.Secret == nil {
		m.Secret = w.mark.Secret
	}
	records, err := w.log.barrier(w.shard, header{group: w.last, nanos: w.stamp}, w.epoch, m)
	if err != nil {
		return err
	}
	if err := w.transact(ctx, records); err != nil {
		return fmt.Errorf("kafka: the mark of shard %d: %w", w.shard, err)
	}
	w.ends, w.mark = advance(w.ends, w.log, records), m
	// Traces name where the claim stands, and compaction removes the one before.
	w.claim = w.ends.Of(ShardsTopic) - 1
	w.note()
	return nil
}
