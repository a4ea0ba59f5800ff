package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// TestAppendToATopicThatIsNew: the first group that a producer writes to a topic is there when it
// was acknowledged. The client sends what has waited for a topic's partitions before it notes that
// it knows them; a commit in between found nothing to commit, aborted the transaction, and said it
// was well. Another record, which the client is still about to place, holds it there.
func TestAppendToATopicThatIsNew(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	held := &kgo.Record{Topic: open}
	place := func(string) func(r *kgo.Record, n int) int {
		return func(r *kgo.Record, _ int) int {
			if r == held {
				time.Sleep(300 * time.Millisecond)
				return -1 // it is refused
			}
			return int(r.Partition)
		}
	}
	p := w.ring[w.turn]
	p.cl.Close()
	var err error
	p.cl, err = kgo.NewClient(append(l.producerOptions(0, w.turn), kgo.WithHooks(p),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(place)))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.cl.ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := false
	c.ControlKey(kmsg.Metadata.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, topic := range req.(*kmsg.MetadataRequest).Topics {
			if !asked && topic.Topic != nil && *topic.Topic == open {
				asked = true
				p.cl.Produce(context.Background(), held, nil)
			}
		}
		return nil, nil, false
	})
	add(t, w, compaction.Group{Number: 1, Time: time.Unix(1, 0),
		Records: []compaction.Record{rec(open, "a", "1")}})
	c.DropControl()
	if !asked {
		t.Error("nothing was held")
	}
	groups, last := contents(t, l, 0, compaction.Range{To: claim(t, l, 0).Start()})
	if groups[1] != 1 || last.Group != 1 {
		t.Errorf("of the group that was acknowledged there are %d records, and the last group is %d",
			groups[1], last.Group)
	}
}
