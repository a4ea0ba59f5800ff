package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A fetcher reads a shard's partitions from the brokers that lead them. It asks for itself rather
// than by the consumer of the client: so it knows the position after each answer, where that ends
// in markers or in what compaction has emptied too, and nothing goes on behind its back.
type fetcher struct {
	log   *Log
	cl    *kgo.Client
	shard int
}

// A want is a topic to read, and where from.
type want struct {
	topic string
	from  int64
}

// A piece is what was read of a topic: its committed records, markers left out, and the position
// after them. An err is the broker's.
type piece struct {
	want
	records []*kgo.Record
	next    int64
	err     error
}

// decompressor is what the client's own consumer would use.
var decompressor = kgo.DefaultDecompressor()

// fetch asks one broker once, and waits there for something to come.
func (f *fetcher) fetch(ctx context.Context, leader int32, wants []want, wait time.Duration) (
	[]piece, error,
) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(wait/time.Millisecond), 1, fetchBytes
	req.IsolationLevel = 1 // read committed
	req.SessionEpoch = -1  // no session: what is asked for differs each time
	asked := map[TopicID]want{}
	for _, w := range wants {
		t := kmsg.NewFetchRequestTopic()
		t.Topic = f.log.options.Prefix + w.topic
		// By its id: a topic that was deleted and made anew is not read as if it were the same.
		t.TopicID = f.log.report.Topics[w.topic]
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = int32(f.shard), w.from, partitionBytes
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
		asked[t.TopicID] = w
	}
	answer, err := f.cl.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	var pieces []piece
	for _, t := range resp.Topics {
		w, ok := asked[t.TopicID]
		if !ok || len(t.Partitions) != 1 {
			return nil, fmt.Errorf("kafka: broker %d answered what it was not asked", leader)
		}
		pieces = append(pieces, f.piece(w, &t.Partitions[0]))
	}
	return pieces, nil
}

// piece decodes what a broker answered for one topic.
func (f *fetcher) piece(w want, answer *kmsg.FetchResponseTopicPartition) piece {
	o := kgo.ProcessFetchPartitionOpts{
		Offset: w.from, IsolationLevel: kgo.ReadCommitted(),
		Topic: w.topic, Partition: int32(f.shard),
	}
	p, next := kgo.ProcessFetchPartition(o, answer, decompressor, nil)
	return piece{w, p.Records, next, p.Err}
}

// errAnew is wrapped where a topic is not the one that it was.
var errAnew = errors.New("the topic was deleted and made anew while the log was open")

// leaders asks who leads the shard's partitions. A topic that nobody leads is left out.
func (f *fetcher) leaders(ctx context.Context, topics []string) (map[string]int32, error) {
	var names []string
	for _, t := range topics {
		names = append(names, f.log.options.Prefix+t)
	}
	m, err := metadata(ctx, f.cl, names)
	if err != nil {
		return nil, err
	}
	leaders := map[string]int32{}
	for _, t := range m.Topics {
		name := f.log.unprefixed(*t.Topic)
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			if lasting(err) {
				return nil, fmt.Errorf("kafka: the topic %s: %w", *t.Topic, err)
			}
			continue
		}
		if t.TopicID != f.log.report.Topics[name] {
			return nil, fmt.Errorf("kafka: %s: %w", *t.Topic, errAnew)
		}
		for _, p := range t.Partitions {
			if p.Partition == int32(f.shard) && p.Leader >= 0 {
				leaders[name] = p.Leader
			}
		}
	}
	return leaders, nil
}

// sweep reads ranges that are known to be there, and calls take for each piece until all of it has
// been read. The wants of spans say where each range begins; their ends are in to.
func (f *fetcher) sweep(
	ctx context.Context, spans []want, to map[string]int64, take func(piece) error,
) error {
	var topics []string
	for _, w := range spans {
		topics = append(topics, w.topic)
	}
	var leaders map[string]int32
	for fails := 0; len(spans) > 0; {
		var err error
		if leaders == nil {
			leaders, err = f.leaders(ctx, topics)
		}
		by := map[int32][]want{}
		for _, w := range spans {
			if leader, ok := leaders[w.topic]; ok {
				by[leader] = append(by[leader], w)
			} else if err == nil {
				err = fmt.Errorf("kafka: nobody leads shard %d of %s", f.shard, w.topic)
			}
		}
		moved := map[string]int64{}
		for leader, wants := range by {
			pieces, e := f.fetch(ctx, leader, wants, fetchWait)
			if e != nil {
				err = e
			}
			for _, p := range pieces {
				if p.err != nil {
					err = fmt.Errorf("kafka: %s: %w", p.topic, p.err)
				}
				if e := take(p); e != nil {
					return e
				}
				moved[p.topic] = p.next
			}
		}
		if err != nil {
			if leaders, fails = nil, fails+1; lasting(err) || errors.Is(err, errAnew) || fails > 10 {
				return err
			}
			if err := pause(ctx, retryBackoff(fails)); err != nil {
				return err
			}
		}
		var left []want
		for _, w := range spans {
			if next, ok := moved[w.topic]; ok {
				w.from = next
			}
			if w.from < to[w.topic] {
				left = append(left, w)
			}
		}
		spans = left
	}
	return nil
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
