package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
)

type paymentBody struct {
	Invoice       string       `json:"invoice" pattern:"^inv_[0-9a-z]{26}$" doc:"The open invoice." example:"inv_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Gateway       string       `json:"gateway" pattern:"^[a-z][a-z0-9_-]*$" maxLength:"40" doc:"Who carries the money: stripe, or offline for money that is announced." example:"stripe"`
	Method        string       `json:"method,omitempty" maxLength:"100" pattern:"^[A-Za-z0-9_.-]*$" doc:"A payment method's token at the gateway; offline one of cash, cheque, transfer." example:"pm_card_visa"`
	Amount        positiveText `json:"amount,omitempty" doc:"All that is due and not under way unless given."`
	Reference     string       `json:"reference,omitempty" maxLength:"140" doc:"Offline: what the bank's statement will show." example:"RE 2026-17"`
	CaptureManual bool         `json:"capture_manual,omitempty" doc:"Whether the amount is only authorised, and captured later."`
	ReturnURL     string       `json:"return_url,omitempty" maxLength:"2000" pattern:"^https?://[!-~]+$" doc:"Where the customer is sent after an action at the gateway." example:"https://example.com/paid"`
	Expires       moment       `json:"expires,omitzero" doc:"When it is given up without money; never unless given."`
}

// A paymentRecord as answers show it.
type paymentRecord struct {
	ID              string       `json:"id" example:"pay_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Invoice         string       `json:"invoice,omitempty"`
	Customer        string       `json:"customer,omitempty"`
	Status          string       `json:"status" enum:"requires_payment_method,requires_action,processing,requires_capture,succeeded,settled,canceled,expired,conflicted"`
	Currency        currencyCode `json:"currency"`
	Amount          amountText   `json:"amount"`
	AmountReceived  amountText   `json:"amount_received"`
	AmountRefunded  amountText   `json:"amount_refunded"`
	AmountRefunding amountText   `json:"amount_refunding" doc:"Would be given back by refunds that are not decided."`
	AmountDisputed  amountText   `json:"amount_disputed"`
	Fee             amountText   `json:"fee" doc:"The gateway's, as far as it is known."`
	Gateway         string       `json:"gateway"`
	Method          string       `json:"method,omitempty"`
	GatewayID       string       `json:"gateway_id,omitempty" doc:"The gateway's id of it."`
	Reference       string       `json:"reference,omitempty"`
	Attempts        int          `json:"attempts" doc:"How many attempts have begun."`
	Code            string       `json:"code,omitempty" doc:"Why the last attempt was declined." example:"card_declined"`
	NextAction      string       `json:"next_action,omitempty" doc:"Where the customer completes the payment."`
	Conflict        string       `json:"conflict,omitempty" doc:"What the gateway said differently."`
	CaptureManual   bool         `json:"capture_manual"`
	Created         moment       `json:"created"`
	Updated         moment       `json:"updated"`
	Expires         moment       `json:"expires,omitzero"`
	Succeeded       moment       `json:"succeeded,omitzero"`
	Settled         moment       `json:"settled,omitzero" doc:"When its money was seen."`
	SettledBy       string       `json:"settled_by,omitempty" doc:"The payout's line or the statement's entry that showed it."`
}

// PaymentPath names a payment in the path.
type PaymentPath struct {
	ID string `path:"id" pattern:"^pay_[0-9a-z]{26}$" example:"pay_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The payment's id."`
}

type paymentList struct {
	Paging
	Status  string `query:"status" enum:"requires_payment_method,requires_action,processing,requires_capture,succeeded,canceled,expired,conflicted" doc:"Only those that stand here."`
	Invoice string `query:"invoice" pattern:"^inv_[0-9a-z]{26}$" doc:"Only those of an invoice. Goes with no other filter."`
}

type confirmBody struct {
	Method    string `json:"method,omitempty" maxLength:"100" pattern:"^[A-Za-z0-9_.-]*$" doc:"Another payment method; the same unless given." example:"pm_card_visa"`
	ReturnURL string `json:"return_url,omitempty" maxLength:"2000" pattern:"^https?://[!-~]+$" example:"https://example.com/paid"`
}

type captureBody struct {
	Amount positiveText `json:"amount,omitempty" doc:"All of what is authorised unless given; the rest is released."`
}

type resolveBody struct {
	AmountReceived positiveText `json:"amount_received" doc:"What a person found captured at the gateway."`
}

const paymentTag = "Payments"

