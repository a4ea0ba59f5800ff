package settlement

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
	"github.com/quittance/quittance/quoting"
	"github.com/quittance/quittance/quoting/access"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// The kinds of pointers in ledger.Settled: what an id names.
const (
	kindPayment    = "payment"
	kindAttempt    = "attempt"
	kindRefund     = "refund"
	kindDispute    = "dispute"
	kindGateway    = "gateway" // a gateway's id of any of these
	kindInvoice    = "invoice"
	kindQuote      = "quote"
	kindRedemption = "redemption"
	kindPayout     = "payout"
	kindLine       = "payout_line"
	kindEntry      = "statement_entry"
)

// Settle settles a payment if its money was seen: that of the payment itself, of its refunds and of
// its disputes, none of which may be undecided. Then, in the append of the command, the final
// records of the payment, its attempts, refunds and disputes go to the journal, with those of its
// invoice and quote when nothing else of them is open; ledger.Settled points to them from every id,
// and the compacted topics get tombstones. It reports whether it settled.
//
// It fails with ErrNotFound, and with a *SettledError for what is settled already.
func Settle(tx *compaction.Tx, tenant, payment string) (bool, error) {
	if _, err := openPayment(tx, tenant, payment); err != nil {
		return false, err
	}
	c := begin(tx, tenant, "payment.settle")
	if err := c.settleIfClear(payment); err != nil {
		return false, err
	}
	_, open, err := payments.Payments.Get(tx, c.key(payment))
	if err != nil || open {
		return false, err
	}
	return true, c.write()
}

// settleIfClear settles a payment as the command has left it, if its money was seen.
func (c *change) settleIfClear(payment string) error {
	p, ok, err := payments.Payments.Get(c.tx, c.key(payment))
	if err != nil || !ok {
		return err
	}
	clear, err := c.clear(p)
	if err != nil || !clear {
		return err
	}
	if p, err = p.Move(payments.Settle, c.at()); err != nil {
		return err
	}
	if err := c.endPayment(p, "payment.settled"); err != nil {
		return err
	}
	return c.endInvoice(p.Invoice)
}

// clear reports whether everything that a payment moved was seen, and nothing is undecided.
func (c *change) clear(p payments.Payment) (bool, error) {
	if p.State != payments.Succeeded || !p.AmountRefunding.IsZero() {
		return false, nil
	}
	expected, err := all(c.tx, Expectations, "subject", c.tenant, p.ID)
	if err != nil {
		return false, err
	}
	for _, e := range expected {
		if e.Open() {
			return false, nil
		}
	}
	disputes, err := all(c.tx, payments.Disputes, "payment", c.tenant, p.ID)
	if err != nil {
		return false, err
	}
	for _, d := range disputes {
		if d.State != payments.DisputeWon && d.State != payments.DisputeLost {
			return false, nil
		}
	}
	return true, nil
}

