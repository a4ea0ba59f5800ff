package api

import (
	"errors"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
)

type refundBody struct {
	Payment    string       `json:"payment" pattern:"^pay_[0-9a-z]{26}$" example:"pay_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Amount     positiveText `json:"amount,omitempty" doc:"All that is left of the payment, and of the credit note, unless given."`
	Reason     string       `json:"reason,omitempty" enum:"duplicate,fraudulent,requested_by_customer"`
	CreditNote string       `json:"credit_note,omitempty" maxLength:"100" pattern:"^[A-Za-z0-9_.-]*$" doc:"The credit note of the payment's invoice that it pays out, so that it lowers the customer's credit and not the revenue."`
}

// A refundRecord as answers show it.
type refundRecord struct {
	ID         string       `json:"id" example:"ref_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Payment    string       `json:"payment"`
	Status     string       `json:"status" enum:"requested,pending,succeeded,failed,canceled"`
	Currency   currencyCode `json:"currency"`
	Amount     amountText   `json:"amount"`
	Gateway    string       `json:"gateway"`
	GatewayID  string       `json:"gateway_id,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	CreditNote string       `json:"credit_note,omitempty"`
	Code       string       `json:"code,omitempty" doc:"Why it failed."`
	Conflict   string       `json:"conflict,omitempty" doc:"What the gateway said differently."`
	Created    moment       `json:"created"`
	Updated    moment       `json:"updated"`
}

// RefundPath names a refund in the path.
type RefundPath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_.-]+$" maxLength:"140" example:"ref_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The refund's id."`
}

type paymentFilter struct {
	Paging
	Payment string `query:"payment" pattern:"^pay_[0-9a-z]{26}$" doc:"Only those of a payment."`
}

func (a *API) registerRefunds() {
	mutation[struct{ Body refundBody }, refundRecord](a, route{
		id: "create-refund", path: "/v1/refunds", tag: paymentTag, roles: anyKey, status: 201,
		summary: "Refund a payment",
		description: "Sets an amount of a captured payment aside and wants the gateway to give it " +
			"back. A settled payment is brought back for it.",
		example: `{"payment":"pay_01j9qz4m2n8r7t6v5w4x3y2z1a","amount":"5.00"}`,
	}, createRefund)
	query[paymentFilter](a, route{
		id: "list-refunds", path: "/v1/refunds", tag: paymentTag, roles: anyKey,
		summary: "List refunds", description: "Refunds of payments that are open, oldest first.",
	}, func(x *exchange, in *paymentFilter) (page[refundRecord], error) {
		return listBy(x, in.Paging, payments.Refunds, []filter{{"payment", in.Payment}}, showRefund)
	})
	query[RefundPath](a, route{
		id: "get-refund", path: "/v1/refunds/{id}", tag: paymentTag, roles: anyKey,
		summary: "Get a refund", description: "A refund, of an open or a settled payment.",
	}, func(x *exchange, in *RefundPath) (refundRecord, error) {
		r, err := findOrRecall(x, in.ID, open(payments.Refunds), payments.DecodeRefund)
		if err != nil {
			return refundRecord{}, err
		}
		return showRefund(r), nil
	})
}

func createRefund(x *exchange, in *struct{ Body refundBody }) (change, error) {
	b, tenant := &in.Body, x.tenant
	n := settlement.NewRefund{ID: compaction.NewID("ref", x.api.clock()), Payment: b.Payment,
		Reason: b.Reason, CreditNote: b.CreditNote}
	return change{decide: func(tx *compaction.Tx) (result, error) {
		n := n
		var err error
		if n.Amount, err = amountOf(tx, tenant, b.Payment, "amount", b.Amount); err != nil {
			return result{}, locateRefund(err)
		}
		r, err := settlement.CreateRefund(tx, tenant, n)
		return result{body: showRefund(r), location: "/v1/refunds/" + r.ID}, locateRefund(err)
	}}, nil
}