func (a *API) registerPayments() {
	mutation[struct{ Body paymentBody }, paymentRecord](a, route{
		id: "create-payment", path: "/v1/payments", tag: paymentTag, roles: sellers | customer,
		status: 201, summary: "Create a payment",
		description: "Takes what is due of an open invoice: at a gateway, whose outcome comes later, " +
			"or offline, as announced. Get the payment again to see how it goes.",
		example: `{"invoice":"inv_01j9qz4m2n8r7t6v5w4x3y2z1a","gateway":"stripe","method":"pm_card_visa"}`,
	}, createPayment)
	query[paymentList](a, route{
		id: "list-payments", path: "/v1/payments", tag: paymentTag, roles: anyKey,
		summary:     "List payments",
		description: "Payments that are open, oldest first. Settled ones are found by id.",
	}, func(x *exchange, in *paymentList) (page[paymentRecord], error) {
		return listBy(x, in.Paging, payments.Payments,
			[]filter{{"state", in.Status}, {"invoice", in.Invoice}}, showPayment)
	})
	query[PaymentPath](a, route{
		id: "get-payment", path: "/v1/payments/{id}", tag: paymentTag, roles: anyone,
		summary:     "Get a payment",
		description: "A payment, open or settled. Customers see those of what their link is about.",
	}, func(x *exchange, in *PaymentPath) (paymentRecord, error) {
		p, err := x.payment(in.ID)
		return showPayment(p), err
	})
	a.registerPaymentMoves()
}

// payment reads a payment that the caller may see, open or settled.
func (x *exchange) payment(id string) (payments.Payment, error) {
	p, err := findOrRecall(x, id, open(payments.Payments), payments.DecodePayment)
	if err == nil && x.caller.link != nil {
		if _, err = x.invoice(p.Invoice); problemOf(err).Status == http.StatusNotFound {
			err = errNotFound // as for one that nobody has
		}
	}
	if err != nil {
		return payments.Payment{}, err
	}
	return p, nil
}

func createPayment(x *exchange, in *struct{ Body paymentBody }) (change, error) {
	b := &in.Body
	if err := x.mayPay(b); err != nil {
		return change{}, err
	}
	n := settlement.NewPayment{
		ID: compaction.NewID("pay", x.api.clock()), Invoice: b.Invoice, Gateway: b.Gateway,
		Method: b.Method, Reference: b.Reference, CaptureManual: b.CaptureManual,
		ReturnURL: b.ReturnURL, Expires: time.Time(b.Expires),
	}
	tenant := x.tenant
	return change{decide: func(tx *compaction.Tx) (result, error) {
		i, err := quoting.FindInvoice(tx, tenant, n.Invoice)
		if err != nil {
			return result{}, at("invoice", ended(tx, tenant, n.Invoice, err))
		}
		n := n
		if b.Amount != "" {
			if n.Amount, err = parseAmount("amount", b.Amount, i.Document.Currency); err != nil {
				return result{}, err
			}
		}
		if !n.Expires.IsZero() && !n.Expires.After(tx.Now()) {
			return result{}, refuse("expires", "range", "must lie ahead")
		}
		p, err := settlement.CreatePayment(tx, tenant, n)
		return result{body: showPayment(p), location: "/v1/payments/" + p.ID}, locatePayment(err)
	}}, nil
}

// locatePayment returns the refusal of a payment as the fault of a field of its body.
func locatePayment(err error) error {
	switch {
	case ofType[*settlement.DueError](err), errors.Is(err, payments.ErrAmount):
		return at("amount", err)
	case errors.Is(err, settlement.ErrMethod):
		return at("method", err)
	case ofType[*settlement.UnderWayError](err), errors.Is(err, settlement.ErrNotOpen):
		return at("invoice", err)
	}
	return err
}

// mayPay refuses a gateway that is not there, and to customers what is not theirs to do: to pay
// something else than their link is about, to say that money came, or to hold it back.
func (x *exchange) mayPay(b *paymentBody) error {
	if _, ok := x.api.gateways[b.Gateway]; !ok && b.Gateway != settlement.Offline {
		return at("gateway", gateways.ErrNoGateway)
	}
	if x.caller.link == nil {
		return nil
	}
	switch {
	case b.Gateway == settlement.Offline:
		return at("gateway", &roleError{sellers})
	case b.CaptureManual:
		return at("capture_manual", &roleError{sellers})
	case b.Reference != "":
		return at("reference", &roleError{sellers})
	}
	_, err := x.invoice(b.Invoice)
	return at("invoice", err)
}

// A paymentMove is a command about a payment.
type paymentMove func(tx *compaction.Tx, tenant, id string) (payments.Payment, error)

// blaming returns f with the refusals of its amount as faults of a field.
func blaming(field string, f paymentMove) paymentMove {
	return func(tx *compaction.Tx, tenant, id string) (payments.Payment, error) {
		p, err := f(tx, tenant, id)
		if errors.Is(err, payments.ErrAmount) || ofType[*settlement.DueError](err) {
			err = at(field, err)
		}
		return p, err
	}
}

// changePayment prepares a command about a payment that the caller may see.
func (x *exchange) changePayment(id string, f paymentMove) (change, error) {
	if x.caller.link != nil {
		if _, err := x.payment(id); err != nil {
			return change{}, err
		}
	}
	tenant := x.tenant
	return change{decide: func(tx *compaction.Tx) (result, error) {
		p, err := f(tx, tenant, id)
		return result{body: showPayment(p)}, err
	}}, nil
}