// endPayment writes the final records of a payment that is over and of all that belongs to it,
// points to them and ends the open ones.
func (c *change) endPayment(p payments.Payment, kind string) error {
	b, err := payments.EncodePayment(p)
	err = c.fact(kind, p.ID, (*ledgerv1.PaymentRecord)(nil), b, err)
	if err != nil {
		return err
	}
	c.point(kindGateway, p.ID, p.GatewayID, p.Charge)
	c.point(kindPayment, p.ID, p.ID) // last: offline the gateway's id is ours
	payments.Payments.Delete(c.tx, c.key(p.ID))
	for _, end := range []func(payments.Payment) error{
		c.endAttempts, c.endRefunds, c.endDisputes, c.endExpectations,
	} {
		if err := end(p); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) endAttempts(p payments.Payment) error {
	rows, err := payments.Attempts.Scan(c.tx, compaction.Page{Prefix: c.key(p.ID) + "/"})
	if err != nil {
		return err
	}
	for _, r := range rows {
		b, err := payments.EncodeAttempt(r.Value)
		err = c.fact("attempt.final", r.Value.Effect, (*ledgerv1.AttemptRecord)(nil), b, err)
		if err != nil {
			return err
		}
		c.point(kindAttempt, p.ID, r.Value.Effect)
		payments.Attempts.Delete(c.tx, r.Key)
	}
	return nil
}

func (c *change) endRefunds(p payments.Payment) error {
	refunds, err := all(c.tx, payments.Refunds, "payment", c.tenant, p.ID)
	if err != nil {
		return err
	}
	for _, r := range refunds {
		b, err := payments.EncodeRefund(r)
		err = c.fact("refund.final", r.ID, (*ledgerv1.RefundRecord)(nil), b, err)
		if err != nil {
			return err
		}
		c.point(kindGateway, p.ID, r.GatewayID)
		c.point(kindRefund, p.ID, r.ID)
		payments.Refunds.Delete(c.tx, c.key(r.ID))
	}
	return nil
}

func (c *change) endDisputes(p payments.Payment) error {
	disputes, err := all(c.tx, payments.Disputes, "payment", c.tenant, p.ID)
	if err != nil {
		return err
	}
	for _, d := range disputes {
		b, err := payments.EncodeDispute(d)
		err = c.fact("dispute.final", d.ID, (*ledgerv1.DisputeRecord)(nil), b, err)
		if err != nil {
			return err
		}
		c.point(kindDispute, p.ID, d.ID)
		c.point(kindGateway, p.ID, d.GatewayID)
		payments.Disputes.Delete(c.tx, c.key(d.ID))
	}
	return nil
}

// endExpectations ends what was to be seen of a payment, and the entries that showed it. Each
// change of an expectation is a fact already.
func (c *change) endExpectations(p payments.Payment) error {
	expected, err := all(c.tx, Expectations, "subject", c.tenant, p.ID)
	if err != nil {
		return err
	}
	for _, e := range expected {
		if err := c.endExpectation(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) endExpectation(e Expectation) error {
	entries, err := all(c.tx, StatementEntries, "expectation", c.tenant, e.ID)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		b, err := EncodeStatementEntry(entry)
		err = c.fact("statement_entry.final", entry.ID, (*ledgerv1.StatementEntryRecord)(nil), b,
			err)
		if err != nil {
			return err
		}
		c.point(kindEntry, entry.ID, entry.ID)
		StatementEntries.Delete(c.tx, c.key(entry.ID))
	}
	Expectations.Delete(c.tx, c.key(e.ID))
	return nil
}

// endInvoice ends an invoice that nothing is due of any more when no payment of it is open; those
// that were canceled or expired end with it. Then it sees whether its quote can end.
func (c *change) endInvoice(id string) error {
	inv, ok, err := quoting.Invoices.Get(c.tx, c.key(id))
	if err != nil || !ok || inv.State == quoting.InvoiceDraft || inv.State == quoting.InvoiceOpen {
		return err
	}
	paid, err := all(c.tx, payments.Payments, "invoice", c.tenant, id)
	if err != nil {
		return err
	}
	for _, p := range paid {
		if p.State != payments.Canceled && p.State != payments.Expired {
			return nil
		}
	}
	for _, p := range paid {
		if err := c.endPayment(p, "payment.given_up"); err != nil {
			return err
		}
	}
	b, err := quoting.EncodeInvoice(inv)
	err = c.fact("invoice.settled", inv.ID, (*quotingv1.InvoiceRecord)(nil), b, err)
	if err != nil {
		return err
	}
	c.point(kindInvoice, inv.ID, inv.ID)
	quoting.Invoices.Delete(c.tx, c.key(inv.ID))
	if err := access.RevokeLinks(c.tx, c.tenant, inv.ID); err != nil {
		return err
	}
	return c.endQuote(inv.Quote)
}

// endQuote ends a quote that is wholly invoiced, with its redemptions and the links to it, when
// none of its invoices is open. What is reserved for it still is released: nothing can redeem it
// any more, and its count would stay for ever.
func (c *change) endQuote(id string) error {
	q, ok, err := quoting.Quotes.Get(c.tx, c.key(id))
	if err != nil || !ok || q.State() != quoting.QuoteInvoiced {
		return err
	}
	open, err := all(c.tx, quoting.Invoices, "quote", c.tenant, q.ID)
	if err != nil || len(open) > 0 {
		return err
	}
	if _, err := quoting.ReleaseAll(c.tx, c.tenant, q.ID); err != nil {
		return err
	}
	return c.finishQuote(q, "quote.settled")
}

func init() { quoting.OnClosed(closeQuote) }

// closeQuote ends a quote that came to nothing, as one that is settled ends.
func closeQuote(tx *compaction.Tx, q quoting.Quote) error {
	c := begin(tx, q.Tenant, "quote.close")
	if err := c.finishQuote(q, "quote.closed"); err != nil {
		return err
	}
	return c.write()
}

// finishQuote writes the final records of a quote and its redemptions, points to them, and ends the
// open ones and the links to it.
func (c *change) finishQuote(q quoting.Quote, kind string) error {
	b, err := quoting.EncodeQuote(q)
	err = c.fact(kind, q.ID, (*quotingv1.QuoteRecord)(nil), b, err)
	if err != nil {
		return err
	}
	c.point(kindQuote, q.ID, q.ID)
	quoting.Quotes.Delete(c.tx, c.key(q.ID))
	used, err := quoting.RedemptionsOf(c.tx, c.tenant, q.ID)
	if err != nil {
		return err
	}
	for _, r := range used {
		b, err := quoting.EncodeRedemption(r)
		err = c.fact("redemption.final", r.ID, (*quotingv1.RedemptionRecord)(nil), b, err)
		if err != nil {
			return err
		}
		c.point(kindRedemption, q.ID, r.ID)
		quoting.Redemptions.Delete(c.tx, c.key(r.ID))
	}
	return access.RevokeLinks(c.tx, c.tenant, q.ID)
}
