package kafka

import (
	"context"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

// quiet takes what a test does not want to see.
var quiet = slog.New(slog.DiscardHandler)

// suiteOptions are those of a log with the suite's topics.
func suiteOptions(brokers []string, prefix string) Options {
	return Options{
		Connection: Connection{Brokers: brokers}, Topics: compactiontest.Topics(), Prefix: prefix,
		Shards: compactiontest.Shards, Create: true, Logger: quiet, Node: "test",
	}
}

// opened opens a log that is closed at the end of the test.
func opened(tb testing.TB, o Options) *Log {
	tb.Helper()
	l, err := Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

// model makes a cluster of one broker in this process. kfake is a model of Kafka: what it does
// differently is no fault of a log's, and what holds on it is proved on a real broker only.
func model(tb testing.TB) *kfake.Cluster {
	tb.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// suiteOn returns what TestLog wants: new logs on a cluster.
func suiteOn(brokers []string) func(t *testing.T) compactiontest.Opener {
	return func(t *testing.T) compactiontest.Opener {
		o := suiteOptions(brokers, kafkatest.Prefix(t))
		return func(t *testing.T) compaction.Log {
			l, err := Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
	}
}

// TestLogModel: the contract of a log holds on a model of a cluster. This is the quick form of
// TestLog: kfake is a model only, and proves nothing about Kafka.
func TestLogModel(t *testing.T) { compactiontest.TestLog(t, suiteOn(model(t).ListenAddrs())) }

// TestLog: the contract of a log holds on a real broker.
func TestLog(t *testing.T) { compactiontest.TestLog(t, suiteOn(kafkatest.Shared(t).Addrs())) }
