package quoting

import (
	"slices"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// A CreditNote is what was taken off an invoice at once.
type CreditNote struct {
	ID       string       // "crn_…"
	Amount   money.Amount // tax included
	Refunded money.Amount // of it, what refunds that name it gave back or have set aside
}

// Left returns what refunds may still pay out of n. Amounts are bounded, so it does not overflow.
func (n CreditNote) Left() money.Amount {
	return money.New(n.Amount.Minor()-n.Refunded.Minor(), n.Amount.Currency())
}

// CreditNote returns a credit note of i. It fails with a *NotFoundError.
func (i Invoice) CreditNote(id string) (CreditNote, error) {
	n := i.creditNote(id)
	if n < 0 {
		return CreditNote{}, &NotFoundError{"credit note"}
	}
	return i.CreditNotes[n], nil
}

func (i Invoice) creditNote(id string) int {
	return slices.IndexFunc(i.CreditNotes, func(n CreditNote) bool { return n.ID == id })
}

// Draw returns i after a refund that pays out a credit note has set an amount aside. It fails with
// a *FieldError, a *NotFoundError for a credit note that i does not have, and an *AmountError for
// more than is left of it.
func (i Invoice) Draw(note string, a money.Amount) (Invoice, error) {
	if err := i.positive(a); err != nil {
		return i, err
	}
	n, err := i.CreditNote(note)
	if err != nil {
		return i, err
	}
	if left := n.Left(); a.Minor() > left.Minor() {
		return i, &AmountError{"credit note", a, left}
	}
	return i.drawn(note, a)
}

// drawn returns i with an amount added to what is refunded of a credit note.
func (i Invoice) drawn(note string, a money.Amount) (Invoice, error) {
	n := i.creditNote(note)
	refunded, err := i.CreditNotes[n].Refunded.Add(a)
	if err != nil {
		return i, err
	}
	i.CreditNotes = slices.Clone(i.CreditNotes)
	i.CreditNotes[n].Refunded = refunded
	return i, nil
}

// ApplyCredit stores what Invoice.Credit returns, with the credit note that took the amount off. It
// fails as that does, with a *NotFoundError, and with an *ExistsError for a credit note that the
// invoice has.
func ApplyCredit(tx *compaction.Tx, tenant, id, note string, a money.Amount) (Invoice, error) {
	return onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) {
		if note == "" || !isText(note, maxID, false) {
			return i, badText("credit_note", maxID)
		}
		if i.creditNote(note) >= 0 {
			return i, &ExistsError{"credit note"}
		}
		i, err := i.Credit(a, tx.Now())
		if err != nil {
			return i, err
		}
		i.CreditNotes = append(slices.Clone(i.CreditNotes),
			CreditNote{ID: note, Amount: a, Refunded: money.New(0, a.Currency())})
		return i, nil
	})
}

// DrawCredit stores what Invoice.Draw returns. It fails as that does, and with a *NotFoundError.
func DrawCredit(tx *compaction.Tx, tenant, id, note string, a money.Amount) (Invoice, error) {
	return onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) {
		i, err := i.Draw(note, a)
		i.Updated = tx.Now()
		return i, err
	})
}

// ReturnCredit gives back what a refund that failed has drawn from a credit note. A credit note
// that the invoice does not have changes nothing: refunds could once name any text. It fails with a
// *NotFoundError for the invoice.
func ReturnCredit(tx *compaction.Tx, tenant, id, note string, a money.Amount) (Invoice, error) {
	return onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) {
		n := i.creditNote(note)
		if n < 0 || i.CreditNotes[n].Refunded.Minor() < a.Minor() {
			return i, nil
		}
		i, err := i.drawn(note, money.New(-a.Minor(), a.Currency()))
		i.Updated = tx.Now()
		return i, err
	})
}
