package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// introduction keeps what is written and calls told when the last line of it has come.
type introduction struct {
	mu   sync.Mutex
	text bytes.Buffer
	told func()
}

// Write keeps b.
func (i *introduction) Write(b []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if strings.Contains(string(b), "README.md") {
		i.told()
	}
	return i.text.Write(b)
}

// TestKafkaBroker holds that the broker says where it is once it answers, and is gone with all that
// it kept when it is told to end.
func TestKafkaBroker(t *testing.T) {
	kafkatest.Require(t)
	ctx, end := context.WithTimeout(t.Context(), 3*time.Minute)
	defer end()
	out := &introduction{told: end}
	var stderr bytes.Buffer
	if code := run(ctx, []string{"-port", "0"}, out, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	for _, want := range []string{"a Kafka broker serves 127.0.0.1:", "topics plan --log kafka",
		"the broker is gone"} {
		if !strings.Contains(out.text.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out.text)
		}
	}
}

// TestUsage holds that what makes no sense is refused before anything is fetched.
func TestUsage(t *testing.T) {
	for line, want := range map[string]int{"-port 70000": 2, "-port x": 2, "now": 2, "-h": 0} {
		var out, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(line), &out, &stderr); code != want {
			t.Errorf("broker %s: exit code %d, want %d\n%s", line, code, want, &stderr)
		}
	}
}
