package quoting

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

// An engine runs commands of this package for tests, at a time that the test sets.
type engine struct {
	t      testing.TB
	shards *compaction.Shards
	clock  *atomic.Int64
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// start runs an engine in which the tenant acme has the customers ann and bob.
func start(t testing.TB) *engine {
	t.Helper()
	e := &engine{t: t, clock: new(atomic.Int64)}
	e.clock.Store(noon.UnixNano())
	e.shards = compactiontest.StartAt(t, t.TempDir(), e.now, Tables()...)
	e.ok(func(tx *compaction.Tx) error {
		if _, err := CreateTenant(
			tx,
			Tenant{ID: "acme", Name: "Acme", TimeZone: "America/New_York"},
		); err != nil {
			return err
		}
		for _, id := range []string{"cus_ann", "cus_bob"} {
			if _, err := CreateCustomer(
				tx,
				Customer{Tenant: "acme", ID: id, Name: id},
			); err != nil {
				return err
			}
		}
		return nil
	})
	return e
}

func (e *engine) now() time.Time { return time.Unix(0, e.clock.Load()).UTC() }

// set moves the clock and wakes the owner of the shard.
func (e *engine) set(at time.Time) {
	e.clock.Store(at.UnixNano())
	e.ok(func(*compaction.Tx) error { return nil })
}

// do runs a command of acme.
func (e *engine) do(f func(tx *compaction.Tx) error) error {
	_, err := e.shards.Do(context.Background(), compaction.Command{
		Tenant: "acme",
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) { return compaction.Answer{}, f(tx) },
	})
	return err
}

// ok runs a command that must succeed.
func (e *engine) ok(f func(tx *compaction.Tx) error) {
	e.t.Helper()
	if err := e.do(f); err != nil {
		e.t.Fatal(err)
	}
}

// made runs a command that must succeed, and returns what it made.
func made[T any](e *engine, f func(tx *compaction.Tx) (T, error)) (v T) {
	e.t.Helper()
	e.ok(func(tx *compaction.Tx) (err error) { v, err = f(tx); return err })
	return v
}

// refused runs a command that must fail with an error of type E, and returns that.
func refused[E error, T any](e *engine, f func(tx *compaction.Tx) (T, error)) (refusal E) {
	e.t.Helper()
	err := e.do(func(tx *compaction.Tx) error { _, err := f(tx); return err })
	if !errors.As(err, &refusal) {
		e.t.Errorf("got %v, want a %T", err, refusal)
	}
	return refusal
}

// read returns what is committed of acme.
func read[T any](e *engine, f func(s compaction.State) (T, error)) (v T) {
	e.t.Helper()
	if err := e.shards.Read(
		"acme",
		func(s *compaction.View) (err error) { v, err = f(s); return err },
	); err != nil {
		e.t.Fatal(err)
	}
	return v
}

// eventually waits until what the owner does by itself is done.
func (e *engine) eventually(what string, done func() bool) {
	e.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(
		5 * time.Millisecond) {
		if done() {
			return
		}
		e.ok(func(*compaction.Tx) error { return nil })
	}
	e.t.Fatalf("%s: waited in vain", what)
}

// quoted returns the draft of 100.00 of labour and 50.00 of material.
func quoted(t testing.TB) Draft {
	labour, material := line(t, "2", "50", "25"), line(t, "5", "10", "6")
	labour.Kind, material.Kind = Labour, Material
	return Draft{
		Document: Document{Currency: eur, Lines: []Line{labour, material}},
		Terms:    "As usual.",
	}
}

// issued makes and issues a quote for a customer.
func (e *engine) issued(id, customer string) Quote {
	e.t.Helper()
	made(
		e,
		func(tx *compaction.Tx) (Quote, error) {
			return CreateQuote(tx, "acme", id, customer, quoted(e.t))
		},
	)
	return made(e, func(tx *compaction.Tx) (Quote, error) { return IssueQuote(tx, "acme", id) })
}

var ann = Answer{Who: "Ann", Channel: ByLink}

// accept accepts what a quote offers.
func accept(q Quote, codes ...string) func(tx *compaction.Tx) (Quote, error) {
	return func(tx *compaction.Tx) (Quote, error) {
		return AcceptQuote(tx, q.Tenant, q.ID, ann, q.Last().Hash, codes)
	}
}

// promote creates a promotion with codes.
func (e *engine) promote(p Promotion, codes ...string) Promotion {
	e.t.Helper()
	p.Tenant, p.Name = "acme", p.ID
	if p.Funding == 0 {
		p.Funding = Tradesperson
	}
	p = made(e, func(tx *compaction.Tx) (Promotion, error) { return CreatePromotion(tx, p) })
	for _, c := range codes {
		made(e, func(tx *compaction.Tx) (Code, error) { return AddCode(tx, "acme", p.ID, c) })
	}
	return p
}

// usage returns how often a promotion is reserved and redeemed.
func (e *engine) usage(promotion, customer string) [2]uint64 {
	e.t.Helper()
	u := read(
		e,
		func(s compaction.State) (Usage, error) { return UsageOf(s, "acme", promotion, customer) },
	)
	return [2]uint64{u.Reserved, u.Redeemed}
}
