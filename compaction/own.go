package compaction

import (
	"context"
	"slices"
)

// Own says which shards this process owns from now on, where others own some too. It returns when
// those that it no longer owns have been given up: what they had taken is answered, their writers
// are closed. Those that are new are claimed meanwhile, by Run. Errors: that of ctx, if it ends
// first; the giving up goes on.
func (s *Shards) Own(ctx context.Context, shards []int) error {
	var leaving []<-chan struct{}
	for n, slot := range s.slots {
		if over := slot.turn(slices.Contains(shards, n)); over != nil {
			leaving = append(leaving, over)
		}
	}
	for _, over := range leaving {
		select {
		case <-over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Owned reports whether this process owns a shard: it is served here, or is about to be.
func (s *Shards) Owned(shard int) bool {
	slot := s.slots[shard]
	slot.mu.RLock()
	defer slot.mu.RUnlock()
	return slot.owned
}
