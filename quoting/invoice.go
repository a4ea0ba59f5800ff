package quoting

import (
	"fmt"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// An Invoice is what a customer is to pay. Once it is finalised, what it bills never changes; only
// its state and what is paid and credited do.
type Invoice struct {
	Tenant    string
	ID        string // "inv_…"
	State     InvoiceState
	Number    uint64 // without a gap per tenant; 0 in a draft
	Quote     string
	Version   int // of the quote, from 1
	Mode      InvoiceMode
	Customer  string
	IssueDate Date // in the tenant's zone; empty in a draft
	DueDate   Date // the last day on which it is paid in time; may be empty in a draft
	Document  Document
	Priced    Priced // promotions included
	// Redemptions are the redemptions of the promotions in the price.
	Redemptions []string

	Frozen []byte // the stored bytes of all the above but the state, once finalised
	Hash   Hash   // of Frozen; zero in a draft

	AmountPaid     money.Amount // may be more than is owed: the rest is the customer's credit
	AmountCredited money.Amount // by credit notes
	AmountRefunded money.Amount // of what was paid, by refunds that name no credit note
	CreditNotes    []CreditNote // oldest first
	WriteOff       *WriteOff    // of when it was last given up
	Created        time.Time
	Updated        time.Time
	Finalized      time.Time
	Paid           time.Time // when it was last paid in full
	Closed         time.Time // when it was voided or given up
}

// A WriteOff is what was written off when an invoice was given up.
type WriteOff struct {
	Amount money.Amount // what was due
	Relief []Relief     // the tax in it that is claimed back; the rest is a bad debt
}

// A Relief is the tax of a category that is claimed back.
type Relief struct {
	Category TaxCategory
	Amount   money.Amount
}

// Invoices holds the invoices under Key(tenant, invoice). Its indexes read "tenant/state/invoice",
// "tenant/customer/invoice", "tenant/quote/invoice" and, for open ones, "tenant/due date/invoice".
var Invoices = compaction.NewTable(compaction.TableSpec[Invoice]{
	Message: (*quotingv1.InvoiceRecord)(nil),
	Encode:  encodeInvoice,
	Decode:  decodeInvoice,
	Indexes: []compaction.Index[Invoice]{
		{Name: "state", Keys: func(_ string, i Invoice) []string {
			return []string{compaction.Key(i.Tenant, i.State.String(), i.ID)}
		}},
		{Name: "customer", Keys: func(_ string, i Invoice) []string {
			return []string{compaction.Key(i.Tenant, i.Customer, i.ID)}
		}},
		{Name: "quote", Keys: func(_ string, i Invoice) []string {
			return []string{compaction.Key(i.Tenant, i.Quote, i.ID)}
		}},
		{Name: "due", Keys: func(_ string, i Invoice) []string {
			if i.State != InvoiceOpen {
				return nil
			}
			return []string{compaction.Key(i.Tenant, string(i.DueDate), i.ID)}
		}},
	},
})

// Name returns the invoice's number as people read it, empty in a draft: "INV-12".
func (i Invoice) Name() string {
	if i.Number == 0 {
		return ""
	}
	return fmt.Sprintf("INV-%d", i.Number)
}

// Total returns what the invoice asks the customer to pay: its payable amount.
func (i Invoice) Total() money.Amount { return i.Priced.Payable }

// balance returns what is owed, below zero for what was paid too much. Amounts are bounded, so it
// does not overflow.
func (i Invoice) balance() int64 {
	return i.Total().Minor() - i.AmountPaid.Minor() - i.AmountCredited.Minor()
}

// AmountDue returns what is still to be paid, at least zero. It is the same for an invoice that is
// void or was given up: what is owed does not depend on who still expects it.
func (i Invoice) AmountDue() money.Amount {
	return money.New(max(i.balance(), 0), i.Priced.Currency)
}

// AmountOverpaid returns what was paid or credited beyond the total, at least zero.
func (i Invoice) AmountOverpaid() money.Amount {
	return money.New(max(-i.balance(), 0), i.Priced.Currency)
}

// AmountKept returns what is held of what was paid, once refunds and lost disputes have taken
// theirs: nothing, or less, when the purchase is undone.
func (i Invoice) AmountKept() money.Amount {
	return money.New(i.AmountPaid.Minor()-i.AmountRefunded.Minor(), i.Priced.Currency)
}

// PartiallyPaid reports whether some of an open invoice was paid or credited, and some is due.
func (i Invoice) PartiallyPaid() bool {
	return i.State == InvoiceOpen && (i.AmountPaid.Sign() > 0 || i.AmountCredited.Sign() > 0)
}

// Overdue reports whether an open invoice's due date is before a day, which is today in the
// tenant's zone.
func (i Invoice) Overdue(today Date) bool { return i.State == InvoiceOpen && i.DueDate < today }

// FindInvoice returns an invoice. It fails with a *NotFoundError.
func FindInvoice(s compaction.State, tenant, id string) (Invoice, error) {
	return find(s, Invoices, compaction.Key(tenant, id), "invoice")
}

// An AmountError refuses an amount that is more than what there is.
type AmountError struct {
	Of                string // what it is taken of: "contract value", "invoice", "paid amount"
	Needed, Available money.Amount
}

// Error names both amounts.
func (e *AmountError) Error() string {
	return fmt.Sprintf("%s is more than the %s %s that is left of the %s",
		e.Needed, e.Available, e.Available.Currency(), e.Of)
}

// move returns i moved by an event. It fails with a *MoveError.
func (i Invoice) move(e InvoiceEvent, at time.Time) (Invoice, error) {
	to, err := i.State.Next(e)
	if err != nil {
		return i, err
	}
	i.State, i.Updated = to, at
	return i, nil
}

// positive refuses an amount that is not above zero or not in the invoice's currency.
func (i Invoice) positive(a money.Amount) error {
	switch {
	case a.Currency() != i.Priced.Currency:
		return &FieldError{"amount", "currency", "must be in the invoice's currency"}
	case a.Sign() <= 0 || a.Minor() > maxAmount:
		return &FieldError{"amount", "range", "must be above 0"}
	}
	return nil
}

// Pay returns i after a payment of an amount: paid when nothing is due any more. What is paid
// beyond the total is taken too: see AmountOverpaid. It fails with a *FieldError, and with a
// *MoveError for a draft and a void invoice.
func (i Invoice) Pay(a money.Amount, at time.Time) (Invoice, error) {
	if err := i.positive(a); err != nil {
		return i, err
	}
	return i.receive(a, money.New(0, a.Currency()), at)
}

// Credit returns i after a credit note of an amount: paid when nothing is due any more. It fails
// with a *FieldError, a *MoveError for a draft and a void invoice, and an *AmountError for more
// than is left of the total: credit notes never exceed their invoice.
func (i Invoice) Credit(a money.Amount, at time.Time) (Invoice, error) {
	if err := i.positive(a); err != nil {
		return i, err
	}
	left, err := i.Total().Sub(i.AmountCredited)
	if err != nil {
		return i, err
	}
	if a.Minor() > left.Minor() {
		return i, &AmountError{"invoice", a, left}
	}
	return i.receive(money.New(0, a.Currency()), a, at)
}

// receive adds to what is paid and credited.
func (i Invoice) receive(paid, credited money.Amount, at time.Time) (Invoice, error) {
	after, err := i, error(nil)
	if i.State == InvoiceDraft || i.State == InvoiceVoid {
		return i, &MoveError{"invoice", i.State.String(), PaidEvent.String()}
	}
	if after.AmountPaid, err = i.AmountPaid.Add(paid); err != nil {
		return i, err
	}
	if after.AmountCredited, err = i.AmountCredited.Add(credited); err != nil {
		return i, err
	}
	if after.AmountPaid.Minor() > maxAmount {
		return i, tooLarge("amount")
	}
	after.Updated = at
	if after.balance() > 0 || i.State == InvoicePaid {
		return after, nil
	}
	after.Paid = at
	return after.move(PaidEvent, at)
}

// Unpay returns i after an amount that was paid was taken back: by a lost dispute, or by the refund
// of what a credit note gave back. It is open again when something is due. It fails with a
// *FieldError, and with an *AmountError for more than was paid.
func (i Invoice) Unpay(a money.Amount, at time.Time) (Invoice, error) {
	if err := i.positive(a); err != nil {
		return i, err
	}
	left, err := i.AmountPaid.Sub(a)
	if err != nil {
		return i, err
	}
	if left.Sign() < 0 {
		return i, &AmountError{"paid amount", a, i.AmountPaid}
	}
	i.AmountPaid, i.Updated = left, at
	if i.State != InvoicePaid || i.balance() <= 0 {
		return i, nil
	}
	i.Paid = time.Time{}
	return i.move(ReopenEvent, at)
}

// Refund returns i after a refund without a credit note gave back an amount of what was paid, or,
// below zero, after that came back. It changes nothing of what is due: the business bears it. It
// fails with money.ErrOverflow.
func (i Invoice) Refund(a money.Amount, at time.Time) (Invoice, error) {
	refunded, err := i.AmountRefunded.Add(a)
	if err != nil {
		return i, err
	}
	i.AmountRefunded, i.Updated = refunded, at
	return i, nil
}
