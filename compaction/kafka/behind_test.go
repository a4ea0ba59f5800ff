package kafka

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// TestClaimBehindALeader: a broker that was stopped for a while and goes on tells of its topics as
// they were, until it hears that others lead them by now. A claim that asked it took the last group
// for the one before, and gave its number again. Nothing is committed before it is known what
// stands before the barrier.
func TestClaimBehindALeader(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	was := w.Start()
	add(t, w, compaction.Group{Number: 1, Records: []compaction.Record{rec(open, "a", "1")}})
	var heard atomic.Bool
	c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		heard.Store(true) // the barrier goes to who leads
		return nil, nil, false
	})
	c.ControlKey(kmsg.ListOffsets.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.ListOffsetsRequest)
		if heard.Load() || req.Topics[0].Partitions[0].Timestamp != highWatermark.timestamp {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, asked := range req.Topics {
			topic := kmsg.NewListOffsetsResponseTopic()
			topic.Topic = asked.Topic
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.Offset = was.Of(asked.Topic) + 1 // behind the marker
			topic.Partitions = append(topic.Partitions, p)
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	c.ControlKey(kmsg.Fetch.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		for i := range req.Topics {
			if !heard.Load() {
				req.Topics[i].Partitions[0].PartitionMaxBytes = 1 // one batch
			}
		}
		return nil, nil, false
	})
	if next, err := l.Claim(t.Context(), 0); err == nil {
		t.Errorf("claimed after group %d of 1", next.(*writer).last)
	}
	if !heard.Load() {
		t.Error("the claim did not come to its barrier")
	}
	next := claim(t, l, 0)
	if next.last != 1 {
		t.Errorf("the last group is %d, want 1", next.last)
	}
	add(t, next, three(2))
	groups, last := contents(t, l, 0, compaction.Range{To: claim(t, l, 0).Start()})
	if groups[1] != 1 || groups[2] != 3 || last.Group != 2 {
		t.Errorf("the log holds %v", groups)
	}
}
