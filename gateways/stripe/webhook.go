package stripe

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/quittance/quittance/gateways"
)

// tolerance is how far the time of a webhook's signature may be from ours, as Stripe advises.
const tolerance = 5 * time.Minute

// Verify checks the Stripe-Signature of a webhook and returns its event. Objects are read by what
// all versions of Stripe's API have in common: what happened is asked for.
func (g *Gateway) Verify(payload []byte, header func(name string) string, at time.Time) (
	gateways.Event, error) {
	signature := header("Stripe-Signature")
	if g.secret == "" {
		return gateways.Event{}, &gateways.SignatureError{}
	}
	e, err := webhook.ConstructEventWithOptions(payload, signature, g.secret,
		webhook.ConstructEventOptions{IgnoreTolerance: true, IgnoreAPIVersionMismatch: true})
	for _, wrong := range []error{webhook.ErrInvalidHeader, webhook.ErrNoValidSignature,
		webhook.ErrNotSigned} {
		if errors.Is(err, wrong) {
			return gateways.Event{}, &gateways.SignatureError{}
		}
	}
	if off := at.Sub(signed(signature)).Abs(); off > tolerance {
		return gateways.Event{}, &gateways.SignatureError{Old: true}
	}
	if err != nil {
		return gateways.Event{}, &gateways.PayloadError{Field: "body"}
	}
	if e.ID == "" {
		return gateways.Event{}, &gateways.PayloadError{Field: "id"}
	}
	if e.Data == nil {
		return gateways.Event{}, &gateways.PayloadError{Field: "data"}
	}
	return event(e.ID, string(e.Type), e.Data.Raw)
}

// signed returns when a signature was made. The header was verified: it has a time.
func signed(header string) time.Time {
	for part := range strings.SplitSeq(header, ",") {
		if seconds, ok := strings.CutPrefix(part, "t="); ok {
			if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
				return time.Unix(n, 0)
			}
		}
	}
	return time.Time{}
}

// object is what the objects of events have in common.
type object struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Metadata      map[string]string `json:"metadata"`
	PaymentIntent reference         `json:"payment_intent"`
}

// A reference is the id of an object, which may be expanded.
type reference string

// UnmarshalJSON reads an id, an object with an id, or null.
func (r *reference) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var o struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(b, &o)
		*r = reference(o.ID)
		return err
	}
	return json.Unmarshal(b, (*string)(r))
}

func event(id, kind string, raw []byte) (gateways.Event, error) {
	e := gateways.Event{ID: id, Kind: kind}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return e, &gateways.PayloadError{Field: "data.object"}
	}
	e.GatewayID, e.GatewayPayment, e.Owner = o.ID, string(o.PaymentIntent), ownerOf(o.Metadata)
	switch {
	case o.Object == "payment_intent" && kind != "payment_intent.created":
		e.Object = gateways.ObjectPayment
	case o.Object == "charge" && kind == "charge.updated" && o.PaymentIntent != "":
		e.Object, e.GatewayID = gateways.ObjectPayment, string(o.PaymentIntent) // its fee is known
	case o.Object == "refund":
		e.Object = gateways.ObjectRefund
	case o.Object == "dispute":
		e.Object = gateways.ObjectDispute
	case o.Object == "payout":
		e.Object = gateways.ObjectPayout
	}
	return e, nil
}
