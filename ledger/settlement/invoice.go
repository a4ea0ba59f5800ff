package settlement

import (
	"errors"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
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

// VoidInvoice ends an invoice of which nothing was paid, undoes its postings and releases the
// promotions reserved for it. Refusals: those of quoting.VoidInvoice, ErrPaid, *UnderWayError, and
// a *quoting.MoveError for an invoice that was written off.
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

// MarkUncollectible gives an invoice up: bad_debt → receivable for what is due and, with relief,
// the tax in it out of the tax accounts. Promotions reserved for it are released. Refusals: those
// of quoting.MarkUncollectible, and *UnderWayError.
func MarkUncollectible(tx *compaction.Tx, tenant, invoice string, relief bool) (
	quoting.Invoice, error) {
	before, err := openInvoiceRecord(tx, tenant, invoice)
	if err != nil {
		return before, err
	}
	if err := nothingUnderWay(tx, before); err != nil {
		return before, err
	}
	i, err := quoting.MarkUncollectible(tx, tenant, invoice)
	if err != nil {
		return i, err
	}
	m, err := writtenOff(FiguresOf(i), i.AmountDue(), relief)
	if err != nil {
		return i, err
	}
	c := begin(tx, tenant, "invoice.write_off")
	c.post("write_off", m, about("", i.ID, i.Name())...)
	if err := c.factInvoice("invoice.uncollectible", i); err != nil {
		return i, err
	}
	if err := c.endInvoice(i.ID); err != nil {
		return i, err
	}
	return i, c.write()
}

// CreditInvoice takes an amount off an invoice by a credit note: revenue and the tax of each
// category → receivable, in the invoice's own proportions, so that credit notes of the whole undo
// its shares to the last minor unit. What was paid of it already becomes the customer's credit,
// which a refund that names the credit note pays out. It fails as quoting.ApplyCredit does, and
// with an *UnderWayError where a payment under way would bring what the credit note takes off.
func CreditInvoice(tx *compaction.Tx, tenant, invoice, creditNote string, a money.Amount) (
	quoting.Invoice, error) {
	before, err := openInvoiceRecord(tx, tenant, invoice)
	if err != nil {
		return before, err
	}
	if err := leavesUnderWay(tx, before, a); err != nil {
		return before, err
	}
	i, err := quoting.ApplyCredit(tx, tenant, invoice, a)
	if err != nil {
		return i, err
	}
	m, err := creditedShares(FiguresOf(i), before.AmountCredited, i.AmountCredited)
	if err != nil {
		return i, err
	}
	c := begin(tx, tenant, "invoice.credit")
	c.post("credit_note", m, append(about("", i.ID, i.Name()),
		ledger.Pair{Key: "credit_note", Value: creditNote})...)
	c.rebalance(before, i, about("", i.ID, creditNote))
	if err := c.factInvoice("invoice.credited", i); err != nil {
		return i, err
	}
	if err := c.endInvoice(i.ID); err != nil {
		return i, err
	}
	return i, c.write()
}

// leavesUnderWay refuses a credit of what payments under way would bring: their customer would pay
// for what is not owed any more.
func leavesUnderWay(tx *compaction.Tx, i quoting.Invoice, a money.Amount) error {
	left, others, err := available(tx, i)
	if err != nil || len(others) == 0 || a.Currency() != left.Currency() {
		return err
	}
	if a.Minor() > left.Minor() {
		return underWay(others[0])
	}
	return nil
}

// creditedShares divides what credit notes took off so far, and before, and returns the postings of
// the difference.
func creditedShares(f Figures, before, after money.Amount) (moves, error) {
	weights := []uint64{uint64(max(0, f.Net.Minor()))}
	for _, t := range f.Taxes {
		weights = append(weights, uint64(max(0, t.Amount.Minor())))
	}
	was, err := before.Split(weights...)
	if err != nil {
		return nil, err
	}
	is, err := after.Split(weights...)
	if err != nil {
		return nil, err
	}
	net, err := is[0].Sub(was[0])
	if err != nil {
		return nil, err
	}
	var taxes []Share
	for n, t := range f.Taxes {
		a, err := is[n+1].Sub(was[n+1])
		if err != nil {
			return nil, err
		}
		taxes = append(taxes, Share{t.Category, a})
	}
	return credited(f.Customer, net, taxes), nil
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
	c.rebalance(i, after, about(p.ID, p.Invoice, ""))
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
	c.rebalance(i, after, about(p.ID, p.Invoice, ""))
	return nil
}

// rebalance posts what an invoice's change leaves on the receivable that is not due: what is paid
// too much becomes the customer's credit, and what comes for a debt that was written off is no bad
// debt.
func (c *change) rebalance(before, after quoting.Invoice, pairs []ledger.Pair) {
	was, is := before.AmountOverpaid().Minor(), after.AmountOverpaid().Minor()
	currency := after.Priced.Currency
	c.post("overpaid", overpaid(after.Customer, money.New(is-was, currency)), pairs...)
	if before.State == quoting.InvoiceUncollectible {
		came := before.AmountDue().Minor() - after.AmountDue().Minor()
		c.post("recovered", moves{}.move(Receivable(after.Customer), AccountBadDebt,
			money.New(came, currency)), pairs...)
	}
}

// redeem redeems the promotions in an invoice's price, and notes that its customer has bought.
func (c *change) redeem(i quoting.Invoice) error {
	if _, err := quoting.RedeemAll(c.tx, c.tenant, i.Quote); err != nil {
		return err
	}
	return quoting.MarkPurchase(c.tx, c.tenant, i.Customer)
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
