package settlement

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting"
)

// CreditInvoice takes an amount off an invoice by a credit note, which posts back what finalising
// the invoice posted: in parts by its own proportions, and with the last of them all that is left,
// so that credit notes of the whole undo its stored shares to the last minor unit, with what the
// platform, earlier payments and rounding had of it. What was paid of it already becomes the
// customer's credit, which a refund that names the credit note pays out. An invoice that credit
// notes alone have paid releases the promotions that were reserved for it. It fails as
// quoting.ApplyCredit does, and with an *UnderWayError where a payment under way would bring what
// the credit note takes off.
func CreditInvoice(tx *compaction.Tx, tenant, invoice, creditNote string, a money.Amount) (
	quoting.Invoice, error) {
	before, err := openInvoiceRecord(tx, tenant, invoice)
	if err != nil {
		return before, err
	}
	if err := leavesUnderWay(tx, before, a); err != nil {
		return before, err
	}
	i, err := quoting.ApplyCredit(tx, tenant, invoice, creditNote, a)
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
	if err := c.rebalance(before, i, about("", i.ID, creditNote)); err != nil {
		return i, err
	}
	if i.State == quoting.InvoicePaid && i.AmountPaid.IsZero() {
		if _, err := quoting.ReleaseAll(tx, tenant, i.Quote); err != nil {
			return i, err
		}
	}
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

// creditedShares returns what a credit note posts that takes what is credited of an invoice from
// one amount to another: what stands taken back after it, less what stood before.
func creditedShares(f Figures, before, after money.Amount) (moves, error) {
	was, err := f.portion(before)
	if err != nil {
		return nil, err
	}
	is, err := f.portion(after)
	if err != nil {
		return nil, err
	}
	for n := range is {
		if is[n], err = is[n].Sub(was[n]); err != nil {
			return nil, err
		}
	}
	return credited(f.with(is)), nil
}

// parts returns what an invoice's payable amount is the sum of: Net, Rounding, what Promotion and
// Prepaid take off, and each of Taxes.
func (f Figures) parts() []money.Amount {
	parts := []money.Amount{f.Net, f.Rounding, negative(f.Promotion), negative(f.Prepaid)}
	for _, t := range f.Taxes {
		parts = append(parts, t.Amount)
	}
	return parts
}

// with is the inverse of parts: f with other amounts.
func (f Figures) with(parts []money.Amount) Figures {
	f.Net, f.Rounding = parts[0], parts[1]
	f.Promotion, f.Prepaid = negative(parts[2]), negative(parts[3])
	taxes := make([]Share, 0, len(f.Taxes))
	for n, t := range f.Taxes {
		taxes = append(taxes, Share{t.Category, parts[4+n]})
	}
	f.Taxes = taxes
	return f
}

// portion returns the part of each of f.parts() that belongs to an amount of the payable: together
// they are that amount, and of all that is payable they are the parts themselves. Those below zero
// go by their proportion; those above zero share the rest.
func (f Figures) portion(a money.Amount) ([]money.Amount, error) {
	rest, err := f.Payable.Sub(a)
	if err != nil {
		return nil, err
	}
	parts, pool := f.parts(), a
	weights := make([]uint64, len(parts))
	for n, p := range parts {
		if p.Sign() >= 0 {
			weights[n] = uint64(p.Minor())
			continue
		}
		shares, err := negative(p).Split(uint64(a.Minor()), uint64(rest.Minor()))
		if err != nil {
			return nil, err
		}
		if pool, err = pool.Add(shares[0]); err != nil {
			return nil, err
		}
		parts[n] = negative(shares[0])
	}
	shares, err := pool.Split(weights...)
	if err != nil {
		return nil, err
	}
	for n := range parts {
		if weights[n] > 0 {
			parts[n] = shares[n]
		}
	}
	return parts, nil
}
