package settlement

import (
	"errors"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/quoting"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// FiguresOf returns what an invoice says about the books.
func FiguresOf(i quoting.Invoice) Figures {
	f := Figures{Customer: i.Customer, Net: i.Priced.TaxExclusive,
		Promotion: i.Priced.PromotionTotal, Prepaid: i.Priced.Prepaid,
		Rounding: i.Priced.Rounding, Payable: i.Priced.Payable}
	for _, t := range i.Priced.Taxes {
		f.Taxes = append(f.Taxes, Share{string(t.Category), t.Amount})
	}
	return f
}

// FinalizeInvoice gives a draft its number, freezes it and posts it: receivable → revenue and the
// tax of each category, by the invoice's stored figures; platform:promotions and deposits →
// receivable for what the platform and earlier payments pay; the rounding amount. One of nothing is
// paid at once, and then ends with its quote. It fails as quoting.FinalizeInvoice does.
func FinalizeInvoice(tx *compaction.Tx, tenant, invoice string) (quoting.Invoice, error) {
	i, err := quoting.FinalizeInvoice(tx, tenant, invoice)
	if err != nil {
		return i, err
	}
	c := begin(tx, tenant, "invoice.finalize")
	pairs := about("", i.ID, i.Name())
	c.post("invoice_finalised", finalised(FiguresOf(i)), pairs...)
	c.post("overpaid", overpaid(i.Customer, i.AmountOverpaid()), pairs...)
	if err := c.factInvoice("invoice.finalized", i); err != nil {
		return i, err
	}
	if i.State == quoting.InvoicePaid {
		if err := c.redeem(i); err != nil {
			return i, err
		}
		if err := c.endInvoice(i.ID); err != nil {
			return i, err
		}
	}
	return i, c.write()
}

// VoidInvoice ends an invoice of which nothing was paid and undoes its postings. Its quote can be
// invoiced again, with the promotions in its price. Refusals: those of quoting.VoidInvoice,
// ErrPaid, *UnderWayError, and a *quoting.MoveError for an invoice that was written off.
func VoidInvoice(tx *compaction.Tx, tenant, invoice string) (quoting.Invoice, error) {
	before, err := openInvoiceRecord(tx, tenant, invoice)
	if err != nil {
		return before, err
	}
	if before.State == quoting.InvoiceUncollectible {
		return before, &quoting.MoveError{Subject: "invoice", From: before.State.String(),
			On: quoting.VoidEvent.String()}
	}
	if !before.AmountPaid.IsZero() {
		return before, ErrPaid
	}
	if err := nothingUnderWay(tx, before); err != nil {
		return before, err
	}
	i, err := quoting.VoidInvoice(tx, tenant, invoice)
	if err != nil {
		return i, err
	}
	c := begin(tx, tenant, "invoice.void")
	c.post("invoice_voided", finalised(FiguresOf(i)).back(), about("", i.ID, i.Name())...)
	if err := c.factInvoice("invoice.voided", i); err != nil {
		return i, err
	}
	if err := c.endInvoice(i.ID); err != nil {
		return i, err
	}
	return i, c.write()
}

// pay applies an amount that came to the payment's invoice, whose promotions are then redeemed.
// What is more than is due becomes the customer's credit.
func (c *change) pay(p payments.Payment, i quoting.Invoice, a money.Amount) error {
	if i.ID == "" || i.State == quoting.InvoiceDraft || i.State == quoting.InvoiceVoid {
		c.post("overpaid", overpaid(p.Customer, a), about(p.ID, p.Invoice, "")...)
		return nil
	}
	after, err := quoting.ApplyPayment(c.tx, c.tenant, i.ID, a)
	if err != nil {
		return err
	}
	if err := c.rebalance(i, after, about(p.ID, p.Invoice, "")); err != nil {
		return err
	}
	return c.redeem(after)
}

// unpay takes an amount, given below zero, back from the payment's invoice.
func (c *change) unpay(p payments.Payment, i quoting.Invoice, a money.Amount) error {
	left, err := i.AmountPaid.Add(a)
	if i.ID == "" || err == nil && left.Sign() < 0 { // it was never the invoice's
		c.post("overpaid", overpaid(p.Customer, a), about(p.ID, p.Invoice, "")...)
		return nil
	}
	if err != nil {
		return err
	}
	after, err := quoting.ReversePayment(c.tx, c.tenant, i.ID, negative(a))
	if err != nil {
		return err
	}
	return c.rebalance(i, after, about(p.ID, p.Invoice, ""))
}

// redeem redeems the promotions in an invoice's price, and notes that its customer has bought.
func (c *change) redeem(i quoting.Invoice) error {
	if _, err := quoting.RedeemAll(c.tx, c.tenant, i.Quote); err != nil {
		return err
	}
	return quoting.MarkPurchase(c.tx, c.tenant, i.Customer)
}

// undone restores the promotions in an invoice's price when nothing is held any more of what was
// paid of it: by refunds, with or without a credit note, and by lost disputes. Money that went to
// no invoice, or to one that is void, has redeemed nothing.
func (c *change) undone(invoice string) error {
	if invoice == "" {
		return nil
	}
	i, err := quoting.FindInvoice(c.tx, c.tenant, invoice)
	if err != nil || i.State == quoting.InvoiceDraft || i.State == quoting.InvoiceVoid ||
		i.AmountKept().Sign() > 0 {
		return err
	}
	_, err = quoting.RestoreAll(c.tx, c.tenant, i.Quote)
	return err
}

func (c *change) factInvoice(kind string, i quoting.Invoice) error {
	b, err := quoting.EncodeInvoice(i)
	return c.fact(kind, i.ID, (*quotingv1.InvoiceRecord)(nil), b, err)
}

// openInvoiceRecord returns an invoice that has not ended.
func openInvoiceRecord(s compaction.State, tenant, id string) (quoting.Invoice, error) {
	i, err := quoting.FindInvoice(s, tenant, id)
	var missing *quoting.NotFoundError
	if !errors.As(err, &missing) {
		return i, err
	}
	if ended, err := Ended(s, tenant, id); err != nil {
		return i, err
	} else if ended {
		return i, &SettledError{ID: id}
	}
	return i, err
}

// openInvoice returns an invoice that is to be paid.
func openInvoice(s compaction.State, tenant, id string) (quoting.Invoice, error) {
	i, err := openInvoiceRecord(s, tenant, id)
	if err == nil && i.State != quoting.InvoiceOpen {
		err = ErrNotOpen
	}
	return i, err
}

// invoiceOf returns the invoice of a payment, an empty one if it has none.
func invoiceOf(s compaction.State, p payments.Payment) (quoting.Invoice, error) {
	if p.Invoice == "" {
		return quoting.Invoice{}, nil
	}
	return openInvoiceRecord(s, p.Tenant, p.Invoice)
}

// nothingUnderWay refuses an invoice of which a payment may still bring money.
func nothingUnderWay(s compaction.State, i quoting.Invoice) error {
	paid, err := all(s, payments.Payments, "invoice", i.Tenant, i.ID)
	if err != nil {
		return err
	}
	for _, p := range paid {
		if p.State.Open() || p.State == payments.Conflicted {
			return underWay(p)
		}
	}
	return nil
}

// platformFee returns the platform's fee of a captured amount: the tenant's percentage of it,
// rounded half away from zero.
func platformFee(s compaction.State, tenant string, a money.Amount) (money.Amount, error) {
	t, ok, err := quoting.Tenants.Get(s, tenant)
	if err != nil || !ok {
		return money.New(0, a.Currency()), err
	}
	fee := decimal.NewFromInt(a.Minor()).Mul(t.PlatformFee).Shift(-2).Round(0)
	return money.New(fee.IntPart(), a.Currency()), nil
}
