package compaction_test

import (
	"context"
	"sync"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// A slowToShow log shows what was appended last only to who waits for it, as a cluster does that is
// still marking it as committed.
type slowToShow struct {
	*copied
	mu    sync.Mutex
	ends  map[int]compaction.Positions // after the last append
	shown map[int]bool
}

func (l *slowToShow) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	w, err := l.copied.Claim(ctx, shard)
	return &slowWriter{w, l, shard}, err
}

func (l *slowToShow) Read(
	ctx context.Context, shard int, r compaction.Range,
) (compaction.Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if end := l.ends[shard]; r.To != nil && end != nil && r.To.Reached(end) {
		l.shown[shard] = true
	}
	return l.copied.Read(ctx, shard, r)
}

type slowWriter struct {
	compaction.Writer
	log   *slowToShow
	shard int
}

func (w *slowWriter) Append(
	ctx context.Context, g compaction.Group,
) (compaction.Positions, error) {
	end, err := w.Writer.Append(ctx, g)
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.log.ends[w.shard], w.log.shown[w.shard] = end, false
	return end, err
}

// TestCopyIsShown: who compared a copy with its source at once was told that the copy lacks what
// had been appended last, since the brokers had not marked it yet.
func TestCopyIsShown(t *testing.T) {
	from := openCopied(t)
	from.fill(1, 20)
	to := &slowToShow{openCopied(t), sync.Mutex{}, map[int]compaction.Positions{}, map[int]bool{}}
	if _, err := copyLog(from, to, compaction.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	for shard := range from.last {
		if to.ends[shard] == nil || !to.shown[shard] {
			t.Errorf("the copy of shard %d ended before its end was shown", shard)
		}
	}
}
