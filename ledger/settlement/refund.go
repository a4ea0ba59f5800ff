package settlement

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
	"github.com/quittance/quittance/quoting"
)

// A NewRefund says what is to be given back.
type NewRefund struct {
	ID         string // "ref_…", the caller's
	Payment    string
	Amount     money.Amount // the zero Amount is all that is left of the payment
	Reason     string       // Stripe's word, empty for none
	CreditNote string       // the credit note it pays out, empty for none
}

// CreateRefund sets an amount of a captured payment aside, and of the credit note it names, and
// wants the gateway to give it back; the outcome comes by ApplyRefund. Offline it is given back at
// once.
//
// Refusals: ErrExists, ErrNotFound, ErrRefunded, payments.ErrAmount, *payments.MoveError,
// *payments.RefundError, *money.MismatchError; a *CreditNoteError for a credit note that the
// payment's invoice does not have, and a *quoting.AmountError for more than is left of it. A
// settled payment is a *SettledError.
func CreateRefund(tx *compaction.Tx, tenant string, n NewRefund) (payments.Refund, error) {
	var r payments.Refund
	if err := fresh(tx, payments.Refunds, tenant, n.ID); err != nil {
		return r, err
	}
	p, err := openPayment(tx, tenant, n.Payment)
	if err != nil {
		return r, err
	}
	amount, err := n.amount(tx, p)
	if err != nil {
		return r, err
	}
	p, r, err = p.Request(payments.Refund{ID: n.ID, Amount: amount, Reason: n.Reason,
		CreditNote: n.CreditNote}, tx.Now())
	if err != nil {
		return r, err
	}
	if n.CreditNote != "" {
		if _, err := quoting.DrawCredit(tx, tenant, p.Invoice, n.CreditNote, amount); err != nil {
			return r, err
		}
	}
	payments.Payments.Put(tx, compaction.Key(tenant, p.ID), p)
	payments.Refunds.Put(tx, compaction.Key(tenant, r.ID), r)
	if p.Gateway != Offline {
		e, err := r.Effect(p)
		if err != nil {
			return r, err
		}
		return r, compaction.Emit(tx, e)
	}
	c := begin(tx, tenant, "refund.create")
	r, err = c.applyRefund(p, r, payments.RefundFact{Gateway: Offline, GatewayID: r.ID,
		GatewayPayment: p.ID, State: payments.RefundSucceeded, Amount: amount,
		Observed: tx.Now()})
	if err != nil {
		return r, err
	}
	return r, c.write()
}

// refundable returns what a payment that holds money has left to refund. It fails with ErrRefunded
// where that is nothing, and with a *payments.MoveError for a payment without money.
func refundable(p payments.Payment) (money.Amount, error) {
	if p.State != payments.Succeeded {
		return money.Amount{}, &payments.MoveError{Subject: "payment", From: p.State.String(),
			On: "be refunded"}
	}
	amount, err := p.Refundable()
	if err == nil && amount.Sign() == 0 {
		err = ErrRefunded
	}
	return amount, err
}

// amount returns what a refund is of: what is asked for, or all that is left of the payment, and of
// the credit note where one is named.
func (n NewRefund) amount(s compaction.State, p payments.Payment) (money.Amount, error) {
	var note quoting.CreditNote
	if n.CreditNote != "" {
		i, err := invoiceOf(s, p)
		if err != nil {
			return n.Amount, err
		}
		if note, err = i.CreditNote(n.CreditNote); err != nil {
			return n.Amount, &CreditNoteError{Payment: p.ID}
		}
	}
	if n.Amount != (money.Amount{}) {
		return n.Amount, nil
	}
	left, err := refundable(p)
	if of := note.Left(); err == nil && of.Sign() > 0 && of.Minor() < left.Minor() {
		left = of
	}
	return left, err
}

