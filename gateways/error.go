package gateways

import (
	"errors"
	"time"
)

// A Class says what may be done after a failed call. A declined payment is no failure.
type Class uint8

// The classes of errors.
const (
	// Unknown is a call whose outcome nobody knows: it timed out, or the provider failed. The same
	// key may be sent again for as long as the provider remembers it; after that it is asked for.
	Unknown Class = iota + 1
	// Transient is a call that changed nothing, and may be made again: too many at a time, no
	// connection, a lock.
	Transient
	// Permanent is a call that changed nothing and never will: asking again gets the same answer.
	Permanent
	// Absent is asking for something that the provider does not have.
	Absent
)

var classNames = [...]string{"?", "unknown", "transient", "permanent", "absent"}

// String returns the class's name.
func (c Class) String() string {
	if int(c) >= len(classNames) {
		return classNames[0]
	}
	return classNames[c]
}

// An Error is a failed call of a gateway.
type Error struct {
	Class   Class
	Gateway string
	Code    string        // the gateway's word for why, from a closed list; never free text
	After   time.Duration // how long the gateway wants to be left alone; 0 says nothing
}

// Error names the gateway, the class and the code. It holds no secret and nothing personal.
func (e *Error) Error() string {
	text := e.Gateway + ": " + e.Class.String()
	if e.Code != "" {
		text += ": " + e.Code
	}
	return text
}

// ClassOf returns the class of err. What is no *Error is Unknown: the class that is safe, because
// nothing is assumed about what happened.
func ClassOf(err error) Class {
	var failed *Error
	if errors.As(err, &failed) && failed.Class != 0 {
		return failed.Class
	}
	return Unknown
}

// A SignatureError refuses a webhook that the gateway did not send, or not lately.
type SignatureError struct {
	Old bool // the signature is right and its time is not
}

// Error says which of the two.
func (e *SignatureError) Error() string {
	if e.Old {
		return "the webhook was signed too long ago"
	}
	return "the webhook's signature is not valid"
}

// A PayloadError refuses a webhook that is signed and cannot be read.
type PayloadError struct {
	Field string // what is missing or wrong
}

// Error names the field.
func (e *PayloadError) Error() string {
	return "the webhook cannot be read: " + e.Field + " is missing, or not what it must be"
}

// ErrNoGateway reports a gateway that is not configured.
var ErrNoGateway = errors.New("there is no such gateway")

// ErrNoWebhooks reports a gateway that sends no webhooks.
var ErrNoWebhooks = errors.New("this gateway sends no webhooks")

// ErrNoEffect reports an effect that is not in the outbox, or not dead.
var ErrNoEffect = errors.New("there is no such dead effect")

// ErrObsolete reports an effect that is no longer wanted. The worker ends it.
var ErrObsolete = errors.New("the effect is no longer wanted")
