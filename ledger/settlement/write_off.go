package settlement

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting"
)

// MarkUncollectible gives an invoice up: bad_debt → receivable for what is due and, with relief,
// the tax in it out of the tax accounts. Promotions reserved for it are released. What was written
// off is kept with the invoice: money that comes after all undoes it in the same parts. Refusals:
// those of quoting.MarkUncollectible, and *UnderWayError.
func MarkUncollectible(tx *compaction.Tx, tenant, invoice string, relief bool) (
	quoting.Invoice, error) {
	before, err := openInvoiceRecord(tx, tenant, invoice)
	if err != nil {
		return before, err
	}
	if err := nothingUnderWay(tx, before); err != nil {
		return before, err
	}
	due := before.AmountDue()
	w := quoting.WriteOff{Amount: due}
	if relief {
		if w.Relief, err = relieved(FiguresOf(before), due); err != nil {
			return before, err
		}
	}
	i, err := quoting.MarkUncollectible(tx, tenant, invoice, w)
	if err != nil {
		return i, err
	}
	m, err := writtenOff(i.Customer, w, money.New(0, due.Currency()), due)
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

// relieved returns the tax in what is due, which is divided as the invoice is. A deposit has none:
// it is no revenue yet.
func relieved(f Figures, due money.Amount) ([]quoting.Relief, error) {
	if f.Deposit || f.Net.Sign() < 0 {
		return nil, nil
	}
	weights := []uint64{uint64(f.Net.Minor())}
	for _, t := range f.Taxes {
		weights = append(weights, uint64(max(0, t.Amount.Minor())))
	}
	parts, err := due.Split(weights...)
	if err != nil {
		return nil, err
	}
	var relief []quoting.Relief
	for n, t := range f.Taxes {
		if a := parts[n+1]; !a.IsZero() {
			relief = append(relief, quoting.Relief{Category: quoting.TaxCategory(t.Category), Amount: a})
		}
	}
	return relief, nil
}

// writtenOff: bad_debt → receivable:customer; with tax relief, tax:category → receivable for the
// tax in what is owed. It takes what stands written off from what it is while one amount is due to
// what it is while another is, by the stored parts; so going back to nothing undoes all of it.
func writtenOff(customer string, w quoting.WriteOff, before, after money.Amount) (moves, error) {
	was, err := standing(w, before)
	if err != nil {
		return nil, err
	}
	is, err := standing(w, after)
	if err != nil {
		return nil, err
	}
	var m moves
	for n, a := range is {
		account := AccountBadDebt
		if n > 0 {
			account = Tax(string(w.Relief[n-1].Category))
		}
		if a, err = a.Sub(was[n]); err != nil {
			return nil, err
		}
		m = m.move(account, Receivable(customer), a)
	}
	return m, nil
}

// standing returns the bad debt and each relief that a write-off leaves while an amount is due.
// What is due beyond what was written off, since a payment was taken back, is a bad debt.
func standing(w quoting.WriteOff, due money.Amount) ([]money.Amount, error) {
	parts := []money.Amount{due}
	for _, r := range w.Relief {
		a := r.Amount
		if paid, err := w.Amount.Sub(due); err != nil {
			return nil, err
		} else if paid.Sign() > 0 {
			shares, err := a.Split(uint64(due.Minor()), uint64(paid.Minor()))
			if err != nil {
				return nil, err
			}
			a = shares[0]
		}
		var err error
		if parts[0], err = parts[0].Sub(a); err != nil {
			return nil, err
		}
		parts = append(parts, a)
	}
	return parts, nil
}

// rebalance posts what an invoice's change leaves on the receivable that is not due: what is paid
// too much becomes the customer's credit, and what comes for a debt that was written off undoes
// that.
func (c *change) rebalance(before, after quoting.Invoice, pairs []ledger.Pair) error {
	was, is := before.AmountOverpaid().Minor(), after.AmountOverpaid().Minor()
	currency := after.Priced.Currency
	c.post("overpaid", overpaid(after.Customer, money.New(is-was, currency)), pairs...)
	if before.State != quoting.InvoiceUncollectible {
		return nil
	}
	w := quoting.WriteOff{Amount: before.AmountDue()} // of one from before its parts were kept
	if before.WriteOff != nil {
		w = *before.WriteOff
	}
	m, err := writtenOff(after.Customer, w, before.AmountDue(), after.AmountDue())
	c.post("recovered", m, pairs...)
	return err
}
