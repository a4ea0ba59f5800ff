package kafka

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestBrokerKilled: the only broker is killed in the middle of appends, and comes back. What was
// acknowledged is there, what was not may be, each group once; an open reader goes on.
func TestBrokerKilled(t *testing.T) {
	c := kafkatest.Start(t, kafkatest.Options{})
	l := opened(t, suiteOptions(c.Addrs(), ""))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const last = 400
	ended := make(chan error, 2)
	r := reading(t, l, 0, compaction.Range{Topics: []string{open, journal}})
	go func() { ended <- follow(ctx, r, []string{open, journal}, last) }()
	var acknowledged atomic.Uint64
	go func() { ended <- insist(ctx, l, last, &acknowledged) }()
	for _, at := range []uint64{60, 200} {
		for acknowledged.Load() < at && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		c.Kill(0)
		time.Sleep(300 * time.Millisecond)
		began := time.Now()
		c.Restart(0)
		t.Logf("killed after group %d, back after %v", acknowledged.Load(), time.Since(began))
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// insist appends mixed groups, claiming the shard afresh whenever that is needed. No group that was
// acknowledged may be missing then.
func insist(ctx context.Context, l *Log, last uint64, acknowledged *atomic.Uint64) error {
	for ctx.Err() == nil {
		claimed, err := l.Claim(ctx, 0)
		if err != nil {
			_ = pause(ctx, 50*time.Millisecond)
			continue
		}
		w := claimed.(*writer)
		if w.last < acknowledged.Load() {
			return errors.New("a group that was acknowledged is gone")
		}
		for err == nil || errors.Is(err, compaction.ErrNotCommitted) {
			if w.last == last {
				return nil
			}
			if _, err = w.Append(ctx, mixed(w.last+1)); err == nil {
				acknowledged.Store(w.last)
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return ctx.Err()
}
