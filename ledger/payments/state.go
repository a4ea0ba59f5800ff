package payments

import "fmt"

// A State is where a payment stands. The zero State is not set.
type State uint8

// The states of a payment.
const (
	RequiresPaymentMethod State = iota + 1 // no method was given, or it was declined
	RequiresAction                         // the customer must act
	Processing                             // an attempt is under way
	RequiresCapture                        // authorised; no money has moved
	Succeeded                              // captured
	Settled                                // seen at the bank
	Canceled                               // ended before any money moved
	Expired                                // given up by the clock
	Conflicted                             // the gateway says something else; a person must look
	stateEnd
)

var stateNames = [...]string{"?", "requires_payment_method", "requires_action", "processing",
	"requires_capture", "succeeded", "settled", "canceled", "expired", "conflicted"}

// String returns Stripe's word for s where it has one.
func (s State) String() string { return nameOf(stateNames[:], s) }

// Open reports whether a payment in s may still take money.
func (s State) Open() bool { return s >= RequiresPaymentMethod && s <= RequiresCapture }

// An Event is what happened to a payment.
type Event uint8

// The events of a payment.
const (
	Decline   Event = iota + 1 // an attempt was declined
	Act                        // the gateway wants the customer to act
	Process                    // an attempt began, or the gateway is working on it
	Authorize                  // the amount is reserved
	Succeed                    // the money was captured
	Settle                     // the money was seen at the bank
	Reopen                     // a refund, dispute or late fact came after settlement
	Cancel                     // the gateway or a person canceled it
	Expire                     // its time was over
	Conflict                   // the gateway echoed something else
	Resolve                    // a person accepted what the gateway holds
	eventEnd
)

var eventNames = [...]string{"?", "decline", "act", "process", "authorize", "succeed", "settle",
	"reopen", "cancel", "expire", "conflict", "resolve"}

// String returns the event's name.
func (e Event) String() string { return nameOf(eventNames[:], e) }

// A MoveError reports an event that the state of a payment, refund, dispute or payout does not
// allow.
type MoveError struct {
	Subject string // "payment", "refund", "dispute", "payout"
	From    string // the state's name
	On      string // the event's name
}

// Error names the state and the event.
func (e *MoveError) Error() string {
	return fmt.Sprintf("the %s is %s: cannot %s", e.Subject, e.From, e.On)
}

func nameOf[T ~uint8](names []string, v T) string {
	if int(v) >= len(names) {
		return names[0]
	}
	return names[v]
}
