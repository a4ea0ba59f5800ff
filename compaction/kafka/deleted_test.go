package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/quittance/quittance/compaction"
)

// TestReadOfATopicThatWasDeleted: who reads a log of which a topic is deleted is told, once brokers
// have had the time to hear of topics again. It waited for ever for somebody to lead the topic.
func TestReadOfATopicThatWasDeleted(t *testing.T) {
	bubble(t, func(t *testing.T, _ *kfake.Cluster, l *Log) {
		add(t, claim(t, l, 0), three(1))
		read := reading(t, l, 0, compaction.Range{})
		comes(t, read, 1)
		if _, err := kadm.NewClient(l.admin).DeleteTopic(t.Context(), journal); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		began := time.Now()
		_, err := read.Next(ctx)
		if !missing(err) || !strings.Contains(err.Error(), journal) {
			t.Errorf("after %v: %v, want that %s is missing", time.Since(began), err, journal)
		}
	})
}
