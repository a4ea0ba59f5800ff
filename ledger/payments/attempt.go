package payments

import (
	"fmt"
	"time"
)

// An AttemptState is how one try of a payment at a gateway went.
type AttemptState uint8

// The states of an attempt.
const (
	AttemptBegun     AttemptState = iota + 1 // may have reached the gateway
	AttemptPending                           // the gateway has it and has not decided
	AttemptUnknown                           // no answer says what happened: it must be asked for
	AttemptSucceeded                         // took or authorised the money
	AttemptDeclined                          // was declined
	AttemptFailed                            // never happened at the gateway
	attemptEnd
)

var attemptNames = [...]string{"?", "begun", "pending", "unknown", "succeeded", "declined",
	"failed"}

// String returns the state's name.
func (s AttemptState) String() string { return nameOf(attemptNames[:], s) }

// Ended reports whether the outcome is known and final.
func (s AttemptState) Ended() bool { return s >= AttemptSucceeded && s < attemptEnd }

// An Attempt is one try of a payment at a gateway. A gateway may be called several times for it,
// always with the same key; another try is another attempt.
type Attempt struct {
	Tenant  string
	Payment string
	Number  int    // from 1
	Effect  string // the outbox effect's id, which is also the key given to the gateway
	Gateway string
	Method  string
	State   AttemptState
	Code    string // why it was declined
	Calls   int    // how often the gateway was called
	Began   time.Time
	Ended   time.Time // zero until the outcome is known
}

// Begin returns the attempt with another call to the gateway about to happen.
func (a Attempt) Begin(at time.Time) Attempt {
	if a.Calls == 0 {
		a.Began = at
	}
	a.Calls++
	if !a.State.Ended() && a.State != AttemptPending {
		a.State = AttemptBegun
	}
	return a
}

// Outcome returns the attempt as what became known leaves it. An outcome is never changed: after
// it, and for a state of before the call, a comes back as it is.
func (a Attempt) Outcome(s AttemptState, code string, at time.Time) Attempt {
	if a.State.Ended() || s == AttemptBegun {
		return a
	}
	a.State, a.Code = s, code
	if s.Ended() {
		a.Ended = at
	}
	return a
}

// AttemptOf returns how an attempt went that left its payment as the fact says.
func AttemptOf(f Fact) AttemptState {
	switch f.State {
	case Succeeded, RequiresCapture:
		return AttemptSucceeded
	case RequiresPaymentMethod:
		return AttemptDeclined
	case Canceled:
		return AttemptFailed
	default:
		return AttemptPending
	}
}

// attemptNumber is a number in keys: sorted as text it is sorted as a number.
func attemptNumber(n int) string { return fmt.Sprintf("%06d", n) }
