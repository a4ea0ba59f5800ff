package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Owners returns who claimed each shard of a log last, by its number, the zero Owner of one that
// nobody has claimed. It asks the brokers alone, once: a Directory goes on.
func Owners(ctx context.Context, c Connection, prefix string) ([]Owner, error) {
	if err := reach(ctx, c); err != nil {
		return nil, err
	}
	ends, err := claimEnds(ctx, c, prefix+ShardsTopic)
	if err != nil {
		return nil, explain(err, c)
	}
	d, err := OpenDirectory(c, prefix, len(ends), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.once(ctx, ends)
}

// claimEnds returns where the claims of each shard end, 0 where there are none.
func claimEnds(ctx context.Context, c Connection, topic string) (ends []int64, err error) {
	cl, err := kgo.NewClient(c.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	err = persist(ctx, func() error {
		found, err := admin.ListCommittedOffsets(ctx, topic)
		if err == nil {
			err = found.Error()
		}
		if err != nil {
			return fmt.Errorf("kafka: who claimed the shards, %s: %w", topic, err)
		}
		ends = make([]int64, len(found[topic]))
		for shard, o := range found[topic] {
			if int(shard) < len(ends) {
				ends[shard] = o.Offset
			}
		}
		return nil
	})
	return ends, err
}

// toldTime is how long brokers may take to tell of a shard that has been claimed: connecting to
// them and signing in are part of it.
const toldTime = 10 * time.Second

// once reads the claims up to where they ended when it was called, in the place of Run. What was
// compacted at an end does not come: then nothing comes for some time. A claim of each shard does,
// so that nothing at all is no answer.
func (d *Directory) once(ctx context.Context, ends []int64) ([]Owner, error) {
	next, began := make([]int64, len(ends)), time.Now()
	for before(next, ends) {
		wait, cancel := context.WithTimeout(ctx, quietTime)
		fetches := d.cl.PollFetches(wait)
		silent := wait.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var failed error
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			switch {
			case p.Topic != d.topic: // the wait was over
			case p.Err != nil:
				failed = fmt.Errorf("kafka: who claimed shard %d: %w", p.Partition, p.Err)
			default:
				for _, r := range p.Records {
					d.take(r)
					next[p.Partition] = r.Offset + 1
				}
			}
		})
		if failed != nil {
			return nil, failed
		}
		if !silent {
			continue
		}
		switch shard, ok := untold(next, ends); {
		case !ok:
			return d.last, nil
		case time.Since(began) > toldTime:
			return nil, fmt.Errorf("kafka: the brokers have not said within %v who claimed shard %d",
				toldTime, shard)
		}
	}
	return d.last, nil
}

// untold returns a shard that has been claimed and of which nothing has come.
func untold(next, ends []int64) (shard int, ok bool) {
	for shard, end := range ends {
		if end > 0 && next[shard] == 0 {
			return shard, true
		}
	}
	return 0, false
}

// before reports whether something is still to be read.
func before(next, ends []int64) bool {
	for shard, end := range ends {
		if next[shard] < end {
			return true
		}
	}
	return false
}
