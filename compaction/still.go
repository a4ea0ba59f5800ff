package compaction

import (
	"context"
	"fmt"
)

// Still returns a log as it stands, for whoever only reads it through Shards: its claims are of
// nothing, so that nobody is fenced, and its writers take no records. Nobody may write to the log
// meanwhile, as is so for one that has moved.
func Still(l Log) Log { return still{l} }

// A still is a log that nobody writes to.
type still struct{ Log }

// Claim gives a writer that stands at the end of the shard.
func (s still) Claim(ctx context.Context, shard int) (Writer, error) {
	end, err := s.End(ctx, shard)
	if err != nil {
		return nil, err
	}
	return stillWriter(end), nil
}

// A stillWriter stands where the shard ends.
type stillWriter Positions

// Start returns the end of the shard.
func (w stillWriter) Start() Positions { return Positions(w) }

// Append takes groups without records, by which an owner makes sure that it still is, and leaves
// nothing of them.
func (w stillWriter) Append(_ context.Context, g Group) (Positions, error) {
	if len(g.Records) > 0 {
		return nil, fmt.Errorf("%w: the log is only read", ErrNotCommitted)
	}
	return Positions(w), nil
}

// Close does nothing.
func (stillWriter) Close() error { return nil }
