package kafka

import (
	"context"
	"encoding/binary"
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
	led   map[string]int32 // who leads the topics, for sweep; nil where it has to be asked
}

// A want is a topic to read, and where from.
type want struct {
	topic string
	from  int64
	term  term // of what stands before it
}

// A term is the time for which a broker led a partition, as its records have it: Kafka's leader
// epoch, plus one. It is 0 where nothing was read yet.
type term int32

// termOf returns the term of the last batch that is there as a whole in what a broker answered.
// Batches of markers count too, which are no records.
func termOf(batches []byte) (t term) {
	const length, epoch, head = 8, 12, 16 // what follows the length counts
	for len(batches) >= head {
		size := epoch + int64(int32(binary.BigEndian.Uint32(batches[length:])))
		if size < head || size > int64(len(batches)) {
			break
		}
		t = term(binary.BigEndian.Uint32(batches[epoch:])) + 1
		batches = batches[size:]
	}
	return t
}

// A partedError reports that a topic has parted, at an offset, from what was read of it: the leader
// has nothing of that term behind it.
type partedError struct{ at int64 }

func (e *partedError) Error() string {
	return fmt.Sprintf("what was read behind offset %d was written by a leader that the topic does "+
		"not have there", e.at)
}

// A piece is what was read of a topic: its committed records, markers left out, and the position
// after them. An err is the broker's.
type piece struct {
	want
	records []*kgo.Record
	next    int64
	term    term // of what stands before next, 0 where nothing came
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
		p.LastFetchedEpoch = int32(w.term) - 1 // then the leader looks whether it has had it
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
	if d := answer.DivergingEpoch; d.EndOffset >= 0 {
		return piece{want: w, next: w.from, err: &partedError{d.EndOffset}}
	}
	p, next := kgo.ProcessFetchPartition(o, answer, decompressor, nil)
	return piece{w, p.Records, next, termOf(answer.RecordBatches), p.Err}
}

// leaders asks who leads the shard's partitions. A topic that nobody leads is left out; one that
// was deleted and made anew is a compaction.ErrReplaced.
func (f *fetcher) leaders(ctx context.Context, topics []string) (map[string]int32, error) {
	leaders, _, err := f.whoLeads(ctx, topics)
	return leaders, err
}

// whoLeads is leaders, and says what the brokers say of a topic that is left out, if anything.
func (f *fetcher) whoLeads(ctx context.Context, topics []string) (
	leaders map[string]int32, left, err error,
) {
	var names []string
	for _, t := range topics {
		names = append(names, f.log.options.Prefix+t)
	}
	m, err := metadata(ctx, f.cl, names)
	if err != nil {
		return nil, nil, err
	}
	leaders = map[string]int32{}
	for _, t := range m.Topics {
		name := f.log.unprefixed(*t.Topic)
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			left = fmt.Errorf("kafka: the topic %s: %w", *t.Topic, err)
			if lasting(err) {
				return nil, nil, left
			}
			continue
		}
		if t.TopicID != f.log.report.Topics[name] {
			return nil, nil, &replacedError{*t.Topic}
		}
		for _, p := range t.Partitions {
			if p.Partition == int32(f.shard) && p.Leader >= 0 {
				leaders[name] = p.Leader
			}
		}
	}
	return leaders, left, nil
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
	for fails := 0; len(spans) > 0; {
		var err error
		if f.led == nil {
			f.led, err = f.leaders(ctx, topics)
		}
		by := map[int32][]want{}
		for _, w := range spans {
			if leader, ok := f.led[w.topic]; ok {
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
			if f.led, fails = nil, fails+1; lasting(err) || fails > 10 {
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
