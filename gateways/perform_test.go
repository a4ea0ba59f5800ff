package gateways

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// TestWorkerUnwritten: each shard that moved while a gateway was called left an error in the log,
// on which operators have alarms, and the next owner did it all. What will not pass is still one.
func TestWorkerUnwritten(t *testing.T) {
	for _, c := range []struct {
		err   error
		level string
	}{
		{compaction.ErrNotServing, "level=INFO"}, {compaction.ErrUnreachable, "level=INFO"},
		{context.DeadlineExceeded, "level=INFO"}, {errors.New("damaged"), "level=ERROR"},
	} {
		var log strings.Builder
		w := &Worker{o: Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
		w.unwritten(compaction.Effect{ID: "pay_1-1"}, c.err)
		if !strings.Contains(log.String(), c.level) || !strings.Contains(log.String(), "pay_1-1") {
			t.Errorf("%v is told as %s, want %s", c.err, log.String(), c.level)
		}
	}
}
