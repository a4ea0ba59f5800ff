package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// What a topic may be asked for, as ListOffsets has it.
type place struct {
	timestamp int64
	isolation int8
}

var (
	// logStart is the first offset that is there.
	logStart = place{-2, 0}
	// lastStable is where the first transaction begins that is not over yet.
	lastStable = place{-1, 1}
	// highWatermark is after what every replica in sync has, transactions that are not over yet
	// included.
	highWatermark = place{-1, 0}
)

// End returns the position after the last committed record of a shard: where its topics are stable
// as the brokers say, and after all that was appended through this Log. The markers of a commit
// that was answered may be some milliseconds behind: a read to the end waits for them.
func (l *Log) End(ctx context.Context, shard int) (compaction.Positions, error) {
	ctx, done, err := l.begin(ctx, shard)
	if err != nil {
		return nil, err
	}
	defer done()
	known := l.noted(shard)
	ends, err := l.offsets(ctx, shard, l.names, lastStable)
	if err != nil {
		return nil, l.failed(err)
	}
	var p compaction.Positions
	for _, name := range l.names {
		p = append(p, compaction.Position{Topic: name, Next: max(ends[name], known.Of(name))})
	}
	return p, nil
}

// An appended is where a shard's last claim here, or what was appended under it, ends.
type appended struct {
	epoch uint64
	end   compaction.Positions
}

// claimed remembers where a claim stands. It may be before what was known: a broker that was
// restored, or has lost what its machine had in memory, sets a log back.
func (w *writer) claimed() {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.log.known[w.shard] = appended{w.epoch, w.ends}
}

// note remembers the end of what was appended, unless a later claim knows better.
func (w *writer) note() {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	if w.epoch >= w.log.known[w.shard].epoch {
		w.log.known[w.shard] = appended{w.epoch, w.ends}
	}
}

// lost forgets what was appended to a shard that was found to be set back: what is known of its end
// may be gone. A claim knows anew.
func (l *Log) lost(shard int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, shard)
}

func (l *Log) noted(shard int) compaction.Positions {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[shard].end
}

// offsets asks the leaders of a shard's topics for offsets, and again where a leader has moved or
// does not know yet.
func (l *Log) offsets(ctx context.Context, shard int, topics []string, at place) (
	offsets map[string]int64, err error,
) {
	err = persist(ctx, func() error {
		offsets, err = l.offsetsOnce(ctx, shard, topics, at)
		return err
	})
	return offsets, err
}

// offsetsOnce asks once. The client sends a request to each leader.
func (l *Log) offsetsOnce(ctx context.Context, shard int, topics []string, at place) (
	map[string]int64, error,
) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, at.isolation
	for _, name := range topics {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = l.options.Prefix + name
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(shard), at.timestamp
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, l.admin)
	if err != nil {
		return nil, fmt.Errorf("kafka: the ends of the topics: %w", err)
	}
	offsets := map[string]int64{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("kafka: the end of %s: %w", t.Topic, err)
			}
			offsets[l.unprefixed(t.Topic)] = p.Offset
		}
	}
	for _, name := range topics {
		if _, ok := offsets[name]; !ok {
			return nil, fmt.Errorf("kafka: no broker knows the end of %s", name)
		}
	}
	return offsets, nil
}

func compareTopic(p compaction.Position, topic string) int {
	return strings.Compare(p.Topic, topic)
}

// moved returns p with another offset of a topic.
func moved(p compaction.Positions, topic string, next int64) compaction.Positions {
	i, ok := slices.BinarySearchFunc(p, topic, compareTopic)
	if !ok {
		p = slices.Insert(p, i, compaction.Position{Topic: topic})
	}
	p[i].Next = next
	return p
}
