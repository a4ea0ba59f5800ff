package gateways

import (
	"context"
	"errors"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
)

// codeLost is why an attempt failed that never reached the gateway.
const codeLost = "not_received"

// paymentHandler performs payment.create, payment.capture and payment.cancel.
type paymentHandler struct {
	books Books
	set   map[string]Gateway
}

// Begin makes the attempt of a payment known before the gateway is called. A payment that is no
// longer open has no use for another attempt, nor for a cancellation once it holds money.
func (h paymentHandler) Begin(tx *compaction.Tx, e compaction.Effect) error {
	o, err := payments.DecodeOrder(e.Payload)
	if err != nil || e.Kind != payments.EffectCreate {
		return err
	}
	key := compaction.Key(e.Tenant, o.Payment)
	p, ok, err := payments.Payments.Get(tx, key)
	if err != nil {
		return err
	}
	a, known, err := payments.Attempts.Get(tx, attemptKey(e, o))
	switch {
	case err != nil:
		return err
	case !ok || a.State.Ended():
		return ErrObsolete
	case !known:
		if p, err = p.Move(payments.Process, tx.Now()); err != nil {
			return ErrObsolete
		}
		payments.Payments.Put(tx, key, p)
		a = payments.Attempt{Tenant: e.Tenant, Payment: o.Payment, Number: o.Attempt,
			Effect: e.ID, Gateway: o.Gateway, Method: o.Method}
	}
	payments.Attempts.Put(tx, attemptKey(e, o), a.Begin(tx.Now()))
	return nil
}

func attemptKey(e compaction.Effect, o payments.Order) string {
	return payments.AttemptKey(e.Tenant, o.Payment, o.Attempt)
}

// Perform calls the gateway. What it refuses for good is an answer too: no money has moved.
func (h paymentHandler) Perform(ctx context.Context, e compaction.Effect, c Call) (
	Outcome, error) {
	o, g, err := h.order(e)
	if err != nil {
		return nil, err
	}
	var f payments.Fact
	switch e.Kind {
	case payments.EffectCreate:
		f, err = g.Create(ctx, c, o)
	case payments.EffectCancel:
		f, err = g.Cancel(ctx, c, o)
	case payments.EffectCapture:
		capturer, ok := g.(Capturer)
		if !ok {
			return nil, &Error{Class: Permanent, Gateway: o.Gateway, Code: "no_capture"}
		}
		f, err = capturer.Capture(ctx, c, o)
	}
	var failed *Error
	if errors.As(err, &failed) && failed.Class == Permanent && e.Kind == payments.EffectCreate {
		f, err = nothingHappened(o, c, payments.RequiresPaymentMethod, failed.Code), nil
	}
	if ClassOf(err) == Absent && e.Kind == payments.EffectCancel && err != nil {
		f, err = nothingHappened(o, c, payments.Canceled, ""), nil
	}
	return h.outcome(e, o, f), err
}

// nothingHappened is the fact that the gateway has nothing of the order.
func nothingHappened(o payments.Order, c Call, s payments.State, code string) payments.Fact {
	return payments.Fact{Gateway: o.Gateway, State: s, Amount: o.Amount, Code: code,
		Observed: c.At}
}

func (h paymentHandler) order(e compaction.Effect) (payments.Order, Gateway, error) {
	o, err := payments.DecodeOrder(e.Payload)
	if err != nil {
		return o, nil, &Error{Class: Permanent, Gateway: "?", Code: "payload"}
	}
	g, err := gateway(h.set, o.Gateway)
	return o, g, err
}

// gateway returns the gateway of a name. Not having it changes nothing, and may pass: a program
// that was started without it is started again with it.
func gateway(set map[string]Gateway, name string) (Gateway, error) {
	if g := set[name]; g != nil {
		return g, nil
	}
	return nil, &Error{Class: Transient, Gateway: name, Code: "not_configured"}
}

