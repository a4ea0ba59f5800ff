package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// A simProvider takes payments by card, keeps the contract of gateways and counts what it charged.
// Some methods are declined, some calls fail before or after they did what was asked, and some take
// so long that nobody waits for them.
type simProvider struct {
	mu      sync.Mutex
	rng     *rand.Rand
	healed  bool // nothing goes wrong any more
	keys    map[string]payments.Fact
	intents map[string]*simIntent // by our id of the payment

	flying sync.WaitGroup // calls that have not arrived yet
}

// A simIntent is a payment as the provider has it.
type simIntent struct {
	tenant  string
	fact    payments.Fact
	charges int // how often money was taken for it
	paidOut bool
}

func newSimProvider(rng *rand.Rand) *simProvider {
	return &simProvider{rng: rng, keys: map[string]payments.Fact{},
		intents: map[string]*simIntent{}}
}

// charges returns how often a payment was charged.
func (p *simProvider) charges(payment string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.intents[payment]; i != nil {
		return i.charges
	}
	return 0
}

// heal has nothing go wrong from now on.
func (p *simProvider) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.healed = true
}

// chance reports whether something goes wrong that does in so many of a hundred cases.
func (p *simProvider) chance(percent int) bool { return !p.healed && p.rng.IntN(100) < percent }

// arrive takes a payment, or loses the connection and takes it a while later: who asks meanwhile
// is told that there is none.
func (p *simProvider) arrive(c gateways.Call, o payments.Order) (payments.Fact, error) {
	if !p.chance(10) {
		return p.create(c, o), nil
	}
	late := time.Duration(p.rng.IntN(60)) * time.Second
	p.flying.Go(func() {
		time.Sleep(late)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.create(c, o)
	})
	return payments.Fact{}, simFailure(gateways.Unknown)
}

// create takes a payment, once for each key.
func (p *simProvider) create(c gateways.Call, o payments.Order) payments.Fact {
	if f, known := p.keys[c.Key]; known {
		return f
	}
	i := p.intents[o.Payment]
	if i == nil {
		i = &simIntent{tenant: c.Tenant, fact: payments.Fact{Gateway: simCards,
			GatewayID: "gw_" + o.Payment, Amount: o.Amount}}
		p.intents[o.Payment] = i
	}
	if p.chance(12) {
		if i.charges == 0 {
			i.fact.State, i.fact.Code = payments.RequiresPaymentMethod, "card_declined"
		}
	} else {
		i.charges++
		i.fact.State, i.fact.Code, i.fact.Received = payments.Succeeded, "", o.Amount
		i.fact.Charge = "ch_" + c.Key
	}
	i.fact.Sequence++
	p.keys[c.Key] = i.fact
	return i.fact
}

// find returns how a payment stands.
func (p *simProvider) find(o payments.Order) (payments.Fact, error) {
	if i := p.intents[o.Payment]; i != nil {
		return i.fact, nil
	}
	return payments.Fact{}, simFailure(gateways.Absent)
}

// cancel ends a payment that holds no money.
func (p *simProvider) cancel(o payments.Order) (payments.Fact, error) {
	i := p.intents[o.Payment]
	if i == nil {
		return payments.Fact{}, simFailure(gateways.Absent)
	}
	if i.fact.State != payments.Succeeded {
		i.fact.State = payments.Canceled
		i.fact.Sequence++
	}
	return i.fact, nil
}

// payOut sends a tenant what was charged for it since the last time.
func (p *simProvider) payOut(tenant, id string, at time.Time) (
	f payments.PayoutFact, lines []payments.PayoutLine,
) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f = payments.PayoutFact{Gateway: simCards, GatewayID: id, State: payments.PayoutPaid,
		Arrival: at, Created: at, Observed: at}
	var sum int64
	for payment, i := range p.intents {
		if i.tenant != tenant || i.paidOut || i.fact.State != payments.Succeeded {
			continue
		}
		i.paidOut = true
		sum += i.fact.Received.Minor()
		lines = append(lines, payments.PayoutLine{ID: "txn_" + payment, Owner: tenant,
			Kind: payments.LinePayment, Payment: payment, GatewayPayment: i.fact.GatewayID,
			Source: i.fact.Charge, Gross: i.fact.Received, Fee: money.New(0, simEuro),
			Net: i.fact.Received, Created: at})
	}
	f.Amount = money.New(sum, simEuro)
	return f, lines
}

// simCards is the provider's name in records.
const simCards = "cards"

func simFailure(c gateways.Class) error { return &gateways.Error{Class: c, Gateway: simCards} }

// A simGateway is the provider as a process reaches it.
type simGateway struct {
	provider *simProvider
	process  *simProcess
}

// Name returns the provider's name.
func (simGateway) Name() string { return simCards }

// ask asks the provider, unless the network or the provider does not let it.
func (g simGateway) ask(ctx context.Context, c gateways.Call,
	f func() (payments.Fact, error)) (payments.Fact, error) {
	if err := g.cross(ctx); err != nil {
		return payments.Fact{}, err
	}
	p := g.provider
	p.mu.Lock()
	before, after, late := p.chance(8), p.chance(8), p.chance(4)
	fact, err := payments.Fact{}, simFailure(gateways.Unknown)
	if !before {
		fact, err = f()
	}
	p.mu.Unlock()
	if late {
		<-ctx.Done()
	}
	if err := errors.Join(g.cross(ctx), ctx.Err()); err != nil || after {
		return payments.Fact{}, simFailure(gateways.Unknown)
	}
	fact.Observed = c.At
	return fact, err
}

// cross waits for as long as the process stands still, and for ever while its wire is cut.
func (g simGateway) cross(ctx context.Context) error {
	w := g.process.wire
	w.stand()
	select {
	case <-g.process.killed:
		return simFailure(gateways.Unknown)
	default:
	}
	if w.severed() {
		<-ctx.Done()
		return simFailure(gateways.Unknown)
	}
	return nil
}

// Create takes a payment.
func (g simGateway) Create(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error,
) {
	if w := g.process.wrong; w != nil && w.calls != nil {
		c = w.calls(c)
	}
	f, err := g.ask(ctx, c, func() (payments.Fact, error) { return g.provider.arrive(c, o) })
	if w := g.process.wrong; w != nil && w.answers != nil {
		return w.answers(o, c, f, err)
	}
	return f, err
}

// Find returns how a payment stands.
func (g simGateway) Find(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error,
) {
	return g.ask(ctx, c, func() (payments.Fact, error) { return g.provider.find(o) })
}

// Cancel ends a payment.
func (g simGateway) Cancel(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error,
) {
	return g.ask(ctx, c, func() (payments.Fact, error) { return g.provider.cancel(o) })
}

// Refund is never asked for.
func (simGateway) Refund(context.Context, gateways.Call, payments.RefundOrder) (
	payments.RefundFact, error,
) {
	return payments.RefundFact{}, fmt.Errorf("no refund was asked for: %w",
		simFailure(gateways.Permanent))
}
