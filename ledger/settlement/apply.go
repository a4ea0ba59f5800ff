package settlement

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
	"github.com/quittance/quittance/quoting"
)

// ApplyPayment writes what a gateway said about a payment, named by our id or, where that is empty,
// by the fact's gateway id; one that is not known changes nothing. When it was captured: clearing →
// receivable, the invoice has so much paid, its promotions are redeemed, the tenant owes the
// platform its fee, and the money is expected in a payout. A decline leaves the price as it is. A
// duplicate and an older fact change nothing.
//
// It fails with a *SettledError for a payment that is no longer open, and with *payments.FactError.
func ApplyPayment(tx *compaction.Tx, tenant, payment string, f payments.Fact) error {
	p, ok, err := findPayment(tx, tenant, payment, f.Gateway, f.GatewayID)
	if err != nil || !ok {
		return err
	}
	c := begin(tx, tenant, "payment.fact")
	if _, err := c.applyPayment(p, f); err != nil {
		return err
	}
	return c.write()
}

// applyPayment applies a fact to an open payment and returns it as it then is.
func (c *change) applyPayment(p payments.Payment, f payments.Fact) (payments.Payment, error) {
	expected, waiting, err := Expectations.Get(c.tx, c.key(p.ID))
	if err != nil {
		return p, err
	}
	if p.State == payments.Succeeded && !(waiting && expected.Open()) {
		f.Fee = money.Amount{} // the payout's line had the last word on the fee
	}
	p, ch, err := p.Apply(f, c.at())
	if err != nil || ch.Result != payments.Applied && ch.Result != payments.Contradict {
		return p, err
	}
	payments.Payments.Put(c.tx, c.key(p.ID), p)
	switch {
	case ch.Result == payments.Contradict:
		b, err := payments.EncodePayment(p)
		return p, c.fact("payment.conflicted", p.ID, (*ledgerv1.PaymentRecord)(nil), b, err)
	case ch.Money():
		inv, err := invoiceOf(c.tx, p)
		if err != nil {
			return p, err
		}
		return p, c.took(p, inv, ch.Received)
	case !ch.Fee.IsZero():
		c.post("gateway_fee", charged(p.Gateway, ch.Fee), about(p.ID, p.Invoice, "")...)
		if expected.Fee, err = expected.Fee.Add(ch.Fee); err != nil {
			return p, err
		}
		return p, c.expect(expected)
	case p.State == payments.Canceled:
		return p, c.endPayment(p, "payment.canceled")
	}
	return p, nil
}

// took posts that an amount was captured or announced, applies it to the invoice and expects to see
// it. The payment is as it then is; it must be put by the caller.
func (c *change) took(p payments.Payment, inv quoting.Invoice, a money.Amount) error {
	pairs := about(p.ID, p.Invoice, "")
	e := Expectation{ID: p.ID, Tenant: p.Tenant, Kind: ExpectPayment, Subject: p.ID,
		Gateway: p.Gateway, Amount: a, Fee: p.Fee, Deadline: p.Succeeded.Add(gatewayDeadline)}
	if p.Gateway == Offline {
		c.post("payment_announced", announced(p.Method, p.Customer, a), pairs...)
		e.Kind, e.Method, e.Deadline = ExpectOffline, p.Method, p.Succeeded.Add(offlineDeadline)
		e.References = references(p.ID, p.Reference, p.Invoice, inv.Name())
	} else {
		c.post("payment_captured", captured(p.Gateway, p.Customer, a), pairs...)
		c.post("gateway_fee", charged(p.Gateway, p.Fee), pairs...)
	}
	fee, err := platformFee(c.tx, p.Tenant, a)
	if err != nil {
		return err
	}
	c.post("platform_fee", platformCharged(fee), pairs...)
	if err := c.pay(p, inv, a); err != nil {
		return err
	}
	b, err := payments.EncodePayment(p)
	err = c.fact("payment.succeeded", p.ID, (*ledgerv1.PaymentRecord)(nil), b, err)
	if err != nil {
		return err
	}
	return c.expect(e)
}

// expect puts an expectation, new or changed, and keeps it as a fact.
func (c *change) expect(e Expectation) error {
	if e.Created.IsZero() {
		zero := money.New(0, e.Amount.Currency())
		e.Created, e.Seen, e.Status = c.at(), zero, Expected
		if e.Fee == (money.Amount{}) {
			e.Fee = zero
		}
	}
	e.Updated = c.at()
	Expectations.Put(c.tx, c.key(e.ID), e)
	b, err := EncodeExpectation(e)
	return c.fact("expectation."+e.Status.String(), e.ID, (*ledgerv1.ExpectationRecord)(nil), b, err)
}

// ResolvePayment accepts what the gateway holds of a conflicted payment: the amount is what a
// person found captured there. Refusals: ErrNotFound, *payments.MoveError, payments.ErrAmount.
func ResolvePayment(tx *compaction.Tx, tenant, payment string, received money.Amount) (
	payments.Payment, error) {
	p, err := openPayment(tx, tenant, payment)
	if err != nil {
		return p, err
	}
	had := p.AmountReceived
	if p, err = p.Move(payments.Resolve, tx.Now()); err != nil {
		return p, err
	}
	c := begin(tx, tenant, "payment.resolve")
	if had.Sign() == 0 {
		if received.Sign() <= 0 {
			return p, payments.ErrAmount
		}
		if _, err := received.Cmp(p.Amount); err != nil {
			return p, err
		}
		p.AmountReceived = received
		if p.Succeeded.IsZero() {
			p.Succeeded = tx.Now()
		}
		inv, err := invoiceOf(tx, p)
		if err != nil {
			return p, err
		}
		if err := c.took(p, inv, received); err != nil {
			return p, err
		}
	}
	payments.Payments.Put(tx, c.key(p.ID), p)
	if err := c.settleIfClear(p.ID); err != nil {
		return p, err
	}
	return p, c.write()
}