// outcome writes the attempt, then the fact: settling ends the attempts of the payment.
func (h paymentHandler) outcome(e compaction.Effect, o payments.Order, f payments.Fact) Outcome {
	return func(tx *compaction.Tx) error {
		if e.Kind == payments.EffectCreate {
			state := payments.AttemptOf(f)
			if f.GatewayID == "" {
				state = payments.AttemptFailed
			}
			if err := record(tx, e, o, state, f.Code); err != nil {
				return err
			}
		}
		return h.books.ApplyPayment(tx, e.Tenant, o.Payment, f)
	}
}

// record writes how an attempt went, as long as it is known.
func record(tx *compaction.Tx, e compaction.Effect, o payments.Order, s payments.AttemptState,
	code string) error {
	a, ok, err := payments.Attempts.Get(tx, attemptKey(e, o))
	if err != nil || !ok {
		return err
	}
	payments.Attempts.Put(tx, attemptKey(e, o), a.Outcome(s, code, tx.Now()))
	return nil
}

// Fail makes an unknown outcome known as one.
func (h paymentHandler) Fail(tx *compaction.Tx, e compaction.Effect, class Class) error {
	if e.Kind != payments.EffectCreate || class != Unknown {
		return nil
	}
	o, err := payments.DecodeOrder(e.Payload)
	if err != nil {
		return err
	}
	return record(tx, e, o, payments.AttemptUnknown, "")
}

// Resolve asks where the payment stands. Where that does not tell whether this effect's call
// arrived, it says Absent: the same key is sent again, which changes nothing twice.
func (h paymentHandler) Resolve(ctx context.Context, e compaction.Effect, c Call) (
	Outcome, error) {
	o, g, err := h.order(e)
	if err != nil {
		return nil, err
	}
	f, err := g.Find(ctx, c, o)
	if err != nil {
		return nil, err
	}
	inconclusive := false
	switch e.Kind {
	case payments.EffectCreate:
		inconclusive = f.State == payments.RequiresPaymentMethod && !declinedBy(o, f)
	case payments.EffectCapture:
		inconclusive = f.State == payments.RequiresCapture
	case payments.EffectCancel:
		inconclusive = f.State.Open()
	}
	if inconclusive {
		return nil, &Error{Class: Absent, Gateway: o.Gateway, Code: f.State.String()}
	}
	return h.outcome(e, o, f), nil
}

// declinedBy reports whether a payment that waits for a method does so because the attempt was
// declined. One with an attempt before may wait because of that one still: each has a charge of
// its own. A gateway that failed to answer for the attempt answers its key with the same failure
// for as long as it knows the key, so that only the charge tells.
func declinedBy(o payments.Order, f payments.Fact) bool {
	if f.Code == "" || o.GatewayID == "" {
		return f.Code != ""
	}
	return f.Charge != "" && f.Charge != o.Charge
}

// Lost says that the call never arrived.
func (h paymentHandler) Lost(e compaction.Effect, c Call) (Outcome, error) {
	o, _, err := h.order(e)
	if err != nil {
		return nil, err
	}
	if e.Kind == payments.EffectCapture {
		return nil, &Error{Class: Permanent, Gateway: o.Gateway, Code: codeLost}
	}
	if e.Kind == payments.EffectCancel {
		return h.outcome(e, o, nothingHappened(o, c, payments.Canceled, codeLost)), nil
	}
	return h.outcome(e, o, nothingHappened(o, c, payments.RequiresPaymentMethod, codeLost)), nil
}

// paymentFinder performs payment.find.
type paymentFinder struct{ h paymentHandler }

// Perform asks where the payment stands. What the gateway does not have, or what is not ours,
// changes nothing.
func (p paymentFinder) Perform(ctx context.Context, e compaction.Effect, c Call) (
	Outcome, error) {
	o, g, err := p.h.order(e)
	if err != nil {
		return nil, err
	}
	f, err := g.Find(ctx, c, o)
	if err != nil && ClassOf(err) == Absent {
		return Nothing, nil
	}
	return p.h.outcome(e, o, f), err
}