// ApplyRefund writes what a gateway said about a refund, named by our id or, where that is empty,
// by the fact's gateway id. A refund that was made at the gateway is taken as a new one of its
// payment; where the payment is not known either, nothing changes. When it was given back: refunds
// → clearing, or with a credit note receivable → clearing; when it came back, the same the other
// way round.
//
// It fails with a *SettledError for what is no longer open, and with *payments.FactError.
func ApplyRefund(tx *compaction.Tx, tenant, refund string, f payments.RefundFact) error {
	r, ok, err := found(tx, payments.Refunds, tenant, refund, f.Gateway, f.GatewayID)
	if err != nil {
		return err
	}
	c := begin(tx, tenant, "refund.fact")
	p, known, err := findPayment(tx, tenant, r.Payment, f.Gateway, f.GatewayPayment)
	if err != nil || !known {
		return err
	}
	if !ok {
		if f.State == payments.RefundFailed || f.State == payments.RefundCanceled ||
			f.GatewayID == "" {
			return nil // it never moved money, and nobody here asked for it
		}
		p, r, err = p.Request(payments.Refund{ID: f.Gateway + "-" + f.GatewayID,
			Amount: f.Amount}, tx.Now())
		if err != nil {
			return err
		}
	}
	if _, err := c.applyRefund(p, r, f); err != nil {
		return err
	}
	return c.write()
}

// applyRefund applies a fact to an open refund of an open payment and returns it as it then is.
func (c *change) applyRefund(p payments.Payment, r payments.Refund, f payments.RefundFact) (
	payments.Refund, error) {
	p, r, ch, err := p.ApplyRefund(r, f, c.at())
	if err != nil || ch.Result != payments.Applied && ch.Result != payments.Contradict {
		return r, err
	}
	payments.Payments.Put(c.tx, c.key(p.ID), p)
	payments.Refunds.Put(c.tx, c.key(r.ID), r)
	if ch.Result == payments.Contradict {
		return r, nil
	}
	gone := money.New(0, r.Amount.Currency()) // what the books gave back by this fact
	switch {
	case ch.To == payments.RefundSucceeded:
		gone = r.Amount
	case ch.From == payments.RefundSucceeded:
		gone = money.New(-r.Amount.Minor(), r.Amount.Currency())
	}
	if !gone.IsZero() {
		if err := c.gaveBack(p, r, gone); err != nil {
			return r, err
		}
	}
	failed := ch.To == payments.RefundFailed || ch.To == payments.RefundCanceled
	if failed && r.CreditNote != "" && p.Invoice != "" {
		_, err := quoting.ReturnCredit(c.tx, c.tenant, p.Invoice, r.CreditNote, r.Amount)
		if err != nil {
			return r, err
		}
	}
	b, err := payments.EncodeRefund(r)
	err = c.fact("refund."+r.State.String(), r.ID, (*ledgerv1.RefundRecord)(nil), b, err)
	if err != nil {
		return r, err
	}
	return r, c.settleIfClear(p.ID)
}

// gaveBack posts a refund, or below zero one that came back, and expects to see it.
func (c *change) gaveBack(p payments.Payment, r payments.Refund, gone money.Amount) error {
	back := money.New(-gone.Minor(), gone.Currency())
	event, id, kind := "refund", r.ID, ExpectRefund
	if gone.Sign() < 0 {
		event, id, kind = "refund_failed", r.ID+"-failure", ExpectRefundFailure
	}
	c.post(event, refunded(moneyAt(p), p.Customer, r.CreditNote, gone),
		about(p.ID, p.Invoice, r.ID)...)
	if err := c.giveBack(p, r, gone); err != nil {
		return err
	}
	e := Expectation{ID: id, Tenant: p.Tenant, Kind: kind, Subject: p.ID, Source: r.ID,
		Gateway: p.Gateway, Amount: back, Deadline: c.at().Add(gatewayDeadline)}
	if p.Gateway == Offline {
		e.Kind, e.Method, e.Deadline = ExpectOffline, p.Method, c.at().Add(offlineDeadline)
		e.References = references(r.ID, p.Reference)
	}
	return c.expect(e)
}

// giveBack takes what a refund gave back, or below zero what came back of it, from its payment's
// invoice: with a credit note it is paid no longer; without one it is, and the business bears it.
// Either way the purchase is undone when all that was paid has been given back.
func (c *change) giveBack(p payments.Payment, r payments.Refund, gone money.Amount) error {
	i, err := invoiceOf(c.tx, p)
	if err != nil {
		return err
	}
	switch {
	case r.CreditNote != "" && gone.Sign() < 0:
		return c.pay(p, i, negative(gone))
	case r.CreditNote != "":
		err = c.unpay(p, i, negative(gone))
	case i.ID != "" && i.State != quoting.InvoiceDraft && i.State != quoting.InvoiceVoid:
		_, err = quoting.ApplyRefund(c.tx, c.tenant, i.ID, gone)
	}
	if err != nil || gone.Sign() < 0 {
		return err
	}
	return c.undone(p.Invoice)
}
