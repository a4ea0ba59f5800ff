package gateways_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A full engine takes no command, as one does whose disk is full, and shows its shards all the
// same.
type full struct {
	*compaction.Shards
	asked *atomic.Int64
}

func (f full) Do(context.Context, compaction.Command) (compaction.Answer, error) {
	f.asked.Add(1)
	return compaction.Answer{}, &compaction.SpaceError{Path: "data"}
}

// TestWorkerPauses: an effect that is due and cannot begin, because the log takes nothing or its
// shard is about to drop itself, is left alone for a moment. It was found again at once, and the
// worker asked as fast as it could.
func TestWorkerPauses(t *testing.T) {
	w := newWorld(t)
	w.pay("pay_1", "card")
	o := w.options()
	engine := full{w.shards, &atomic.Int64{}}
	o.Engine, o.First = engine, 50*time.Millisecond
	began := time.Now()
	stop := w.start(o)
	w.until("it was asked for again", func() bool { return engine.asked.Load() >= 3 })
	stop()
	took := time.Since(began)
	if n := engine.asked.Load(); n > int64(took/o.First)+1 {
		t.Errorf("it was asked for %d times in %v", n, took)
	}
}
