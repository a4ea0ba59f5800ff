package sandbox

import (
	"errors"
	"slices"
)

func createRefund(c *call) (int, any, error) {
	pi, ch, err := c.refunded()
	if err != nil {
		return 0, nil, err
	}
	amount, err := c.form.amount("amount")
	if err != nil {
		return 0, nil, err
	}
	left := ch.AmountCaptured - ch.AmountRefunded
	switch {
	case ch.Disputed:
		return 0, nil, invalid("", "charge_disputed", "The charge has been charged back.")
	case left == 0:
		return 0, nil, invalid("", "charge_already_refunded", "The charge was refunded already.")
	case amount > left:
		return 0, nil, invalid("amount", "amount_too_large",
			"The refund is greater than what is left of the charge.")
	case amount == 0:
		amount = left
	}
	metadata, err := c.form.pairs("metadata")
	if err != nil {
		return 0, nil, err
	}
	o, err := create(c.tx, kindRefund, "re")
	if err != nil {
		return 0, nil, err
	}
	o.Parent = pi.ID
	r := refund{ID: o.ID, Object: kindRefund, Amount: amount, Charge: ch.ID, Created: c.now.Unix(),
		Currency: pi.Currency, Metadata: metadata, PaymentIntent: pi.ID, Status: succeeded}
	if reason := c.form.text("reason"); reason != "" {
		if !slices.Contains([]string{"duplicate", "fraudulent", "requested_by_customer"}, reason) {
			return 0, nil, invalid("reason", "parameter_invalid", "Invalid reason.")
		}
		r.Reason = &reason
	}
	if ch.PaymentMethod == "pm_card_pendingRefund" {
		r.Status = pending
	}
	t, err := c.move(balance{Amount: -amount, Currency: pi.Currency, ReportingCategory: "refund",
		Type: "refund", Source: r.ID})
	if err != nil {
		return 0, nil, err
	}
	r.BalanceTransaction = &t.ID
	ch.AmountRefunded += amount
	ch.Refunded = ch.AmountRefunded == ch.AmountCaptured
	if err := first(save(c.tx, o, r), c.saveCharge(ch)); err != nil {
		return 0, nil, err
	}
	return 200, r, c.emit("refund.created", r.ID, r)
}

// refunded reads the payment intent that the request names, and its charge.
func (c *call) refunded() (intent, charge, error) {
	var pi intent
	var ch charge
	id, err := c.form.required("payment_intent")
	if err != nil {
		return pi, ch, err
	}
	_, ok, err := load(c.state, kindIntent, id, &pi)
	switch {
	case err != nil:
		return pi, ch, err
	case !ok:
		return pi, ch, missing(kindIntent, id, "payment_intent")
	case pi.Status != succeeded:
		return pi, ch, invalid("payment_intent", "payment_intent_unexpected_state",
			"This PaymentIntent has no successful charge to refund.")
	}
	_, ok, err = load(c.state, kindCharge, *pi.LatestCharge, &ch)
	if err == nil && !ok {
		err = missing(kindCharge, *pi.LatestCharge, "charge")
	}
	return pi, ch, err
}

// completeRefund is a test helper: a pending refund succeeds.
func completeRefund(c *call) (int, any, error) {
	var r refund
	o, ok, err := load(c.state, kindRefund, c.id, &r)
	if err != nil || !ok {
		return 0, nil, first(err, missing(kindRefund, c.id, "refund"))
	}
	if r.Status != pending {
		return 0, nil, invalid("refund", "refund_unexpected_state", "The refund is "+r.Status+".")
	}
	r.Status = succeeded
	if err := save(c.tx, o, r); err != nil {
		return 0, nil, err
	}
	return 200, r, c.emit("refund.updated", r.ID, r)
}

// failRefund is a test helper: the customer's bank sends a refund back.
func failRefund(c *call) (int, any, error) {
	var r refund
	o, ok, err := load(c.state, kindRefund, c.id, &r)
	if err != nil || !ok {
		return 0, nil, first(err, missing(kindRefund, c.id, "refund"))
	}
	if r.Status == failed {
		return 0, nil, invalid("refund", "refund_unexpected_state", "The refund has failed.")
	}
	var ch charge
	if _, ok, err := load(c.state, kindCharge, r.Charge, &ch); err != nil || !ok {
		return 0, nil, first(err, missing(kindCharge, r.Charge, "charge"))
	}
	t, err := c.move(balance{Amount: r.Amount, Currency: r.Currency, Source: r.ID,
		ReportingCategory: "refund_failure", Type: "refund_failure"})
	if err != nil {
		return 0, nil, err
	}
	r.Status, r.FailureReason, r.FailureBalanceTransaction = failed, "lost_or_stolen_card", &t.ID
	ch.AmountRefunded -= r.Amount
	ch.Refunded = false
	if err := first(save(c.tx, o, r), c.saveCharge(ch)); err != nil {
		return 0, nil, err
	}
	return 200, r, c.emit("refund.failed", r.ID, r)
}

