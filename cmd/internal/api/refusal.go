package api

import (
	"errors"
	"strconv"
	"strings"
)

// Refusals of the door: everything that is wrong with a request before a domain is asked.
var (
	errNoKey = errors.New("this needs an API key: send it as \"Authorization: Bearer qk_...\"")
	errKey   = errors.New("the API key or link is not valid: it is unknown, revoked or has expired")
	errKeys  = errors.New("there is more than one Authorization header: send one")
	errRoute = errors.New("there is nothing at this address: the API's reference is at /reference")
	// errNotFound is also the answer for what another tenant has.
	errNotFound = errors.New("there is no such record, or it is not yours")
	errEnded    = errors.New("it is settled: its final record can be read, and nothing done to it")
	errGateway  = errors.New("there is no such gateway here: webhooks are taken for those that the " +
		"server was started with")
	errTenant  = errors.New("there is no such tenant")
	errRepeats = errors.New("there is more than one Idempotency-Key: send one")
	errCursor  = errors.New("the cursor is not one that a page of this list gave: start again " +
		"without it")
	errBody      = errors.New("the body could not be read: it broke off or took too long")
	errPeriod    = errors.New("a period ends after it begins")
	errKeepEmpty = errors.New("this takes no body, or an empty object")
)

// A roleError refuses a caller whose role is not among those that may.
type roleError struct{ need roles }

// Error names the roles that may.
func (e *roleError) Error() string {
	return "this needs a key of the role " + strings.Join(e.need.names(), " or ")
}

// A methodError refuses a method that the address does not have.
type methodError struct{ method string }

// Error names the method.
func (e *methodError) Error() string { return "this address has no " + e.method }

// A sizeError refuses a body that is too large.
type sizeError struct{ limit int64 }

// Error says how large a body may be.
func (e *sizeError) Error() string {
	return "a body may have up to " + strconv.FormatInt(e.limit, 10) + " bytes here"
}

// A mediaTypeError refuses a body that is not declared to be what the address takes.
type mediaTypeError struct{ want string }

// Error says what the body must be.
func (e *mediaTypeError) Error() string {
	return "send the body as " + e.want + ", in UTF-8 and not compressed"
}

// A rateError refuses a caller who asks too often.
type rateError struct{ seconds int }

// Error says when to try again.
func (e *rateError) Error() string {
	return "too many requests with this key: wait " + strconv.Itoa(e.seconds) + " s"
}

// A validationError refuses fields that do not fit the API's description.
type validationError struct{ faults []FieldFault }

// Error tells of the first field.
func (e *validationError) Error() string {
	f := e.faults[0]
	if f.Field == "" {
		return "the request " + f.Detail
	}
	return f.Field + " " + f.Detail
}

// refuse returns a validationError about one field.
func refuse(field, rule, detail string) error {
	return &validationError{[]FieldFault{{field, rule, detail}}}
}