// locateRefund returns the refusal of a refund as the fault of a field of its body.
func locateRefund(err error) error {
	switch {
	case ofType[*payments.RefundError](err), errors.Is(err, payments.ErrAmount):
		return at("amount", err)
	case errors.Is(err, settlement.ErrNotFound):
		return at("payment", errNoPayment)
	case ofType[*payments.MoveError](err), errors.Is(err, settlement.ErrRefunded):
		return at("payment", err)
	}
	return err
}

var errNoPayment = &quoting.NotFoundError{Kind: "payment"}

func showRefund(r payments.Refund) refundRecord {
	return refundRecord{
		ID: r.ID, Payment: r.Payment, Status: r.State.String(),
		Currency: currencyCode(r.Amount.Currency().String()), Amount: amountText(r.Amount.String()),
		Gateway: r.Gateway, GatewayID: r.GatewayID, Reason: r.Reason, CreditNote: r.CreditNote,
		Code: r.Code, Conflict: r.Conflict, Created: moment(r.Created), Updated: moment(r.Updated),
	}
}

// A disputeRecord as answers show it.
type disputeRecord struct {
	ID          string       `json:"id" example:"stripe-dp_1"`
	Payment     string       `json:"payment"`
	Status      string       `json:"status" enum:"needs_response,under_review,won,lost"`
	Currency    currencyCode `json:"currency"`
	Amount      amountText   `json:"amount" doc:"What is disputed."`
	Withdrawn   amountText   `json:"withdrawn" doc:"What the gateway has taken, in all."`
	Reinstated  amountText   `json:"reinstated" doc:"What the gateway has given back, in all."`
	Fee         amountText   `json:"fee"`
	Gateway     string       `json:"gateway"`
	GatewayID   string       `json:"gateway_id"`
	Reason      string       `json:"reason,omitempty" example:"fraudulent"`
	Conflict    string       `json:"conflict,omitempty"`
	EvidenceDue moment       `json:"evidence_due,omitzero"`
	Created     moment       `json:"created"`
	Updated     moment       `json:"updated"`
}

// DisputePath names a dispute in the path.
type DisputePath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_.-]+$" maxLength:"140" example:"stripe-dp_1" doc:"The dispute's id."`
}

func (a *API) registerDisputes() {
	query[paymentFilter](a, route{
		id: "list-disputes", path: "/v1/disputes", tag: paymentTag, roles: anyKey,
		summary: "List disputes", description: "Disputes of payments that are open.",
	}, func(x *exchange, in *paymentFilter) (page[disputeRecord], error) {
		return listBy(x, in.Paging, payments.Disputes, []filter{{"payment", in.Payment}}, showDispute)
	})
	query[DisputePath](a, route{
		id: "get-dispute", path: "/v1/disputes/{id}", tag: paymentTag, roles: anyKey,
		summary: "Get a dispute", description: "A dispute, of an open or a settled payment.",
	}, func(x *exchange, in *DisputePath) (disputeRecord, error) {
		d, err := findOrRecall(x, in.ID, open(payments.Disputes), payments.DecodeDispute)
		if err != nil {
			return disputeRecord{}, err
		}
		return showDispute(d), nil
	})
}

func showDispute(d payments.Dispute) disputeRecord {
	return disputeRecord{
		ID: d.ID, Payment: d.Payment, Status: d.State.String(),
		Currency: currencyCode(d.Amount.Currency().String()), Amount: amountText(d.Amount.String()),
		Withdrawn: amountText(d.Withdrawn.String()), Reinstated: amountText(d.Reinstated.String()),
		Fee: amountText(d.Fee.String()), Gateway: d.Gateway, GatewayID: d.GatewayID, Reason: d.Reason,
		Conflict: d.Conflict, EvidenceDue: moment(d.EvidenceDue), Created: moment(d.Created),
		Updated: moment(d.Updated),
	}
}
