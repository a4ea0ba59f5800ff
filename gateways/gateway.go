package gateways

import (
	"context"
	"time"

	"github.com/quittance/quittance/ledger/payments"
)

// A Gateway takes payments through one provider. All methods may be called concurrently.
//
// Each method makes at most one attempt at each request it needs, within the deadline of its
// context, and answers with what the provider says, never with what was asked for: callers
// compare. A declined payment is a result, not an error. Every error is an *Error whose class says
// what the caller may do next; its text holds no secret and nothing personal.
//
// Create, Cancel and Refund change something. They hand Call.Key to the provider, so that the same
// call made again, within the time that the provider remembers keys, changes nothing again.
type Gateway interface {
	// Name is the name by which records call the gateway. It never changes.
	Name() string
	// Create makes an attempt to take the order's amount, or with CaptureManual to authorise it:
	// on the provider's payment when the order names it, else on a new one that carries the
	// call's tenant and the order's payment in its metadata.
	Create(ctx context.Context, c Call, o payments.Order) (payments.Fact, error)
	// Find asks where the payment stands: by the provider's id, else by what its metadata says.
	// A payment that the provider does not have is an error of class Absent.
	Find(ctx context.Context, c Call, o payments.Order) (payments.Fact, error)
	// Cancel ends a payment that holds no money. Where it cannot be ended the fact says how it
	// stands instead.
	Cancel(ctx context.Context, c Call, o payments.Order) (payments.Fact, error)
	// Refund gives money back.
	Refund(ctx context.Context, c Call, o payments.RefundOrder) (payments.RefundFact, error)
}

// A Capturer is a Gateway that can authorise first and capture later.
type Capturer interface {
	// Capture takes the order's amount of what is authorised, and releases the rest.
	Capture(ctx context.Context, c Call, o payments.Order) (payments.Fact, error)
}

// A RefundFinder is a Gateway whose refunds may be decided later than they are made.
type RefundFinder interface {
	// FindRefund asks where the refund stands: by the provider's id, else by what its metadata
	// says. A refund that the provider does not have is an error of class Absent.
	FindRefund(ctx context.Context, c Call, o payments.RefundOrder) (payments.RefundFact, error)
}

// A Disputer is a Gateway whose payments may be disputed.
type Disputer interface {
	// FindDispute asks where a dispute stands, and whose payment it disputes.
	FindDispute(ctx context.Context, c Call, id string) (payments.DisputeFact, Owner, error)
}

// A Payer is a Gateway that pays out to the bank.
type Payer interface {
	// FindPayout asks where a payout stands.
	FindPayout(ctx context.Context, c Call, id string) (payments.PayoutFact, error)
	// PayoutLines returns every movement that a payout is made of, in the order they happened.
	// What carries no tenant of ours is left to the call's tenant.
	PayoutLines(ctx context.Context, c Call, id string) ([]payments.PayoutLine, error)
}

// A Call is what every method needs beside what it is asked for.
type Call struct {
	Tenant string
	Key    string    // the key given to the provider; the effect's id
	At     time.Time // now, by the clock that facts are compared with
	Since  time.Time // when the key was first used; zero is never
}

// An Owner says whose an object of a gateway is, in our ids. Empty fields are not known.
type Owner struct {
	Tenant  string
	Payment string
	Refund  string
}

// A Verifier is a Gateway that sends webhooks.
type Verifier interface {
	// Verify checks who sent a webhook and when, and returns its event. header returns the value
	// of a header of the request. It fails with a *SignatureError for what the provider did not
	// send, or not lately, and with a *PayloadError for what cannot be read.
	Verify(payload []byte, header func(name string) string, at time.Time) (Event, error)
}

// An Event is a hint that something happened at a gateway. What happened is asked for: events
// arrive late, twice and in any order.
type Event struct {
	ID             string // the same each time the event is sent
	Kind           string // the gateway's word: "payment_intent.succeeded"
	Object         Object
	GatewayID      string // the gateway's id of the object
	GatewayPayment string // the gateway's id of the payment it belongs to, where the event says
	Owner          Owner  // as the object's metadata says
}

// An Object is the kind of thing that an event is about.
type Object uint8

// The objects of events. Events about anything else are answered and forgotten.
const (
	ObjectOther Object = iota
	ObjectPayment
	ObjectRefund
	ObjectDispute
	ObjectPayout
)
