package gateways_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// away is an engine whose shards hold one tenant's books; others are kept elsewhere.
type away struct {
	*compaction.Shards
	home string
}

func (a away) Do(ctx context.Context, c compaction.Command) (compaction.Answer, error) {
	if c.Tenant != a.home {
		return compaction.Answer{}, compaction.ErrNotServing
	}
	return a.Shards.Do(ctx, c)
}

// elsewhere keeps the other tenants' books. Every message goes as bytes, and the answer to the
// first of each kind is lost on its way back.
type elsewhere struct {
	engine *compaction.Shards

	mu   sync.Mutex
	told map[string]int // by kind
}

func (e *elsewhere) Tell(ctx context.Context, t gateways.Tell) (string, error) {
	b, err := t.Encode()
	if err != nil {
		return "", err
	}
	if t, err = gateways.DecodeTell(b); err != nil {
		return "", err
	}
	code, err := plainBooks().Take(ctx, e.engine, t)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.told[t.Kind]++; err == nil && e.told[t.Kind] == 1 {
		return "", compaction.ErrUnknownOutcome
	}
	return code, err
}

// TestTellElsewhere pays out to a tenant whose books another process keeps: its line is settled
// there once, though the first answer is lost, and the payout hears of it.
func TestTellElsewhere(t *testing.T) {
	w := newWorld(t)
	books, others := plainBooks(), &elsewhere{engine: w.shards, told: map[string]int{}}
	books.Elsewhere = others
	engine := away{w.shards, "platform"}
	w.pay("pay_1", "card")
	stop := w.start(w.options())
	w.untilDone("pay_1-1")
	w.pay("pay_2", "card")
	w.untilDone("pay_2-1")
	stop()
	o := w.options()
	o.Engine = engine
	o.Handlers = books.Handlers(engine, map[string]gateways.Gateway{"scripted": payer{w.gateway}})
	w.start(o)
	w.do("platform", func(tx *compaction.Tx) error {
		q := payments.Query{Gateway: "scripted", GatewayID: "po_1"}
		e, err := q.Effect(payments.EffectPayoutFetch, "platform", "scripted-evt_9")
		if err != nil {
			return err
		}
		return compaction.Emit(tx, e)
	})
	w.until("the payout is reconciled", func() bool {
		var p payments.Payout
		err := w.shards.Read("platform", func(v *compaction.View) (err error) {
			p, _, err = payments.Payouts.Get(v, "platform/po_1")
			return err
		})
		return err == nil && p.Reconciled()
	})
	others.mu.Lock()
	defer others.mu.Unlock()
	if n := others.told[payments.EffectPayoutLine]; n < 3 {
		t.Errorf("told %d times: two lines, of which one had to be told again", n)
	}
}

// TestTake refuses messages that cannot be read, and those that are about another tenant than they
// are sent to.
func TestTake(t *testing.T) {
	w := newWorld(t)
	p := payments.Payout{ID: "po_1", Tenant: "platform", Gateway: "scripted"}
	e, err := p.LineEffect(payments.PayoutLine{ID: "l1", Owner: "acme", Gross: euros(10),
		Fee: euros(1), Net: euros(9)})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]gateways.Tell{
		"no kind":        {Tenant: "acme"},
		"another tenant": {Tenant: "bolt", Kind: e.Kind, Payload: e.Payload},
		"line":           {Tenant: "acme", Kind: e.Kind, Payload: []byte{0xff}},
		"dispute":        {Tenant: "acme", Kind: payments.EffectDisputeFind, Payload: []byte{0xff}},
	} {
		_, err := plainBooks().Take(t.Context(), w.shards, m)
		if !errors.Is(err, gateways.ErrTell) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := gateways.DecodeTell([]byte{0xff}); err == nil {
		t.Error("a message of nothing is read")
	}
}

// lost is an engine that loses acme's shard to another process in the middle of a call.
type lost struct {
	*compaction.Shards
	gone *atomic.Bool
}

func (l lost) Do(ctx context.Context, c compaction.Command) (compaction.Answer, error) {
	if c.Tenant == "acme" && l.gone.Load() {
		return compaction.Answer{}, compaction.ErrNotServing
	}
	return l.Shards.Do(ctx, c)
}

func (l lost) Owned(shard int) bool {
	return shard != compaction.ShardOf("acme", l.Count()) || !l.gone.Load()
}

// TestWorkerLosesShard leaves the outcome of a call to the shard's new owner, who asks for it, and
// goes on with the shards that are left: an effect that went away keeps no place.
func TestWorkerLosesShard(t *testing.T) {
	w := newWorld(t)
	engine := lost{w.shards, &atomic.Bool{}}
	o := w.options()
	o.Engine, o.Concurrency = engine, 1
	calls := make(chan string, 2)
	o.Handlers = map[string]gateways.Handler{payments.EffectCreate: handler(
		func(_ context.Context, e compaction.Effect, _ gateways.Call) (gateways.Outcome, error) {
			engine.gone.Store(true)
			calls <- e.Tenant
			return gateways.Nothing, nil
		})}
	w.pay("pay_1", "card")
	w.start(o)
	if got := <-calls; got != "acme" {
		t.Fatal(got)
	}
	w.do("bolt", func(tx *compaction.Tx) error {
		return compaction.Emit(tx, compaction.Effect{Tenant: "bolt", ID: "e1", Aggregate: "a",
			Kind: payments.EffectCreate})
	})
	select {
	case got := <-calls:
		if got != "bolt" {
			t.Error(got)
		}
	case <-time.After(time.Minute):
		t.Fatal("the worker holds on to an effect that went away")
	}
	w.start(w.options()) // the new owner
	w.untilDone("pay_1-1")
}

// A handler is a function that performs effects.
type handler func(context.Context, compaction.Effect, gateways.Call) (gateways.Outcome, error)

func (h handler) Perform(ctx context.Context, e compaction.Effect, c gateways.Call) (
	gateways.Outcome, error) {
	return h(ctx, e, c)
}
