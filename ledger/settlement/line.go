package settlement

import (
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
	"github.com/quittance/quittance/quoting"
)

// The codes with which a payout line is refused for a person to look at.
const (
	CodeAmount     = "amount_mismatch"
	CodeCurrency   = "currency_mismatch"
	CodeConflicted = "conflicted"
)

// ApplyPayoutLine settles a line of a payout in the books of its owner, once by its id: bank →
// clearing for its net amount and fees → clearing for what of its fee is not posted, so that
// clearing holds nothing of what it moved. Then the payment is settled, if all it moved was seen.
//
// A line proves what it shows: a charge that is not known to have succeeded, a refund or a dispute
// that is not known at all are applied as facts first. A line that shows something else than the
// books expect is kept with the expectation and answered by a code; it posts nothing.
//
// It fails with a *LineError for a payment that the owner does not have (yet), and with a
// *SettledError for one that is no longer open.
func ApplyPayoutLine(tx *compaction.Tx, n payments.LineNotice) (code string, err error) {
	l := n.Line
	if done, err := Ended(tx, l.Owner, l.ID); done || err != nil {
		return "", err
	}
	c := begin(tx, l.Owner, "payout.line")
	if l.Payment == "" && l.GatewayPayment == "" {
		err = c.ownLine(n)
	} else {
		code, err = c.paymentLine(n)
	}
	if err != nil {
		return "", err
	}
	return code, c.write()
}

// ownLine posts a line that belongs to no payment: a fee, a payout that came back, or what nothing
// explains.
func (c *change) ownLine(n payments.LineNotice) error {
	l := n.Line
	item := c.item(n, payments.Payment{}, quoting.Invoice{})
	pairs := about("", "", l.ID)
	switch l.Kind {
	case payments.LineFee:
		item.Category = CategoryFee
		c.post("gateway_fee", charged(n.Gateway, negative(l.Net)), pairs...)
	case payments.LinePayoutFailure:
		item.Category = CategoryPayoutFailure
		c.post("gateway_fee", charged(n.Gateway, l.Fee), pairs...)
		if err := c.sentAgain(n); err != nil {
			return err
		}
	default:
		item.Category = CategoryOther
		c.post("unexplained", moves{}.move(Clearing(n.Gateway), Suspense(n.Gateway), l.Net),
			pairs...)
	}
	c.post("payout_line", paidOut(n.Gateway, l.Owner, l.Tenant, l.Net), pairs...)
	return c.endLine(l, item)
}

// sentAgain ends the expectation of a payout that came back, when a line shows it.
func (c *change) sentAgain(n payments.LineNotice) error {
	e, ok, err := Expectations.Get(c.tx, c.key(returnedID(PayoutID(n.Gateway, n.Line.Source))))
	if err != nil || !ok {
		return err
	}
	if e, err = e.See(n.Line.Gross, n.Line.ID, Auto, c.at()); err != nil {
		return err
	}
	if err := c.expect(e); err != nil || e.Status != Matched {
		return err
	}
	return c.endExpectation(e)
}

// paymentLine settles a line that belongs to a payment.
func (c *change) paymentLine(n payments.LineNotice) (code string, err error) {
	l := n.Line
	p, ok, err := findPayment(c.tx, c.tenant, l.Payment, n.Gateway, l.GatewayPayment)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", &LineError{l.ID, "unknown_payment"}
	}
	if l.Kind == payments.LineFee || l.Kind == payments.LineOther {
		return "", c.feeLine(n, p)
	}
	if p.Amount.Currency() != l.Net.Currency() {
		return CodeCurrency, nil
	}
	if p, err = c.prove(n, p); err != nil {
		return "", err
	}
	if p.State == payments.Conflicted {
		return CodeConflicted, nil
	}
	e, ok, err := c.expectedBy(n, p)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", &LineError{l.ID, "unexpected"}
	}
	if e.MatchedBy == l.ID { // it was refused before, and is sent again
		e.Seen, e.Sightings = money.New(0, e.Amount.Currency()), 0
	}
	seen, err := e.See(l.Gross, l.ID, Auto, c.at())
	if err != nil {
		return "", err
	}
	if seen.Status != Matched {
		return CodeAmount, c.expect(seen)
	}
	return "", c.settleLine(n, p, seen)
}

