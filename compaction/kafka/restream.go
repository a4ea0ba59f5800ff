package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// A Restream sends records to a topic that no log owns, for other programs. Its methods may be
// called from any goroutine.
type Restream struct {
	client *kgo.Client
	topic  string

	mu  sync.Mutex
	err error // of the first record that was not taken
}

// OpenRestream opens a topic that is there, for records to be sent to. The topic of a log is
// refused: what is written to it past the owner of a shard cannot be told from damage.
func OpenRestream(ctx context.Context, c Connection, topic string) (*Restream, error) {
	if err := reach(ctx, c); err != nil {
		return nil, err
	}
	topics, err := compaction.Topics()
	if err != nil {
		return nil, err
	}
	for _, t := range topics {
		if strings.HasSuffix(topic, t.Name) {
			return nil, fmt.Errorf("kafka: the topic %s is one of a log: only the owner of a shard writes "+
				"to it", topic)
		}
	}
	client, err := kgo.NewClient(append(c.options(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // as every client hashes keys
		// A topic that is not there, and not made by the first record, is told and not waited for.
		kgo.UnknownTopicRetries(1),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &Restream{client: client, topic: topic}, nil
}

// takeTime is how long the brokers may take over a record. The client's own bound would count from
// the record's stamp (kgo v1.22.2), and history is older than that.
const takeTime = time.Minute

// Send sends a record as it is stored, a tombstone as one, stamped with its group's time. It does
// not wait until the brokers have it: Flush does, and Close. Records of a key arrive in the order
// in which they were sent. The error is that of an earlier record that was not taken; nothing is
// sent after one.
func (r *Restream) Send(ctx context.Context, e compaction.Entry) error {
	if err := r.failed(); err != nil {
		return err
	}
	record := &kgo.Record{Topic: r.topic, Key: e.Key, Value: e.Value, Timestamp: e.Time}
	within, done := context.WithTimeout(ctx, takeTime)
	r.client.Produce(within, record, func(_ *kgo.Record, err error) {
		defer done()
		if err == nil {
			return
		}
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = fmt.Errorf("the brokers did not take a record within %v", takeTime)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.err == nil {
			r.err = fmt.Errorf("kafka: send to %s: %w", r.topic, err)
		}
	})
	return nil
}

func (r *Restream) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Flush returns when the brokers have all that was sent.
func (r *Restream) Flush(ctx context.Context) error {
	return errors.Join(r.client.Flush(ctx), r.failed())
}

// Close gives the connections back. What has not been flushed may not arrive.
func (r *Restream) Close() error {
	r.client.Close()
	return nil
}
