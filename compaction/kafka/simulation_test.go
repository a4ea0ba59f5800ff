package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// bubble runs a test with brokers and a log in virtual time, which passes only while everybody
// waits for it: what takes any time at all has waited for a timer.
func bubble(t *testing.T, f func(t *testing.T, c *kfake.Cluster, l *Log)) {
	synctest.Test(t, func(t *testing.T) {
		var network kfake.VirtualNetwork
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092),
			kfake.ListenFn(network.Listen))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		o := suiteOptions(c.ListenAddrs(), "")
		o.Dial = network.DialContext
		l, err := Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		f(t, c, l)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAppendTime: an append that nothing stands in the way of waits for no timer. kgo would linger
// for 10 ms.
func TestAppendTime(t *testing.T) {
	bubble(t, func(t *testing.T, _ *kfake.Cluster, l *Log) {
		w := claim(t, l, 0)
		add(t, w, three(1), three(2), three(3))
		began := time.Now()
		for n := range uint64(100) {
			add(t, w, three(n+4))
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("100 appends waited %v", took)
		}
	})
}

// TestAppendCause: where the brokers go on refusing a record, the error says why, and not only that
// they did not take it in time: an operator can mend too few replicas, once he knows of them.
func TestAppendCause(t *testing.T) {
	bubble(t, func(t *testing.T, c *kfake.Cluster, l *Log) {
		w := claim(t, l, 0)
		f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: journal,
			Err: kerr.NotEnoughReplicas, Count: -1})
		_, err := w.Append(t.Context(), three(1))
		if !errors.Is(err, compaction.ErrNotCommitted) || !errors.Is(err, kerr.NotEnoughReplicas) {
			t.Errorf("%v, want the cause", err)
		}
		f.Remove()
		add(t, w, three(1))
	})
}

// TestConcurrentTime: a broker that is not done with a producer's last transaction makes an append
// or a claim wait a few milliseconds. With kgo's own settings it was 5 s for a produce request, and
// 20 ms and more for the others.
func TestConcurrentTime(t *testing.T) {
	for _, test := range []struct {
		key   kmsg.Key
		limit time.Duration
	}{
		{kmsg.Produce, 50 * time.Millisecond},
		{kmsg.EndTxn, 6 * time.Millisecond},
		{kmsg.InitProducerID, 15 * time.Millisecond}, // with a question for metadata now and then
	} {
		t.Run(test.key.Name(), func(t *testing.T) {
			bubble(t, func(t *testing.T, c *kfake.Cluster, l *Log) {
				w := claim(t, l, 0)
				add(t, w, three(1), three(2), three(3))
				hits := c.Fault(kfake.Fault{Keys: []kmsg.Key{test.key},
					Err: kerr.ConcurrentTransactions})
				began := time.Now()
				if test.key == kmsg.InitProducerID {
					claim(t, l, 0)
				} else {
					add(t, w, three(4))
				}
				if took := time.Since(began); took > test.limit || hits.Hits() == 0 {
					t.Errorf("waited %v, want at most %v (refused: %d)", took, test.limit, hits.Hits())
				}
			})
		})
	}
}

// TestClaimOrder: a claim initialises every id of the ring, the first one first, and then writes
// one transaction through that first one, to every topic. The model of the claim says what else
// goes wrong.
func TestClaimOrder(t *testing.T) {
	bubble(t, func(t *testing.T, c *kfake.Cluster, l *Log) {
		var heard []string
		topics := map[kmsg.Key]int{}
		c.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			switch r := req.(type) {
			case *kmsg.InitProducerIDRequest:
				heard = append(heard, "init "+*r.TransactionalID)
			case *kmsg.ProduceRequest:
				if topics[kmsg.Produce] == 0 {
					heard = append(heard, "produce "+*r.TransactionID)
				}
				topics[kmsg.Produce] += len(r.Topics)
			case *kmsg.EndTxnRequest:
				heard = append(heard, fmt.Sprintf("end %s %t", r.TransactionalID, r.Commit))
			}
			return nil, nil, false
		})
		claim(t, l, 1)
		c.DropControl()
		want := []string{
			"init quittance-shard-1-0", "init quittance-shard-1-1", "init quittance-shard-1-2",
			"produce quittance-shard-1-0", "end quittance-shard-1-0 true",
		}
		if !slices.Equal(heard, want) || topics[kmsg.Produce] != len(l.names) {
			t.Errorf("heard %q to %d topics, want %q to %d",
				heard, topics[kmsg.Produce], want, len(l.names))
		}
	})
}

// TestDeadOwnerTime: what an owner left open when it died keeps readers from what follows until the
// brokers end it, and no longer than the transaction may take. kgo would let it take 40 s.
func TestDeadOwnerTime(t *testing.T) {
	bubble(t, func(t *testing.T, _ *kfake.Cluster, l *Log) {
		dead, alive := claim(t, l, 0), claim(t, l, 1)
		p := dead.ring[1].cl
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		r := l.record(0, open, []byte("k"), []byte("left"), header{recordKind, 1, 1, 1, 1}.append(nil))
		p.Produce(context.Background(), r, nil)
		if err := p.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		add(t, alive, three(1)) // another shard is not concerned
		before, err := l.End(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(transactionTimeout + time.Second)
		after, err := l.End(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if before.Of(open) != r.Offset || after.Of(open) <= r.Offset {
			t.Errorf("the end was %d and is %d, behind %d at last", before.Of(open), after.Of(open),
				r.Offset)
		}
		got, _ := contents(t, l, 0, compaction.Range{To: after})
		if len(got) != 0 {
			t.Errorf("what was never committed is read: %v", got)
		}
	})
}
