package gateways_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// scripted is a gateway that keeps the contract and does as its script says.
type scripted struct {
	mu      sync.Mutex
	held    map[string]payments.Fact // by our id
	keys    map[string]payments.Fact
	calls   []string                                    // "create pay_1", in order
	refunds map[string]payments.RefundFact              // by our id
	script  func(ctx context.Context, call string) step // what goes wrong; nil is nothing
}

// A step is what happens to a call: an error, before or after it did what was asked.
type step struct {
	before, after error
}

func failure(c gateways.Class) error { return &gateways.Error{Class: c, Gateway: "scripted"} }

func newScripted() *scripted {
	return &scripted{held: map[string]payments.Fact{}, keys: map[string]payments.Fact{},
		refunds: map[string]payments.RefundFact{}}
}

func (*scripted) Name() string { return "scripted" }

// step notes a call and returns what happens to it.
func (g *scripted) step(ctx context.Context, call string) step {
	g.mu.Lock()
	g.calls = append(g.calls, call)
	script := g.script
	g.mu.Unlock()
	if script == nil {
		return step{}
	}
	return script(ctx, call)
}

func (g *scripted) set(script func(ctx context.Context, call string) step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.script = script
}

func (g *scripted) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.calls...)
}

func (g *scripted) Create(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	s := g.step(ctx, "create "+o.Payment)
	if s.before != nil {
		return payments.Fact{}, s.before
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f, known := g.keys[c.Key]
	if !known {
		f = payments.Fact{Gateway: "scripted", GatewayID: "gw_" + o.Payment, Amount: o.Amount,
			State: payments.Succeeded, Received: o.Amount, Charge: "ch_" + c.Key}
		if o.Method != "card" {
			f.State, f.Received, f.Code = payments.RequiresPaymentMethod, money.Amount{}, "no"
		}
		if o.Method == "unauthenticated" {
			f.Charge = "" // nothing was tried
		}
		g.keys[c.Key], g.held[o.Payment] = f, f
	}
	f.Observed = c.At
	return f, s.after
}

func (g *scripted) Find(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	s := g.step(ctx, "find "+o.Payment)
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.held[o.Payment]
	if s.before != nil {
		return f, s.before
	}
	if !ok {
		return f, failure(gateways.Absent)
	}
	f.Observed = c.At
	return f, s.after
}

func (g *scripted) Cancel(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	g.step(ctx, "cancel "+o.Payment)
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.held[o.Payment]
	if !ok {
		return f, failure(gateways.Absent)
	}
	if f.State != payments.Succeeded {
		f.State = payments.Canceled
	}
	g.held[o.Payment] = f
	f.Observed = c.At
	return f, nil
}

func (g *scripted) Refund(ctx context.Context, c gateways.Call, o payments.RefundOrder) (
	payments.RefundFact, error) {
	s := g.step(ctx, "refund "+o.Refund)
	if s.before != nil {
		return payments.RefundFact{}, s.before
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.refunds[o.Refund]
	if !ok {
		f = payments.RefundFact{Gateway: "scripted", GatewayID: "rf_" + o.Refund,
			GatewayPayment: o.GatewayPayment, State: payments.RefundSucceeded, Amount: o.Amount}
		g.refunds[o.Refund] = f
	}
	f.Observed = c.At
	return f, s.after
}

// plainBooks apply facts to payments and post nothing: what a fact means in the books is not
// tried here.
func plainBooks() gateways.Books {
	return gateways.Books{
		ApplyPayment: func(tx *compaction.Tx, tenant, id string, f payments.Fact) error {
			p, ok, err := payments.Payments.Get(tx, compaction.Key(tenant, id))
			if err != nil || !ok {
				return err
			}
			p, c, err := p.Apply(f, tx.Now())
			if err == nil && (c.Result == payments.Applied || c.Result == payments.Contradict) {
				payments.Payments.Put(tx, compaction.Key(tenant, id), p)
			}
			return err
		},
		ApplyRefund: func(tx *compaction.Tx, tenant, id string, f payments.RefundFact) error {
			r, ok, err := payments.Refunds.Get(tx, compaction.Key(tenant, id))
			if err != nil || !ok {
				return err
			}
			p, _, err := payments.Payments.Get(tx, compaction.Key(tenant, r.Payment))
			if err != nil {
				return err
			}
			p, r, _, err = p.ApplyRefund(r, f, tx.Now())
			payments.Payments.Put(tx, compaction.Key(tenant, p.ID), p)
			payments.Refunds.Put(tx, compaction.Key(tenant, r.ID), r)
			return err
		},
		ApplyDispute: func(*compaction.Tx, string, string, payments.DisputeFact) error { return nil },
		ApplyPayout: func(tx *compaction.Tx, tenant string, f payments.PayoutFact,
			lines []payments.PayoutLine) error {
			p, _, err := payments.Payouts.Get(tx, compaction.Key(tenant, f.GatewayID))
			if err != nil {
				return err
			}
			if p.State == 0 {
				p.ID, p.Tenant = f.GatewayID, tenant
			}
			if p, _, err = p.Apply(f, tx.Now()); err != nil || p.Fetched {
				return err
			}
			p, lines, err = p.WithLines(lines, tx.Now())
			if err != nil {
				return err
			}
			payments.Payouts.Put(tx, compaction.Key(tenant, p.ID), p)
			for _, l := range lines {
				payments.PayoutLines.Put(tx, compaction.Key(tenant, p.ID, l.ID), l)
				e, err := p.LineEffect(l)
				if err != nil {
					return err
				}
				if err := compaction.Emit(tx, e); err != nil {
					return err
				}
			}
			return nil
		},
		ApplyPayoutLine: func(tx *compaction.Tx, n payments.LineNotice) (string, error) {
			key := compaction.Key(n.Line.Owner, n.Line.Payment)
			p, ok, err := payments.Payments.Get(tx, key)
			if err != nil {
				return "", err
			}
			if !ok {
				return "", errors.New("there is no such payment")
			}
			p.SettledBy = n.Line.ID
			payments.Payments.Put(tx, key, p)
			if n.Line.Gross != p.Amount {
				return "amount_mismatch", nil
			}
			return "", nil
		},
		AnswerPayoutLine: func(tx *compaction.Tx, l payments.PayoutLine, code string) error {
			key := compaction.Key(l.Tenant, l.Payout, l.ID)
			now, _, err := payments.PayoutLines.Get(tx, key)
			if err != nil {
				return err
			}
			p, _, err := payments.Payouts.Get(tx, compaction.Key(l.Tenant, l.Payout))
			if err != nil {
				return err
			}
			p, now = p.Answer(now, code, tx.Now())
			payments.PayoutLines.Put(tx, key, now)
			payments.Payouts.Put(tx, compaction.Key(l.Tenant, l.Payout), p)
			return nil
		},
	}
}

// A world is an engine, a gateway and a clock that can be put forward.
type world struct {
	*testing.T
	shards  *compaction.Shards
	gateway *scripted
	ahead   atomic.Int64
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, gateway: newScripted()}
	w.shards = compactiontest.StartAt(t, t.TempDir(), w.now,
		append(payments.Tables(), gateways.Tables()...)...)
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) forward(d time.Duration) { w.ahead.Add(int64(d)) }

// options are those of a worker that is quick, and does not give up: what waits for something that
// the test does next is tried a hundred times in a second.
func (w *world) options() gateways.Options {
	set := map[string]gateways.Gateway{"scripted": w.gateway}
	return gateways.Options{Engine: w.shards, Handlers: plainBooks().Handlers(w.shards, set),
		Clock: w.now, Poll: 5 * time.Millisecond, First: time.Millisecond,
		Longest: 5 * time.Millisecond, Timeout: time.Minute, Limit: 1_000_000}
}

// start runs a worker and returns how to stop it; it is stopped when the test ends.
func (w *world) start(o gateways.Options) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- gateways.NewWorker(o).Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	})
	w.Cleanup(stop)
	return stop
}