// disputeFee is the sandbox's own, in minor units.
const disputeFee = 1500

// createDispute is a test helper: the customer's bank contests a payment.
func createDispute(c *call) (int, any, error) {
	_, ch, err := c.refunded()
	if err != nil {
		return 0, nil, err
	}
	amount, err := c.form.amount("amount")
	if err != nil {
		return 0, nil, err
	}
	left := ch.AmountCaptured - ch.AmountRefunded
	if amount == 0 {
		amount = left
	}
	if ch.Disputed || amount > left || left == 0 {
		return 0, nil, invalid("amount", "amount_too_large", "There is not that much to dispute.")
	}
	reason := c.form.text("reason")
	if reason == "" {
		reason = "fraudulent"
	}
	if strings := []string{"fraudulent", "duplicate", "product_not_received", "general",
		"product_unacceptable"}; !slices.Contains(strings, reason) {
		return 0, nil, invalid("reason", "parameter_invalid", "Invalid reason.")
	}
	d, err := c.dispute(ch, amount, reason)
	return 200, d, err
}

// dispute opens a dispute of a charge and takes its amount and a fee from the balance.
func (c *call) dispute(ch charge, amount int64, reason string) (dispute, error) {
	o, err := create(c.tx, kindDispute, "dp")
	if err != nil {
		return dispute{}, err
	}
	o.Parent = ch.PaymentIntent
	t, err := c.move(balance{Amount: -amount, Currency: ch.Currency, Fee: disputeFee,
		ReportingCategory: "dispute", Type: "adjustment", Source: o.ID})
	if err != nil {
		return dispute{}, err
	}
	const week = 7 * 24 * 3600
	d := dispute{ID: o.ID, Object: kindDispute, Amount: amount, BalanceTransactions: []balance{t},
		Charge: ch.ID, Created: c.now.Unix(), Currency: ch.Currency,
		EvidenceDetails: evidence{DueBy: c.now.Unix() + week}, Metadata: map[string]string{},
		PaymentIntent: ch.PaymentIntent, Reason: reason, Status: "needs_response"}
	var now charge // what was captured in the same request is in the books by now
	if _, ok, err := load(c.state, kindCharge, ch.ID, &now); err != nil || !ok {
		return d, first(err, missing(kindCharge, ch.ID, "charge"))
	}
	now.Disputed = true
	if err := first(save(c.tx, o, d), c.saveCharge(now)); err != nil {
		return d, err
	}
	err = errors.Join(c.emit("charge.dispute.created", d.ID, d),
		c.emit("charge.dispute.funds_withdrawn", d.ID, d))
	return d, err
}

// closeDispute is a test helper: a dispute is decided. The parameter outcome is won, lost or
// under_review.
func closeDispute(c *call) (int, any, error) {
	var d dispute
	o, ok, err := load(c.state, kindDispute, c.id, &d)
	if err != nil || !ok {
		return 0, nil, first(err, missing(kindDispute, c.id, "dispute"))
	}
	outcome := c.form.text("outcome")
	if !slices.Contains([]string{"won", "lost", "under_review"}, outcome) ||
		d.Status == "won" || d.Status == "lost" {
		return 0, nil, invalid("outcome", "parameter_invalid", "The dispute is "+d.Status+".")
	}
	d.Status = outcome
	kind := "charge.dispute.closed"
	switch outcome {
	case "under_review":
		kind = "charge.dispute.updated"
	case "won":
		t, err := c.move(balance{Amount: d.Amount, Currency: d.Currency, Source: d.ID,
			ReportingCategory: "dispute_reversal", Type: "adjustment"})
		if err != nil {
			return 0, nil, err
		}
		d.BalanceTransactions = append(d.BalanceTransactions, t)
	}
	if err := save(c.tx, o, d); err != nil {
		return 0, nil, err
	}
	return 200, d, c.emit(kind, d.ID, d)
}
