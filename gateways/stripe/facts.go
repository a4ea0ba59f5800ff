package stripe

import (
	"context"
	"errors"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

var paymentStates = map[stripego.PaymentIntentStatus]payments.State{
	stripego.PaymentIntentStatusRequiresPaymentMethod: payments.RequiresPaymentMethod,
	stripego.PaymentIntentStatusRequiresConfirmation:  payments.RequiresPaymentMethod,
	stripego.PaymentIntentStatusRequiresAction:        payments.RequiresAction,
	stripego.PaymentIntentStatusProcessing:            payments.Processing,
	stripego.PaymentIntentStatusRequiresCapture:       payments.RequiresCapture,
	stripego.PaymentIntentStatusSucceeded:             payments.Succeeded,
	stripego.PaymentIntentStatusCanceled:              payments.Canceled,
}

// paymentFact is what an answer to a change says. A decline and a change that came too late are
// errors that carry the payment intent: it tells more than they do.
func (g *Gateway) paymentFact(ctx context.Context, c gateways.Call, pi *stripego.PaymentIntent,
	err error) (payments.Fact, error) {
	var failed *stripego.Error
	if errors.As(err, &failed) && failed.PaymentIntent != nil && failed.HTTPStatusCode < 500 {
		intent := failed.PaymentIntent
		if intent.LastPaymentError == nil && failed.Type == stripego.ErrorTypeCard {
			intent.LastPaymentError = failed
		}
		if intent.LatestCharge != nil && intent.LatestCharge.BalanceTransaction == nil &&
			intent.Status == stripego.PaymentIntentStatusSucceeded {
			// Errors expand nothing: the fee is not in them.
			return g.Find(ctx, c, payments.Order{GatewayID: intent.ID})
		}
		return paymentFact(intent, c)
	}
	if err != nil {
		return payments.Fact{}, changed(err)
	}
	return paymentFact(pi, c)
}

func paymentFact(pi *stripego.PaymentIntent, c gateways.Call) (payments.Fact, error) {
	state, ok := paymentStates[pi.Status]
	if !ok || pi.ID == "" {
		return payments.Fact{}, senseless("status")
	}
	amount, err := fromStripe(pi.Amount, pi.Currency)
	if err != nil {
		return payments.Fact{}, err
	}
	received, err := fromStripe(pi.AmountReceived, pi.Currency)
	if err != nil {
		return payments.Fact{}, err
	}
	f := payments.Fact{Gateway: Name, GatewayID: pi.ID, State: state, Amount: amount,
		Received: received, Observed: c.At}
	if e := pi.LastPaymentError; e != nil && state == payments.RequiresPaymentMethod {
		f.Code = word(string(e.Code))
		if e.DeclineCode != "" {
			f.Code = word(string(e.DeclineCode))
		}
	}
	if a := pi.NextAction; a != nil && a.RedirectToURL != nil {
		f.Action = a.RedirectToURL.URL
	}
	return withCharge(f, pi.LatestCharge)
}

func withCharge(f payments.Fact, ch *stripego.Charge) (payments.Fact, error) {
	if ch == nil {
		return f, nil
	}
	f.Charge = ch.ID
	if f.State != payments.Succeeded {
		return f, nil
	}
	f.Succeeded = instant(ch.Created)
	t := ch.BalanceTransaction
	if t == nil || t.Currency == "" {
		return f, nil // not expanded, or not there yet
	}
	fee, err := fromStripe(t.Fee, t.Currency)
	if err == nil && fee.Currency() == f.Amount.Currency() {
		f.Fee = fee
	}
	return f, err
}

func refundFact(r *stripego.Refund, c gateways.Call) (payments.RefundFact, error) {
	states := map[stripego.RefundStatus]payments.RefundState{
		stripego.RefundStatusPending:        payments.RefundPending,
		stripego.RefundStatusRequiresAction: payments.RefundPending,
		stripego.RefundStatusSucceeded:      payments.RefundSucceeded,
		stripego.RefundStatusFailed:         payments.RefundFailed,
		stripego.RefundStatusCanceled:       payments.RefundCanceled,
	}
	state, ok := states[r.Status]
	if !ok || r.ID == "" {
		return payments.RefundFact{}, senseless("status")
	}
	amount, err := fromStripe(r.Amount, r.Currency)
	f := payments.RefundFact{Gateway: Name, GatewayID: r.ID, State: state, Amount: amount,
		Code: word(string(r.FailureReason)), Observed: c.At}
	if r.PaymentIntent != nil {
		f.GatewayPayment = r.PaymentIntent.ID
	}
	return f, err
}

var disputeStates = map[stripego.DisputeStatus]payments.DisputeState{
	stripego.DisputeStatusWarningNeedsResponse: payments.DisputeNeedsResponse,
	stripego.DisputeStatusNeedsResponse:        payments.DisputeNeedsResponse,
	stripego.DisputeStatusWarningUnderReview:   payments.DisputeUnderReview,
	stripego.DisputeStatusUnderReview:          payments.DisputeUnderReview,
	stripego.DisputeStatusWarningClosed:        payments.DisputeWon,
	stripego.DisputeStatusWon:                  payments.DisputeWon,
	stripego.DisputeStatusLost:                 payments.DisputeLost,
}

// disputeFact sums what the dispute has moved: what left the balance, what came back, the fees.
func disputeFact(d *stripego.Dispute, c gateways.Call) (payments.DisputeFact, error) {
	state, ok := disputeStates[d.Status]
	if !ok || d.ID == "" {
		return payments.DisputeFact{}, senseless("status")
	}
	var out, back, fees int64
	for _, t := range d.BalanceTransactions {
		if t.Currency != d.Currency {
			return payments.DisputeFact{}, senseless("currency")
		}
		out, back, fees = out+max(-t.Amount, 0), back+max(t.Amount, 0), fees+t.Fee
	}
	f := payments.DisputeFact{Gateway: Name, GatewayID: d.ID, State: state,
		Reason: word(string(d.Reason)), Created: instant(d.Created), Observed: c.At}
	if d.PaymentIntent != nil {
		f.GatewayPayment = d.PaymentIntent.ID
	}
	if d.EvidenceDetails != nil {
		f.EvidenceDue = instant(d.EvidenceDetails.DueBy)
	}
	for to, minor := range map[*money.Amount]int64{
		&f.Amount: d.Amount, &f.Withdrawn: out, &f.Reinstated: back, &f.Fee: fees} {
		var err error
		if *to, err = fromStripe(minor, d.Currency); err != nil {
			return f, err
		}
	}
	return f, nil
}