// settleLine posts a line that shows exactly what an expectation says.
func (c *change) settleLine(n payments.LineNotice, p payments.Payment, seen Expectation) error {
	l := n.Line
	fee, err := l.Fee.Sub(seen.Fee)
	if err != nil {
		return err
	}
	pairs := about(p.ID, p.Invoice, l.ID)
	c.post("gateway_fee", charged(n.Gateway, fee), pairs...)
	c.post("payout_line", paidOut(n.Gateway, l.Owner, l.Tenant, l.Net), pairs...)
	seen.Fee = l.Fee
	if err := c.expect(seen); err != nil {
		return err
	}
	if p.Fee, err = p.Fee.Add(fee); err != nil {
		return err
	}
	inv, err := invoiceOf(c.tx, p)
	if err != nil {
		return err
	}
	item := c.item(n, p, inv)
	switch seen.Kind {
	case ExpectPayment:
		p.SettledBy, item.Category = l.ID, CategoryCharge
	case ExpectRefund, ExpectRefundFailure:
		item.Refund, item.Category = seen.Source, CategoryRefund
		if seen.Kind == ExpectRefundFailure {
			item.Category = CategoryRefundFailure
		}
		if err := c.settledRefund(seen.Source, l.ID); err != nil {
			return err
		}
	default:
		item.Dispute, item.Category = seen.Source, CategoryDispute
		if seen.Kind == ExpectDisputeReversal {
			item.Category = CategoryDisputeReversal
		}
	}
	p.Updated = c.at()
	payments.Payments.Put(c.tx, c.key(p.ID), p)
	if err := c.endLine(l, item); err != nil {
		return err
	}
	return c.settleIfClear(p.ID)
}

// feeLine posts a fee, or what nothing explains, that a payout charges to a payment.
func (c *change) feeLine(n payments.LineNotice, p payments.Payment) error {
	l := n.Line
	inv, err := invoiceOf(c.tx, p)
	if err != nil {
		return err
	}
	item, pairs := c.item(n, p, inv), about(p.ID, p.Invoice, l.ID)
	item.Category = CategoryFee
	c.post("gateway_fee", charged(n.Gateway, negative(l.Net)), pairs...)
	c.post("payout_line", paidOut(n.Gateway, l.Owner, l.Tenant, l.Net), pairs...)
	return c.endLine(l, item)
}

// settledRefund notes what cleared a refund.
func (c *change) settledRefund(refund, line string) error {
	r, ok, err := payments.Refunds.Get(c.tx, c.key(refund))
	if err != nil || !ok {
		return err
	}
	r.SettledBy, r.Updated = line, c.at()
	payments.Refunds.Put(c.tx, c.key(refund), r)
	return nil
}

// prove applies what a line shows as a fact, where the books do not know it.
func (c *change) prove(n payments.LineNotice, p payments.Payment) (payments.Payment, error) {
	l := n.Line
	gross := l.Gross
	if gross.Sign() < 0 {
		gross = negative(gross)
	}
	switch {
	case l.Kind == payments.LinePayment && p.State != payments.Succeeded &&
		p.State != payments.Conflicted:
		return c.applyPayment(p, payments.Fact{Gateway: n.Gateway,
			GatewayID: first(p.GatewayID, l.GatewayPayment), State: payments.Succeeded,
			Amount: p.Amount, Received: l.Gross, Fee: l.Fee, Charge: l.Source,
			Succeeded: l.Created, Observed: c.at()})
	case l.Kind == payments.LineRefund:
		return c.proveRefund(n, p, gross)
	case l.Kind == payments.LineDispute:
		id := DisputeID(n.Gateway, l.Source)
		if _, ok, err := payments.Disputes.Get(c.tx, c.key(id)); ok || err != nil {
			return p, err
		}
		err := c.applyDispute(p, payments.DisputeFact{Gateway: n.Gateway, GatewayID: l.Source,
			GatewayPayment: l.GatewayPayment, State: payments.DisputeNeedsResponse,
			Amount: gross, Withdrawn: gross, Fee: l.Fee, Observed: l.Created})
		if err != nil {
			return p, err
		}
	}
	return c.again(p)
}

// proveRefund makes a refund that a line shows known as one that succeeded.
func (c *change) proveRefund(n payments.LineNotice, p payments.Payment, gross money.Amount) (
	payments.Payment, error) {
	l := n.Line
	r, ok, err := found(c.tx, payments.Refunds, c.tenant, l.Refund, n.Gateway, l.Source)
	if err != nil || ok && !r.State.Undecided() {
		return p, err
	}
	if !ok {
		p, r, err = p.Request(payments.Refund{ID: n.Gateway + "-" + l.Source, Amount: gross},
			c.at())
		if err != nil {
			return p, err
		}
	}
	_, err = c.applyRefund(p, r, payments.RefundFact{Gateway: n.Gateway, GatewayID: l.Source,
		GatewayPayment: l.GatewayPayment, State: payments.RefundSucceeded, Amount: gross,
		Observed: c.at()})
	if err != nil {
		return p, err
	}
	return c.again(p)
}

