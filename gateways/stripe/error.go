package stripe

import (
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/quittance/quittance/gateways"
)

// changed classes the error of a request that may have changed something.
func changed(err error) error { return classed(err, gateways.Permanent) }

// asked classes the error of a request that only asks.
func asked(err error) error { return classed(err, gateways.Absent) }

// classed returns an error of class and code only: the texts of libraries and gateways may hold
// anything. missing is what 404 means.
func classed(err error, missing gateways.Class) error {
	out := &gateways.Error{Class: gateways.Unknown, Gateway: Name}
	var failed *stripego.Error
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial":
		out.Class, out.Code = gateways.Transient, "no_connection"
		return out
	case !errors.As(err, &failed):
		out.Code = "no_answer"
		return out
	}
	out.Code = word(string(failed.Code))
	if out.Code == "" {
		out.Code = word(string(failed.Type))
	}
	switch code := failed.HTTPStatusCode; {
	case failed.Type == stripego.ErrorTypeIdempotency && code == http.StatusBadRequest:
		// The key was used for another request, so something was done with it.
	case code == http.StatusNotFound:
		out.Class = missing
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		// The operator can mend it, and until then nothing is done.
		out.Class, out.After = gateways.Transient, time.Minute
	case code == http.StatusConflict || code == http.StatusTooManyRequests:
		out.Class, out.After = gateways.Transient, time.Second
	case code >= 400 && code < 500:
		out.Class = gateways.Permanent
	}
	return out
}

// status returns the status of an answer that was an error, 0 if there was none.
func status(err error) int {
	var failed *stripego.Error
	if errors.As(err, &failed) {
		return failed.HTTPStatusCode
	}
	return 0
}

// senseless is an answer that cannot be. What was done is not known from it.
func senseless(field string) error {
	return &gateways.Error{Class: gateways.Unknown, Gateway: Name, Code: "answer_" + field}
}

var words = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// word returns a code of Stripe's if it is one, so that no free text gets into records.
func word(code string) string {
	if code == "" || words.MatchString(code) {
		return code
	}
	return "other"
}

// quoted escapes a text for a search query.
func quoted(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}
