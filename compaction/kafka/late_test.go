package kafka

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// TestStandbyBeforeTheMarkers: a standby that is opened while the markers of the last groups are
// not written yet, as by a node that was started again at once, has more than what is stable. It
// waits for them and is not made anew, as ahead of the log; where they do not come it is.
func TestStandbyBeforeTheMarkers(t *testing.T) {
	for name, test := range map[string]struct {
		late    time.Duration
		rebuilt bool
	}{"late": {3 * time.Second, false}, "never": {time.Minute, true}} {
		t.Run(name, func(t *testing.T) {
			underway(t, func(f *fleet) {
				dir := t.TempDir()
				a := f.start(dir, itself)
				a.own()
				a.number("n")
				a.stop()
				late := &lateLog{}
				late.on.Store(true)
				a = f.start(dir, func(l compaction.Log) compaction.Log {
					late.Log = l
					return late
				})
				defer a.stop()
				time.Sleep(test.late)
				late.on.Store(false)
				time.Sleep(10 * time.Second)
				if s := a.Stats()[0]; !s.Standby || s.Group != 1 {
					t.Errorf("it is a standby (%t) at group %d, want 1", s.Standby, s.Group)
				}
				a.own()
				a.rebuilt(test.rebuilt)
			})
		})
	}
}

// A lateLog ends before the last groups while it is on.
type lateLog struct {
	compaction.Log
	on atomic.Bool
}

func (l *lateLog) End(ctx context.Context, shard int) (compaction.Positions, error) {
	end, err := l.Log.End(ctx, shard)
	if l.on.Load() {
		for i := range end {
			end[i].Next = max(0, end[i].Next-2)
		}
	}
	return end, err
}
