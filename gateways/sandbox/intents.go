package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/quittance/quittance/compaction"
)

// The states of a payment intent, in Stripe's words.
const (
	requiresMethod       = "requires_payment_method"
	requiresConfirmation = "requires_confirmation"
	requiresAction       = "requires_action"
	processing           = "processing"
	requiresCapture      = "requires_capture"
	succeeded            = "succeeded"
	canceled             = "canceled"
	failed               = "failed"
	pending              = "pending"
)

// declines are the codes with which test payment methods are declined: error code, decline code.
var declines = map[string][2]string{
	"pm_card_visa_chargeDeclined":                  {"card_declined", "generic_decline"},
	"pm_card_chargeDeclined":                       {"card_declined", "generic_decline"},
	"pm_card_visa_chargeDeclinedInsufficientFunds": {"card_declined", "insufficient_funds"},
	"pm_card_chargeDeclinedInsufficientFunds":      {"card_declined", "insufficient_funds"},
	"pm_card_visa_chargeDeclinedLostCard":          {"card_declined", "lost_card"},
	"pm_card_visa_chargeDeclinedStolenCard":        {"card_declined", "stolen_card"},
	"pm_card_chargeDeclinedExpiredCard":            {"expired_card", "expired_card"},
	"pm_card_chargeDeclinedProcessingError":        {"processing_error", "processing_error"},
}

// methods are the other test payment methods.
var methods = []string{"pm_card_visa", "pm_card_visa_debit", "pm_card_mastercard", "pm_card_amex",
	"pm_card_discover", "pm_card_authenticationRequired", "pm_card_createDispute",
	"pm_card_pendingRefund", "pm_sandbox_processing"}

func createIntent(c *call) (int, any, error) {
	amount, err := c.form.amount("amount")
	if err != nil {
		return 0, nil, err
	}
	if amount == 0 {
		return 0, nil, invalid("amount", "parameter_missing", "Missing required param: amount.")
	}
	currency, err := c.form.required("currency")
	if err != nil {
		return 0, nil, err
	}
	if currency = strings.ToLower(currency); len(currency) != 3 {
		return 0, nil, invalid("currency", "parameter_invalid", "Invalid currency.")
	}
	metadata, err := c.form.pairs("metadata")
	if err != nil {
		return 0, nil, err
	}
	o, err := create(c.tx, kindIntent, "pi")
	if err != nil {
		return 0, nil, err
	}
	secret := make([]byte, 12)
	if _, err := rand.Read(secret); err != nil {
		return 0, nil, err
	}
	if parent := metadata["payment"]; !strings.ContainsFunc(parent, notInID) {
		o.Parent = parent
	}
	pi := intent{ID: o.ID, Object: kindIntent, Amount: amount, CaptureMethod: "automatic",
		ClientSecret:       o.ID + "_secret_" + hex.EncodeToString(secret),
		ConfirmationMethod: "automatic", Created: c.now.Unix(), Currency: currency,
		Metadata: metadata, PaymentMethodTypes: []string{"card"}, Status: requiresMethod}
	if c.form.text("capture_method") == "manual" {
		pi.CaptureMethod = "manual"
	}
	if err := c.emit("payment_intent.created", pi.ID, pi); err != nil {
		return 0, nil, err
	}
	if c.form.text("confirm") == "true" {
		return c.attempt(o, pi)
	}
	if method := c.form.text("payment_method"); method != "" {
		pi.PaymentMethod, pi.Status = &method, requiresConfirmation
	}
	return 200, pi, save(c.tx, o, pi)
}

// loadIntent reads the payment intent of the path.
func (c *call) loadIntent() (Object, intent, error) {
	var pi intent
	o, ok, err := load(c.state, kindIntent, c.id, &pi)
	if err == nil && !ok {
		err = missing(kindIntent, c.id, "intent")
	}
	return o, pi, err
}

// unexpected refuses what a payment intent's state does not allow.
func unexpected(pi intent, verb string) error {
	return &apiError{400, problem{Type: "invalid_request_error",
		Code: "payment_intent_unexpected_state", PaymentIntent: &pi,
		Message: "This PaymentIntent could not be " + verb + " because it has a status of " +
			pi.Status + "."}}
}

