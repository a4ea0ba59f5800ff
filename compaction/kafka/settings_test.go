package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestSettings: what a cluster hears of the settings on which it depends that nothing is lost:
// everything is acknowledged by all replicas, transactions of the dead end soon, and only what is
// committed is asked for.
func TestSettings(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	heard := map[string]bool{}
	c.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		switch r := req.(type) {
		case *kmsg.InitProducerIDRequest:
			heard["init"] = true
			if r.TransactionTimeoutMillis != int32(transactionTimeout.Milliseconds()) {
				t.Errorf("transactions may take %d ms", r.TransactionTimeoutMillis)
			}
		case *kmsg.ProduceRequest:
			heard["produce"] = true
			if r.Acks != -1 || r.TransactionID == nil {
				t.Errorf("produced with acks %d in %v", r.Acks, r.TransactionID)
			}
		case *kmsg.FetchRequest:
			heard["fetch"] = true
			if r.IsolationLevel != 1 || r.Version < 13 {
				t.Errorf("fetched with isolation %d by version %d", r.IsolationLevel, r.Version)
			}
		}
		return nil, nil, false
	})
	w := claim(t, l, 2)
	add(t, w, three(1))
	contents(t, l, 2, compaction.Range{To: w.ends})
	c.DropControl()
	if len(heard) != 3 {
		t.Errorf("only %v was heard", heard)
	}
}

// TestReadOpenBroker is TestReadOpen where the markers of a transaction come to each topic in their
// own time.
func TestReadOpenBroker(t *testing.T) { readOpen(t, kafkatest.Shared(t).Addrs(), 304) }
