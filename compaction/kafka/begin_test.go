package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// TestAppendBegins: beginning a transaction is given up as well when it takes too long. A producer
// whose transaction could only be aborted asks for a new epoch first, and the client goes on asking
// for as long as the coordinator has others under way.
func TestAppendBegins(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 0)
	c.ControlKey(kmsg.EndTxn.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.EndTxnResponse)
		resp.ErrorCode = kerr.TransactionAbortable.Code
		return resp, nil, true
	})
	refused(t, w, three(1), compaction.ErrNotCommitted)
	c.ControlKey(kmsg.InitProducerID.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = kerr.ConcurrentTransactions.Code
		return resp, nil, true
	})
	add(t, w, three(1), three(2)) // then it is that producer's turn
	w.within(func(p *patience) { p.produce = 100 * time.Millisecond })
	given := make(chan error, 1)
	go func() {
		_, err := w.Append(context.Background(), three(3))
		given <- err
	}()
	select {
	case err := <-given:
		if w.dead == nil {
			t.Errorf("it may be used again: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is waited for, for ever")
	}
}