func confirmIntent(c *call) (int, any, error) {
	o, pi, err := c.loadIntent()
	if err != nil {
		return 0, nil, err
	}
	if !slices.Contains([]string{requiresMethod, requiresConfirmation, requiresAction},
		pi.Status) {
		return 0, nil, unexpected(pi, "confirmed")
	}
	return c.attempt(o, pi)
}

// attempt tries the payment with the method of the request.
func (c *call) attempt(o Object, pi intent) (int, any, error) {
	method := c.form.text("payment_method")
	if method == "" && pi.PaymentMethod != nil {
		method = *pi.PaymentMethod
	}
	codes, declined := declines[method]
	if !declined && !slices.Contains(methods, method) {
		return 0, nil, missing("PaymentMethod", method, "payment_method")
	}
	pi.PaymentMethod, pi.NextAction, pi.LastPaymentError = &method, nil, nil
	pi.ReturnURL = c.form.text("return_url")
	d := c.p.dice
	if !declined && d.throw("decline", subject(c, pi), d.rates().Decline, &d.stats.Decline) {
		codes, declined = [2]string{"card_declined", "generic_decline"}, true
	}
	switch {
	case declined:
		return c.decline(o, pi, codes)
	case method == "pm_card_authenticationRequired":
		pi.Status = requiresAction
		pi.NextAction = &action{"redirect_to_url", redirect{c.p.actionURL(pi), pi.ReturnURL}}
		err := save(c.tx, o, pi)
		return 200, pi, first(err, c.emit("payment_intent.requires_action", pi.ID, pi))
	case method == "pm_sandbox_processing":
		pi.Status = processing
		err := save(c.tx, o, pi)
		return 200, pi, first(err, c.emit("payment_intent.processing", pi.ID, pi))
	}
	pi, err := c.authorise(o, pi)
	return 200, pi, err
}

// subject names a payment for the dice, the same in every set of books.
func subject(c *call, pi intent) string {
	if c.key != "" {
		return c.key
	}
	return pi.ID[max(0, len(pi.ID)-8):]
}

// decline leaves the intent waiting for another method and answers 402.
func (c *call) decline(o Object, pi intent, codes [2]string) (int, any, error) {
	ch, err := c.charge(pi)
	if err != nil {
		return 0, nil, err
	}
	ch.Status, ch.FailureCode = failed, &codes[0]
	if err := c.saveCharge(ch); err != nil {
		return 0, nil, err
	}
	e := problem{Type: "card_error", Code: codes[0], DeclineCode: codes[1], Charge: ch.ID,
		Message: "Your card was declined."}
	pi.Status, pi.PaymentMethod, pi.LatestCharge, pi.LastPaymentError = requiresMethod, nil, &ch.ID, &e
	if err := save(c.tx, o, pi); err != nil {
		return 0, nil, err
	}
	if err := c.emit("payment_intent.payment_failed", pi.ID, pi); err != nil {
		return 0, nil, err
	}
	shown := e
	shown.PaymentIntent = &pi
	return 402, errorBody{shown}, nil
}

// authorise reserves the amount and, unless the capture is manual, takes it.
func (c *call) authorise(o Object, pi intent) (intent, error) {
	ch, err := c.charge(pi)
	if err != nil {
		return pi, err
	}
	ch.Status, ch.Paid = succeeded, true
	pi.LatestCharge, pi.NextAction = &ch.ID, nil
	if pi.CaptureMethod == "manual" {
		pi.Status, pi.AmountCapturable = requiresCapture, pi.Amount
		if err := first(c.saveCharge(ch), save(c.tx, o, pi)); err != nil {
			return pi, err
		}
		return pi, c.emit("payment_intent.amount_capturable_updated", pi.ID, pi)
	}
	return c.capture(o, pi, ch, pi.Amount)
}

