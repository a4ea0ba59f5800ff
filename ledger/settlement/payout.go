package settlement

import (
	"errors"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// PayoutID is our id of a gateway's payout.
func PayoutID(gateway, gatewayID string) string { return gateway + "-" + gatewayID }

// returnedID is the id of the expectation that a payout which came back is sent again.
func returnedID(payout string) string { return payout + "-returned" }

// RemainderID is the id of the line that labels what a payout's lines do not explain.
func RemainderID(payout string) string { return payout + "-remainder" }

// ApplyPayout writes, in the books of the tenant that holds the gateway's account, what the gateway
// said about a payout and its lines; without lines it only moves the payout. Once it is paid its
// lines are taken: each goes through the outbox to the books of the tenant whose money it is, and
// meanwhile stands as bank → due_to:owner. What the lines do not explain is a line of its own, so
// that they sum to the payout to the last minor unit. When a payout that was paid comes back:
// clearing → bank.
//
// It fails with a *SettledError for a payout that is closed, *payments.FactError and
// *payments.LinesError.
func ApplyPayout(tx *compaction.Tx, tenant string, f payments.PayoutFact,
	lines []payments.PayoutLine) error {
	p, ok, err := found(tx, payments.Payouts, tenant, "", f.Gateway, f.GatewayID)
	if err != nil {
		return err
	}
	if !ok {
		p = payments.Payout{ID: PayoutID(f.Gateway, f.GatewayID), Tenant: tenant}
	}
	c := begin(tx, tenant, "payout.fact")
	p, ch, err := p.Apply(f, tx.Now())
	if err != nil {
		return err
	}
	if ch.Result == payments.Applied || ch.Result == payments.Contradict {
		payments.Payouts.Put(tx, c.key(p.ID), p)
	}
	if ch.Result == payments.Applied && ch.From != ch.To {
		if err := c.movedPayout(p, ch); err != nil {
			return err
		}
	}
	if p.State == payments.PayoutPaid && !p.Fetched && p.Conflict == "" && len(lines) > 0 {
		if err := c.takeLines(p, lines); err != nil {
			return err
		}
	}
	return c.write()
}

// movedPayout says what a payout's new state means.
func (c *change) movedPayout(p payments.Payout, ch payments.PayoutChange) error {
	b, err := payments.EncodePayout(p)
	err = c.fact("payout."+p.State.String(), p.ID, (*ledgerv1.PayoutRecord)(nil), b, err)
	if err != nil {
		return err
	}
	expected, known, err := Expectations.Get(c.tx, c.key(p.ID))
	if err != nil {
		return err
	}
	switch p.State {
	case payments.PayoutPaid:
		arrival := p.Arrival
		if arrival.IsZero() {
			arrival = c.at()
		}
		return c.expect(Expectation{ID: p.ID, Tenant: p.Tenant, Kind: ExpectPayout,
			Subject: p.ID, Gateway: p.Gateway, Amount: p.Amount,
			References: references(p.GatewayID, p.Trace, p.ID),
			Deadline:   arrival.Add(payoutDeadline)})
	case payments.PayoutFailed, payments.PayoutCanceled:
		if ch.From == payments.PayoutPaid && p.Fetched {
			c.post("payout_failed", cameBack(p.Gateway, p.Amount), about("", "", p.ID)...)
			err := c.expect(Expectation{ID: returnedID(p.ID), Tenant: p.Tenant,
				Kind: ExpectReturnedPayout, Subject: p.ID, Gateway: p.Gateway, Amount: p.Amount,
				Deadline: c.at().Add(gatewayDeadline)})
			if err != nil {
				return err
			}
		}
		if known && expected.Open() {
			expected.Status = Void
			if err := c.expect(expected); err != nil {
				return err
			}
		}
		return c.endPayout(p)
	}
	return nil
}

// takeLines stores a payout's lines and sends each to its owner.
func (c *change) takeLines(p payments.Payout, lines []payments.PayoutLine) error {
	lines, err := withRemainder(p, lines)
	if err != nil {
		return err
	}
	p, lines, err = p.WithLines(lines, c.at())
	if err != nil {
		return err
	}
	payments.Payouts.Put(c.tx, c.key(p.ID), p)
	if err := c.receive(p, lines); err != nil {
		return err
	}
	for _, l := range lines {
		payments.PayoutLines.Put(c.tx, compaction.Key(c.tenant, p.ID, l.ID), l)
		e, err := p.LineEffect(l)
		if err != nil {
			return err
		}
		if err := compaction.Emit(c.tx, e); err != nil {
			return err
		}
	}
	b, err := payments.EncodePayout(p)
	return c.fact("payout.itemized", p.ID, (*ledgerv1.PayoutRecord)(nil), b, err)
}

// receive posts what a payout owes each other tenant: one posting an owner, as lines may be many.
func (c *change) receive(p payments.Payout, lines []payments.PayoutLine) error {
	var owners []string
	owed := map[string]money.Amount{}
	for _, l := range lines {
		if l.Owner == c.tenant {
			continue
		}
		sum, known := owed[l.Owner]
		if !known {
			owners, sum = append(owners, l.Owner), money.New(0, l.Net.Currency())
		}
		var err error
		if owed[l.Owner], err = sum.Add(l.Net); err != nil {
			return err
		}
	}
	for _, owner := range owners {
		c.post("payout_received", received(owner, owed[owner]), about("", "", p.ID)...)
	}
	return nil
}

// withRemainder adds the line that labels what is left of a payout, if anything is.
func withRemainder(p payments.Payout, lines []payments.PayoutLine) ([]payments.PayoutLine, error) {
	left := p.Amount
	for i, l := range lines {
		var err error
		if left, err = left.Sub(l.Net); err != nil {
			return nil, &payments.LinesError{Line: l.ID}
		}
		if l.Owner == "" {
			lines[i].Owner = p.Tenant
		}
	}
	if left.IsZero() {
		return lines, nil
	}
	return append(lines[:len(lines):len(lines)], payments.PayoutLine{ID: RemainderID(p.ID),
		Owner: p.Tenant, Kind: payments.LineOther, Gross: left,
		Fee: money.New(0, left.Currency()), Net: left, Created: p.Created}), nil
}

// AnswerPayoutLine writes to the payout what the owner's books said of a line: an empty code is
// settled, and due_to:owner → bank, because its share of the account is in the owner's books now.
// When all lines are settled the payout is reconciled and closed. Answers to a closed payout, or
// given twice, change nothing.
func AnswerPayoutLine(tx *compaction.Tx, l payments.PayoutLine, code string) error {
	p, ok, err := found(tx, payments.Payouts, l.Tenant, l.Payout, "", "")
	var settled *SettledError
	if errors.As(err, &settled) {
		return nil
	}
	if err != nil || !ok {
		return err
	}
	key := compaction.Key(l.Tenant, p.ID, l.ID)
	known, ok, err := payments.PayoutLines.Get(tx, key)
	if err != nil || !ok {
		return err
	}
	before := known.State
	p, known = p.Answer(known, code, tx.Now())
	if known.State == before {
		return nil
	}
	payments.PayoutLines.Put(tx, key, known)
	payments.Payouts.Put(tx, compaction.Key(l.Tenant, p.ID), p)
	c := begin(tx, l.Tenant, "payout.answer")
	if known.State == payments.LineSettled && known.Owner != l.Tenant {
		c.post("payout_passed_on", passedOn(known.Owner, known.Net), about("", "", l.ID)...)
	}
	if err := c.endPayout(p); err != nil {
		return err
	}
	return c.write()
}

// endPayout closes a payout that is reconciled, or that failed before its lines were taken: its
// final record and those of its lines go to the journal, ledger.Settled points to it, and the open
// records end. What the bank must show of it stays expected.
func (c *change) endPayout(p payments.Payout) error {
	over := p.State == payments.PayoutPaid || p.Fetched && p.State == payments.PayoutFailed
	failed := !p.Fetched && p.State >= payments.PayoutFailed
	if !failed && !(over && p.Reconciled()) {
		return nil
	}
	b, err := payments.EncodePayout(p)
	err = c.fact("payout.settled", p.ID, (*ledgerv1.PayoutRecord)(nil), b, err)
	if err != nil {
		return err
	}
	rows, err := payments.PayoutLines.Scan(c.tx, compaction.Page{Prefix: c.key(p.ID) + "/"})
	if err != nil {
		return err
	}
	for _, r := range rows {
		b, err := payments.EncodePayoutLine(r.Value)
		err = c.fact("payout_line.answered", r.Value.ID, (*ledgerv1.PayoutLineRecord)(nil), b, err)
		if err != nil {
			return err
		}
		payments.PayoutLines.Delete(c.tx, r.Key)
	}
	c.point(kindGateway, p.ID, p.GatewayID)
	c.point(kindPayout, p.ID, p.ID)
	payments.Payouts.Delete(c.tx, c.key(p.ID))
	return nil
}

// ResendPayoutLine sends a line that was refused to its owner again. It fails with ErrNotFound, and
// with ErrMatched for a line that was not refused.
func ResendPayoutLine(tx *compaction.Tx, tenant, payout, line string) error {
	p, ok, err := found(tx, payments.Payouts, tenant, payout, "", "")
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return err
	}
	l, ok, err := payments.PayoutLines.Get(tx, compaction.Key(tenant, p.ID, line))
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrNotFound
	case l.State != payments.LineRefused:
		return ErrMatched
	}
	e, err := p.LineEffect(l)
	if err != nil {
		return err
	}
	return compaction.Emit(tx, e)
}
