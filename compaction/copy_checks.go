package compaction

import (
	"context"
	"fmt"
)

// shown waits until whoever reads the target is shown what was appended last: on a cluster that is
// a moment after the writer is told that it is done, and a copy that has ended can be compared.
func (s *shardCopy) shown(ctx context.Context) error {
	err := each(ctx, s.to, s.told.Shard, s.last, func(Batch) error { return nil })
	if err != nil {
		return fmt.Errorf("shard %d of the target, read back: %w", s.told.Shard, err)
	}
	return nil
}

// unchanged makes sure that what was copied is all that there is.
func (s *shardCopy) unchanged(ctx context.Context) error {
	end, err := s.from.End(ctx, s.told.Shard)
	if err != nil {
		return err
	}
	group, err := grown(ctx, s.from, s.told.Shard, s.end, end)
	if err == nil && group > s.told.Group {
		err = fmt.Errorf("somebody has written to shard %d of the source meanwhile: stop the "+
			"servers that use it and copy again", s.told.Shard)
	}
	return err
}

// grown returns the last group of a range, 0 if there is none.
func grown(ctx context.Context, l Log, shard int, from, to Positions) (group uint64, err error) {
	if from.Reached(to) {
		return 0, nil
	}
	err = each(ctx, l, shard, Range{From: from, To: to}, func(b Batch) error {
		group = max(group, b.Group)
		for _, e := range b.Entries {
			group = max(group, e.Group)
		}
		return nil
	})
	return group, err
}