func (a *API) registerPaymentMoves() {
	mutation[struct {
		PaymentPath
		Body confirmBody
	}, paymentRecord](a, route{
		id: "confirm-payment", path: "/v1/payments/{id}/confirm", tag: paymentTag,
		roles: sellers | customer, summary: "Try a payment again",
		description: "Begins another attempt of a payment whose last one was declined.",
		example:     `{"method":"pm_card_visa"}`,
	}, func(x *exchange, in *struct {
		PaymentPath
		Body confirmBody
	}) (change, error) {
		retry := func(tx *compaction.Tx, tenant, id string) (payments.Payment, error) {
			return settlement.RetryPayment(tx, tenant, id, in.Body.Method, in.Body.ReturnURL)
		}
		return x.changePayment(in.ID, retry)
	})
	mutation[PaymentPath, paymentRecord](a, route{
		id: "cancel-payment", path: "/v1/payments/{id}/cancel",
		tag: paymentTag, roles: sellers | customer,
		summary: "Cancel a payment", description: "Cancels a payment that holds no money.",
	}, func(x *exchange, in *PaymentPath) (change, error) {
		return x.changePayment(in.ID, settlement.CancelPayment)
	})
	mutation[struct {
		PaymentPath
		Body captureBody
	}, paymentRecord](a, route{
		id: "capture-payment", path: "/v1/payments/{id}/capture", tag: paymentTag, roles: sellers,
		summary: "Capture a payment", description: "Takes what is authorised, or a part of it.",
		example: `{}`,
	}, func(x *exchange, in *struct {
		PaymentPath
		Body captureBody
	}) (change, error) {
		capture := func(tx *compaction.Tx, tenant, id string) (payments.Payment, error) {
			a, err := amountOf(tx, tenant, id, "amount", in.Body.Amount)
			if err != nil {
				return payments.Payment{}, err
			}
			return settlement.CapturePayment(tx, tenant, id, a)
		}
		return x.changePayment(in.ID, blaming("amount", capture))
	})
	mutation[struct {
		PaymentPath
		Body resolveBody
	}, paymentRecord](a, route{
		id: "resolve-payment", path: "/v1/payments/{id}/resolve",
		tag: paymentTag, roles: finance | platform,
		summary: "Resolve a conflicted payment",
		description: "Accepts what the gateway holds of a payment of which it says something else " +
			"than we do.",
		example: `{"amount_received":"12.34"}`,
	}, func(x *exchange, in *struct {
		PaymentPath
		Body resolveBody
	}) (change, error) {
		resolve := func(tx *compaction.Tx, tenant, id string) (payments.Payment, error) {
			a, err := amountOf(tx, tenant, id, "amount_received", in.Body.AmountReceived)
			if err != nil {
				return payments.Payment{}, err
			}
			return settlement.ResolvePayment(tx, tenant, id, a)
		}
		return x.changePayment(in.ID, blaming("amount_received", resolve))
	})
}

// amountOf reads an amount in the currency of a payment; an empty text is the zero Amount.
func amountOf(
	tx *compaction.Tx, tenant, payment, field string, text positiveText,
) (money.Amount, error) {
	if text == "" {
		return money.Amount{}, nil
	}
	p, ok, err := payments.Payments.Get(tx, compaction.Key(tenant, payment))
	if err != nil {
		return money.Amount{}, err
	}
	if !ok {
		return money.Amount{}, lost(tx, tenant, payment)
	}
	return parseAmount(field, text, p.Amount.Currency())
}

// lost returns why there is no open record of an id: it is settled, so that the engine brings it
// back, or there never was one.
func lost(tx *compaction.Tx, tenant, id string) error {
	over, err := settlement.Ended(tx, tenant, id)
	switch {
	case err != nil:
		return err
	case over:
		return &settlement.SettledError{ID: id}
	}
	return settlement.ErrNotFound
}

func showPayment(p payments.Payment) paymentRecord {
	text := func(a money.Amount) amountText { return amountText(a.String()) }
	code := p.Code
	if p.Status() == payments.Processing {
		code = "" // it is of an attempt before
	}
	return paymentRecord{
		ID: p.ID, Invoice: p.Invoice, Customer: p.Customer, Status: p.Status().String(),
		Currency: currencyCode(p.Amount.Currency().String()), Amount: text(p.Amount),
		AmountReceived: text(p.AmountReceived), AmountRefunded: text(p.AmountRefunded),
		AmountRefunding: text(p.AmountRefunding), AmountDisputed: text(p.AmountDisputed),
		Fee: text(p.Fee), Gateway: p.Gateway, Method: p.Method, GatewayID: p.GatewayID,
		Reference: p.Reference, Attempts: p.Attempts, Code: code, NextAction: p.NextAction,
		Conflict: p.Conflict, CaptureManual: p.CaptureManual, Created: moment(p.Created),
		Updated: moment(p.Updated), Expires: moment(p.Expires), Succeeded: moment(p.Succeeded),
		Settled: moment(p.Settled), SettledBy: p.SettledBy,
	}
}