// again returns a payment as the command has left it.
func (c *change) again(p payments.Payment) (payments.Payment, error) {
	now, ok, err := payments.Payments.Get(c.tx, c.key(p.ID))
	if err != nil || !ok {
		return p, err
	}
	return now, nil
}

// expectedBy returns the expectation that a line is about.
func (c *change) expectedBy(n payments.LineNotice, p payments.Payment) (Expectation, bool, error) {
	l := n.Line
	expected, err := all(c.tx, Expectations, "subject", c.tenant, p.ID)
	if err != nil {
		return Expectation{}, false, err
	}
	source := ""
	switch l.Kind {
	case payments.LineRefund, payments.LineRefundFailure:
		r, _, err := found(c.tx, payments.Refunds, c.tenant, l.Refund, n.Gateway, l.Source)
		if err != nil {
			return Expectation{}, false, err
		}
		source = r.ID
	case payments.LineDispute, payments.LineDisputeReversal:
		source = DisputeID(n.Gateway, l.Source)
	}
	kind := map[payments.LineKind]ExpectationKind{payments.LinePayment: ExpectPayment,
		payments.LineRefund: ExpectRefund, payments.LineRefundFailure: ExpectRefundFailure,
		payments.LineDispute:         ExpectDispute,
		payments.LineDisputeReversal: ExpectDisputeReversal}[l.Kind]
	best, ok := Expectation{}, false
	for _, e := range expected {
		if e.Kind == kind && e.Source == source && e.Open() && (!ok || e.Amount == l.Gross) {
			best, ok = e, true
		}
	}
	return best, ok, nil
}

// endLine keeps a line that is settled and its item as facts, and points to it by its id.
func (c *change) endLine(l payments.PayoutLine, item Item) error {
	l.State, l.Answered = payments.LineSettled, c.at()
	b, err := payments.EncodePayoutLine(l)
	err = c.fact("payout_line.settled", l.ID, (*ledgerv1.PayoutLineRecord)(nil), b, err)
	if err != nil {
		return err
	}
	c.point(kindLine, l.ID, l.ID)
	return c.factItem(item)
}

func (c *change) factItem(i Item) error {
	b, err := EncodeItem(i)
	return c.fact(FactItem, i.ID, (*ledgerv1.ReconciliationItem)(nil), b, err)
}

// item returns what a line adds to the reconciliation report; its category is the caller's.
func (c *change) item(n payments.LineNotice, p payments.Payment, inv quoting.Invoice) Item {
	l := n.Line
	i := itemOf(c, l.Owner, l.Net.Currency(), p, inv)
	i.ID, i.Gross, i.Fee, i.Net = l.ID, l.Gross, l.Fee, l.Net
	i.Gateway, i.Source, i.GatewayPayment = n.Gateway, l.Source, l.GatewayPayment
	i.Payout, i.GatewayPayout = l.Payout, strings.TrimPrefix(l.Payout, n.Gateway+"-")
	i.Created, i.Available = l.Created, n.Arrival
	return i
}

// itemOf returns an item with what it belongs to.
func itemOf(c *change, tenant string, currency money.Currency, p payments.Payment,
	inv quoting.Invoice) Item {
	zero := money.New(0, currency)
	i := Item{Tenant: tenant, Payable: zero, Tax: zero, Promotion: zero, Method: "card",
		Payment: p.ID, Invoice: p.Invoice, Customer: p.Customer, Settled: c.at(), Match: Auto}
	if p.Gateway == Offline {
		i.Method = p.Method
	}
	if p.ID == "" {
		i.Method = ""
	}
	if inv.ID == "" || inv.Priced.Currency != currency {
		return i
	}
	i.InvoiceNumber, i.Quote = inv.Name(), inv.Quote
	i.Payable, i.Tax = inv.Priced.Payable, inv.Priced.Tax
	for _, promotion := range inv.Priced.Promotions {
		i.Promotion = money.New(i.Promotion.Minor()+promotion.Amount.Minor(), currency)
	}
	return i
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