func (w *world) do(tenant string, decide func(tx *compaction.Tx) error) {
	w.Helper()
	_, err := w.shards.Do(context.Background(), compaction.Command{Tenant: tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, decide(tx)
		}})
	if err != nil {
		w.Fatal(err)
	}
}

// pay creates a payment of ten euros and wants it to be attempted.
func (w *world) pay(id, method string) {
	w.Helper()
	w.do("acme", func(tx *compaction.Tx) error {
		gateway := "scripted"
		if strings.HasPrefix(method, "pm_") {
			gateway = "stripe"
		}
		p, err := payments.New(payments.Payment{ID: id, Tenant: "acme", Gateway: gateway,
			Method: method, Amount: money.New(1000, money.MustParseCurrency("EUR"))}, tx.Now())
		if err != nil {
			return err
		}
		payments.Payments.Put(tx, compaction.Key("acme", id), p)
		e, err := p.CreateEffect("")
		if err != nil {
			return err
		}
		return compaction.Emit(tx, e)
	})
}

func (w *world) payment(id string) (p payments.Payment) {
	w.Helper()
	w.read(func(v *compaction.View) (err error) {
		p, _, err = payments.Payments.Get(v, compaction.Key("acme", id))
		return err
	})
	return p
}

func (w *world) attempt(id string, n int) (a payments.Attempt) {
	w.Helper()
	w.read(func(v *compaction.View) (err error) {
		a, _, err = payments.Attempts.Get(v, payments.AttemptKey("acme", id, n))
		return err
	})
	return a
}

// effect returns the effect of an id and whether it is in the outbox.
func (w *world) effect(id string) (e compaction.Effect, ok bool) {
	w.Helper()
	w.read(func(v *compaction.View) (err error) {
		e, ok, err = compaction.Outbox.Get(v, compaction.Key("acme", id))
		return err
	})
	return e, ok
}

func (w *world) read(f func(v *compaction.View) error) {
	w.Helper()
	if err := w.shards.Read("acme", f); err != nil {
		w.Fatal(err)
	}
}

// until waits for something to be so.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	for end := time.Now().Add(2 * time.Minute); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("waited in vain until %s; calls %v", what, w.gateway.seen())
		}
	}
}

func (w *world) untilDone(id string) {
	w.Helper()
	w.until(id+" is done", func() bool { _, ok := w.effect(id); return !ok })
}
