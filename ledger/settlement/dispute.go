package settlement

import (
	"strconv"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// DisputeID is our id of a gateway's dispute.
func DisputeID(gateway, gatewayID string) string { return gateway + "-" + gatewayID }

// ApplyDispute writes what a gateway said about a dispute of a payment, which is named by our id
// or, where that is empty, by the gateway's; one of an unknown payment changes nothing. What it
// withdrew since the last fact: disputes → clearing; reinstated: the other way round; its fee: fees
// → clearing. When it is lost: receivable → disputes, and the invoice is open again.
//
// It fails with a *SettledError for a payment that is no longer open, and with
// *payments.FactError.
func ApplyDispute(tx *compaction.Tx, tenant, payment string, f payments.DisputeFact) error {
	p, ok, err := findPayment(tx, tenant, payment, f.Gateway, f.GatewayPayment)
	if err != nil || !ok {
		return err
	}
	c := begin(tx, tenant, "dispute.fact")
	if err := c.applyDispute(p, f); err != nil {
		return err
	}
	return c.write()
}

// applyDispute applies a fact to a dispute of an open payment.
func (c *change) applyDispute(p payments.Payment, f payments.DisputeFact) error {
	id := DisputeID(f.Gateway, f.GatewayID)
	before, known, err := payments.Disputes.Get(c.tx, c.key(id))
	if err != nil {
		return err
	}
	if !known {
		before = payments.Dispute{ID: id}
	}
	p, d, ch, err := p.ApplyDispute(before, f, c.at())
	if err != nil || ch.Result != payments.Applied && ch.Result != payments.Contradict {
		return err
	}
	payments.Payments.Put(c.tx, c.key(p.ID), p)
	payments.Disputes.Put(c.tx, c.key(d.ID), d)
	if ch.Result == payments.Contradict {
		return nil
	}
	pairs := about(p.ID, p.Invoice, d.ID)
	c.post("dispute_withdrawn", withdrawn(p.Gateway, ch.Withdrawn), pairs...)
	c.post("dispute_reinstated", withdrawn(p.Gateway, negative(ch.Reinstated)), pairs...)
	if err := c.expectDispute(p, d, ch); err != nil {
		return err
	}
	if err := c.lostBy(p, before, d); err != nil {
		return err
	}
	b, err := payments.EncodeDispute(d)
	err = c.fact("dispute."+d.State.String(), d.ID, (*ledgerv1.DisputeRecord)(nil), b, err)
	if err != nil {
		return err
	}
	return c.settleIfClear(p.ID)
}

// expectDispute expects to see what moved, and posts the fee with it. A fee that comes when nothing
// is expected is left to the line that shows it.
func (c *change) expectDispute(p payments.Payment, d payments.Dispute,
	ch payments.DisputeChange) error {
	e := Expectation{Tenant: p.Tenant, Subject: p.ID, Source: d.ID, Gateway: p.Gateway,
		Deadline: c.at().Add(gatewayDeadline)}
	fee := ch.Fee
	if !ch.Withdrawn.IsZero() {
		w := e
		w.ID = d.ID + "-withdrawn-" + strconv.FormatInt(d.Withdrawn.Minor(), 10)
		w.Kind, w.Amount, w.Fee = ExpectDispute, negative(ch.Withdrawn), fee
		c.post("dispute_fee", charged(p.Gateway, fee), about(p.ID, p.Invoice, d.ID)...)
		fee = money.New(0, fee.Currency())
		if err := c.expect(w); err != nil {
			return err
		}
	}
	if !ch.Reinstated.IsZero() {
		e.ID = d.ID + "-reinstated-" + strconv.FormatInt(d.Reinstated.Minor(), 10)
		e.Kind, e.Amount, e.Fee = ExpectDisputeReversal, ch.Reinstated, fee
		c.post("dispute_fee", charged(p.Gateway, fee), about(p.ID, p.Invoice, d.ID)...)
		fee = money.New(0, fee.Currency())
		if err := c.expect(e); err != nil {
			return err
		}
	}
	if fee.IsZero() {
		return nil
	}
	open, err := c.openOf(p.ID, d.ID)
	if err != nil || len(open) == 0 {
		return err
	}
	c.post("dispute_fee", charged(p.Gateway, fee), about(p.ID, p.Invoice, d.ID)...)
	if open[0].Fee, err = open[0].Fee.Add(fee); err != nil {
		return err
	}
	return c.expect(open[0])
}

// openOf returns the open expectations of a payment that a refund or dispute moves.
func (c *change) openOf(payment, source string) ([]Expectation, error) {
	expected, err := all(c.tx, Expectations, "subject", c.tenant, payment)
	if err != nil {
		return nil, err
	}
	var open []Expectation
	for _, e := range expected {
		if e.Source == source && e.Open() {
			open = append(open, e)
		}
	}
	return open, nil
}

// lostBy posts what a lost dispute holds: it is owed by the customer again. A dispute that is won
// after all gives it back.
func (c *change) lostBy(p payments.Payment, before, after payments.Dispute) error {
	was, err := lostOf(p, before)
	if err != nil {
		return err
	}
	is, err := lostOf(p, after)
	if err != nil {
		return err
	}
	more, err := is.Sub(was)
	if err != nil || more.IsZero() {
		return err
	}
	event := "dispute_lost"
	if more.Sign() < 0 {
		event = "dispute_regained"
	}
	c.post(event, lost(p.Customer, more), about(p.ID, p.Invoice, after.ID)...)
	inv, err := invoiceOf(c.tx, p)
	if err != nil {
		return err
	}
	if more.Sign() < 0 {
		return c.pay(p, inv, negative(more))
	}
	if err := c.unpay(p, inv, negative(more)); err != nil {
		return err
	}
	return c.undone(p.Invoice)
}

// lostOf is what a dispute holds if it is lost.
func lostOf(p payments.Payment, d payments.Dispute) (money.Amount, error) {
	if d.State != payments.DisputeLost {
		return money.New(0, p.Amount.Currency()), nil
	}
	return d.Withdrawn.Sub(d.Reinstated)
}

// negative returns -a; the smallest amount, which has no opposite, is refused by the ledger.
func negative(a money.Amount) money.Amount { return money.New(-a.Minor(), a.Currency()) }
