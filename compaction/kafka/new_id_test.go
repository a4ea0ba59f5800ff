package kafka

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// TestAppendUnderTwoIDs: a group is whole also where the client takes a new producer id in the
// middle of it. It does so where a broker does not know its sequence and the topic begins behind
// what it wrote there last, as one that is kept for a time. The brokers aborted what they had taken
// by then, and the client committed the rest.
func TestAppendUnderTwoIDs(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	add(t, w, three(1), three(2)) // the next one is of the producer that wrote the barrier
	id := l.report.Topics[journal]
	held, answered := false, false
	c.ControlKey(kmsg.Produce.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.ProduceRequest)
		i := slices.IndexFunc(req.Topics, func(rt kmsg.ProduceRequestTopic) bool {
			return TopicID(rt.TopicID) == id
		})
		switch {
		case i < 0 || answered:
			return nil, nil, false
		case len(req.Topics) > 1: // it is not answered for, and sent again
			held, req.Topics = true, slices.Delete(req.Topics, i, i+1)
			return nil, nil, false
		}
		answered = true
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		rt := kmsg.NewProduceResponseTopic()
		rt.TopicID = req.Topics[0].TopicID
		p := kmsg.NewProduceResponseTopicPartition()
		p.ErrorCode, p.BaseOffset = kerr.OutOfOrderSequenceNumber.Code, -1
		p.LogStartOffset = 1 << 40
		rt.Partitions = append(rt.Partitions, p)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	refused(t, w, three(3), compaction.ErrNotCommitted)
	c.DropControl()
	if !held || !answered {
		t.Error("the client did not take a new id")
	}
	add(t, w, three(3))
	holds(t, l, 0, 3)
}
