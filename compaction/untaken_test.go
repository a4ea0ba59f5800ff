package compaction

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestUntaken: why a log takes nothing is told once with its cause, and then when it is over. A
// caller hears only that nothing was written, and nothing else said why.
func TestUntaken(t *testing.T) {
	var told bytes.Buffer
	l := slog.New(slog.NewTextHandler(&told, nil))
	u := untaken{}
	u.note(l, 3, nil)
	if told.Len() > 0 {
		t.Errorf("told without a cause: %s", &told)
	}
	for range 5 {
		u.note(l, 3, fmt.Errorf("%w: too few copies", ErrNotCommitted))
	}
	lines := strings.Count(told.String(), "\n")
	if lines != 1 || !strings.Contains(told.String(), "too few copies") ||
		!strings.Contains(told.String(), "shard=3") {
		t.Errorf("told of five groups: %s", &told)
	}
	told.Reset()
	u.note(l, 3, nil)
	u.note(l, 3, nil)
	if lines := strings.Count(told.String(), "\n"); lines != 1 ||
		!strings.Contains(told.String(), "refused=5") {
		t.Errorf("told of its end: %s", &told)
	}
}
