package gatewaytest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// A Subject is a gateway to be tried, with what the suite needs to know of it and to do to its
// provider. What it leaves out is not tried.
type Subject struct {
	Gateway  gateways.Gateway
	Currency string // ISO 4217
	Succeeds string // a method that succeeds
	Declines string // a method that is declined
	Acts     string // a method that wants the customer to act

	// Silence makes the provider do what it is asked and not answer, until it is called with false.
	Silence func(silent bool)
	// PayOut makes the provider pay out now, and returns the payouts' ids.
	PayOut func(t *testing.T) []string
	// Dispute makes a customer dispute a payment, and returns the dispute's id.
	Dispute func(t *testing.T, gatewayPayment string) string
	// Sign returns the headers of a webhook of the provider that was sent at a time.
	Sign func(payload []byte, at time.Time) map[string]string
	// Event is a webhook's payload about a payment, and what it says.
	Event []byte
	Says  gateways.Event
	// Timeout bounds the calls of a test; a minute.
	Timeout time.Duration
}

var numbers atomic.Int64

// A trial is one test of a subject.
type trial struct {
	*testing.T
	Subject
	tenant string
}

// Run tries a gateway. open is called for each test with a provider that has nothing.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range []struct {
		name  string
		try   func(t trial)
		needs func(s Subject) bool
	}{
		{"Create", create, nil},
		{"CreateTwice", createTwice, nil},
		{"Absent", absent, nil},
		{"CancelNothing", cancelNothing, nil},
		{"Decline", decline, func(s Subject) bool { return s.Declines != "" }},
		{"Act", act, func(s Subject) bool { return s.Acts != "" }},
		{"Capture", capture, func(s Subject) bool { _, ok := s.Gateway.(gateways.Capturer); return ok }},
		{"Unknown", unknown, func(s Subject) bool { return s.Silence != nil }},
		{"UnknownRefund", unknownRefund, func(s Subject) bool { return s.Silence != nil }},
		{"Refund", refund, nil},
		{"RefundOver", refundOver, func(s Subject) bool {
			_, ok := s.Gateway.(gateways.RefundFinder)
			return ok
		}},
		{"Payout", payout, func(s Subject) bool { return s.PayOut != nil }},
		{"Dispute", dispute, func(s Subject) bool { return s.Dispute != nil }},
		{"Webhook", webhook, func(s Subject) bool { return s.Sign != nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			if s.Timeout == 0 {
				s.Timeout = time.Minute
			}
			if test.needs == nil || test.needs(s) {
				test.try(trial{t, s, "acme"})
			}
		})
	}
}

// order returns a new order of an amount.
func (t trial) order(minor int64, method string) payments.Order {
	c, err := money.ParseCurrency(t.Currency)
	if err != nil {
		t.Fatal(err)
	}
	return payments.Order{Payment: fmt.Sprintf("pay_%06d", numbers.Add(1)), Attempt: 1,
		Gateway: t.Gateway.Name(), Amount: money.New(minor, c), Method: method}
}

// call returns a call with a key, first used just now.
func (t trial) call(key string) gateways.Call {
	now := time.Now()
	return gateways.Call{Tenant: t.tenant, Key: key, At: now, Since: now}
}

// bounded returns a context as the worker gives one.
func (t trial) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), t.Timeout)
}

// created makes a payment and fails the test unless the gateway answers.
func (t trial) created(o payments.Order) payments.Fact {
	t.Helper()
	ctx, cancel := t.bounded()
	defer cancel()
	f, err := t.Gateway.Create(ctx, t.call(o.Payment+"-1"), o)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return f
}

// took checks that a fact says that the order's amount was captured.
func (t trial) took(f payments.Fact, o payments.Order) {
	t.Helper()
	if f.State != payments.Succeeded || f.Amount != o.Amount || f.Received != o.Amount ||
		f.GatewayID == "" || f.Gateway != t.Gateway.Name() || f.Observed.IsZero() {
		t.Errorf("the fact says %+v, want %v captured", f, o.Amount)
	}
}

// failed checks the class of an error.
func (t trial) failed(what string, err error, want gateways.Class) {
	t.Helper()
	if err == nil || gateways.ClassOf(err) != want {
		t.Errorf("%s: %v, want an error of class %v", what, err, want)
	}
}