// capture takes an amount: it is in the balance from here on, less the fee.
func (c *call) capture(o Object, pi intent, ch charge, amount int64) (intent, error) {
	t, err := c.move(balance{Amount: amount, Currency: pi.Currency, Fee: fee(amount),
		ReportingCategory: "charge", Type: "charge", Source: ch.ID})
	if err != nil {
		return pi, err
	}
	ch.Captured, ch.AmountCaptured, ch.BalanceTransaction = true, amount, &t.ID
	pi.Status, pi.AmountReceived, pi.AmountCapturable = succeeded, amount, 0
	if err := first(c.saveCharge(ch), save(c.tx, o, pi)); err != nil {
		return pi, err
	}
	if err := c.emit("payment_intent.succeeded", pi.ID, pi); err != nil {
		return pi, err
	}
	if *pi.PaymentMethod == "pm_card_createDispute" {
		_, err = c.dispute(ch, amount, "fraudulent")
	}
	return pi, err
}

func captureIntent(c *call) (int, any, error) {
	o, pi, err := c.loadIntent()
	if err != nil {
		return 0, nil, err
	}
	if pi.Status != requiresCapture {
		return 0, nil, unexpected(pi, "captured")
	}
	amount, err := c.form.amount("amount_to_capture")
	if err != nil {
		return 0, nil, err
	}
	if amount == 0 {
		amount = pi.Amount
	}
	if amount > pi.AmountCapturable {
		return 0, nil, invalid("amount_to_capture", "amount_too_large",
			"The amount to capture is more than what was authorised.")
	}
	var ch charge
	if _, ok, err := load(c.state, kindCharge, *pi.LatestCharge, &ch); err != nil || !ok {
		return 0, nil, first(err, missing(kindCharge, *pi.LatestCharge, "charge"))
	}
	pi, err = c.capture(o, pi, ch, amount)
	return 200, pi, err
}

func cancelIntent(c *call) (int, any, error) {
	o, pi, err := c.loadIntent()
	if err != nil {
		return 0, nil, err
	}
	if slices.Contains([]string{succeeded, canceled, processing}, pi.Status) {
		return 0, nil, unexpected(pi, "canceled")
	}
	at := c.now.Unix()
	pi.Status, pi.CanceledAt, pi.AmountCapturable, pi.NextAction = canceled, &at, 0, nil
	if err := save(c.tx, o, pi); err != nil {
		return 0, nil, err
	}
	return 200, pi, c.emit("payment_intent.canceled", pi.ID, pi)
}

// charge makes the charge of an attempt; it is saved when its outcome is known.
func (c *call) charge(pi intent) (charge, error) {
	o, err := create(c.tx, kindCharge, "ch")
	if err != nil {
		return charge{}, err
	}
	o.Parent = pi.ID
	ch := charge{ID: o.ID, Object: kindCharge, Amount: pi.Amount, Created: c.now.Unix(),
		Currency: pi.Currency, Metadata: pi.Metadata, PaymentIntent: pi.ID,
		PaymentMethod: *pi.PaymentMethod}
	return ch, save(c.tx, o, ch)
}

func (c *call) saveCharge(ch charge) error {
	o, ok, err := get(c.tx, ch.ID)
	if err != nil || !ok {
		return first(err, missing(kindCharge, ch.ID, "charge"))
	}
	return save(c.tx, o, ch)
}

// fee is the sandbox's own: 1.5 % rounded half up and 25 minor units, at most the amount.
func fee(amount int64) int64 { return min(amount, (amount*15+500)/1000+25) }

// move writes a movement of the balance that has not been paid out.
func (c *call) move(t balance) (balance, error) { return move(c.tx, t) }

func move(tx *compaction.Tx, t balance) (balance, error) {
	o, err := create(tx, kindBalance, "txn")
	if err != nil {
		return t, err
	}
	t.ID, t.Object, t.Net = o.ID, kindBalance, t.Amount-t.Fee
	t.Created, t.AvailableOn, t.Status = tx.Now().Unix(), tx.Now().Unix(), "available"
	t.FeeDetails = []feeDetail{}
	if t.Fee != 0 {
		t.FeeDetails = append(t.FeeDetails, feeDetail{t.Fee, t.Currency, "Processing fees",
			"stripe_fee"})
	}
	o.Parent = unpaid(t.Currency)
	return t, save(tx, o, t)
}

// unpaid is what movements that are in no payout are listed under.
func unpaid(currency string) string { return "unpaid-" + currency }

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
