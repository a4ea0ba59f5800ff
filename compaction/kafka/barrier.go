package kafka

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// barrierKey is the key of barriers. No tenant's key begins like this. In ShardsTopic the barrier
// is the record of the claim, below the shard's own key.
var barrierKey = []byte("!barrier")

// traceSuffix follows the shard's number in the key of its last group's trace.
const traceSuffix = "/group"

// claimKey is the key of a shard's claim in ShardsTopic.
func claimKey(shard int) []byte { return strconv.AppendInt(nil, int64(shard), 10) }

// traceKey is the key of the trace of a shard's last group in ShardsTopic.
func traceKey(shard int) []byte { return append(claimKey(shard), traceSuffix...) }

// trace is the value of a group's trace: where the claim stands that it was appended under.
func trace(claim int64) ([]byte, error) {
	return deterministic.Marshal(&compactionv1.ShardRecord{ClaimOffset: claim})
}

// deterministic writes the same bytes for the same record.
var deterministic = proto.MarshalOptions{Deterministic: true}

// barrier returns one record for each topic of the log: together they are the end of what every
// earlier owner of the shard has written.
func (l *Log) barrier(
	shard int, last header, epoch uint64, mark compaction.Mark,
) ([]*kgo.Record, error) {
	o := Owner{Node: l.options.Node, Address: l.options.Address, Epoch: epoch,
		Claimed: l.options.Clock().UTC()}
	l.claiming(shard, o)
	claim := &compactionv1.ShardRecord{
		Node: o.Node, Address: o.Address, Epoch: o.Epoch,
		ClaimedUnixNano: o.Claimed.UnixNano(), Ring: ringSize, Cluster: l.report.Cluster,
	}
	mark.Describe(claim)
	for _, name := range l.names {
		id := l.report.Topics[name]
		claim.Topics = append(claim.Topics, &compactionv1.ShardTopic{Name: name, Id: id[:]})
	}
	value, err := deterministic.Marshal(claim)
	if err != nil {
		return nil, err
	}
	first := header{kind: barrierKind, group: last.group, epoch: epoch, nanos: last.nanos}.append(nil)
	var records []*kgo.Record
	for _, name := range l.names {
		key, v := barrierKey, []byte{1}
		if name == ShardsTopic {
			key, v = claimKey(shard), value
		}
		records = append(records, l.record(shard, name, key, v, first))
	}
	return records, nil
}

// record is a record as it goes to the brokers.
func (l *Log) record(shard int, topic string, key, value, mark []byte) *kgo.Record {
	return &kgo.Record{
		Topic: l.options.Prefix + topic, Partition: int32(shard), Key: key, Value: value,
		Headers: []kgo.RecordHeader{{Key: headerKey, Value: mark}},
	}
}

// leavesTrace reports whether compaction always leaves something of a group's records until there
// is a later group: the last value of a compacted key, or anything in a topic that is kept for
// ever.
func (l *Log) leavesTrace(records []compaction.Record) bool {
	for i, r := range records {
		t := l.topics[r.Topic]
		if t.Class == compaction.AppendOnly {
			if t.Retention == 0 {
				return true
			}
			continue
		}
		ended := func(later compaction.Record) bool {
			return later.Tombstone() && later.Topic == r.Topic && bytes.Equal(later.Key, r.Key)
		}
		if !r.Tombstone() && !slices.ContainsFunc(records[i+1:], ended) {
			return true
		}
	}
	return false
}
