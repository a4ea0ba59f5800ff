package quoting

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// The commands of this file touch quoting alone. What they mean in the books is posted by whoever
// calls them together with the ledger, in one command.

// Unbilled returns how much of the contract value, tax included, has no invoice.
func (q Quote) Unbilled() (money.Amount, error) {
	left := q.Agreed().TaxInclusive
	for _, b := range q.Bills {
		var err error
		if left, err = left.Sub(b.Amount); err != nil {
			return left, err
		}
	}
	return left, nil
}

// bill returns q with a bill added. It fails with an *AmountError for more than is left to bill.
func (q Quote) bill(b Bill, at time.Time) (Quote, error) {
	left, err := q.Unbilled()
	if err != nil {
		return q, err
	}
	if c, err := b.Amount.Cmp(left); err != nil {
		return q, err
	} else if c > 0 || len(q.Bills) > 0 && left.IsZero() {
		return q, &AmountError{"contract value", b.Amount, left}
	}
	q.Bills = append(q.Bills[:len(q.Bills):len(q.Bills)], b)
	q.Updated = at
	return q, nil
}

// CreateInvoice drafts an invoice of an accepted quote, at the agreed price. A due date that is
// empty is set by FinalizeInvoice. It fails with an *ExistsError, a *NotFoundError, a
// *FieldError, for a due date that is over too, a *MoveError for a quote that is not accepted, and
// an *AmountError for one that is billed already.
func CreateInvoice(
	tx *compaction.Tx, tenant, id, quote string, mode InvoiceMode, due Date,
) (Invoice, error) {
	switch err := due.ahead(tx, tenant); {
	case err != nil:
		return Invoice{}, err
	case id == "" || !isText(id, maxID, false):
		return Invoice{}, badText("id", maxID)
	case mode == 0 || mode >= modeEnd:
		return Invoice{}, &FieldError{"mode", "mode", "must be entire"}
	}
	key := compaction.Key(tenant, id)
	if _, ok, err := Invoices.Get(tx, key); err != nil {
		return Invoice{}, err
	} else if ok {
		return Invoice{}, &ExistsError{"invoice"}
	}
	q, err := FindQuote(tx, tenant, quote)
	if err != nil {
		return Invoice{}, err
	}
	last := q.Last()
	if last.State != QuoteAccepted {
		return Invoice{}, &MoveError{"quote", last.State.String(), BillEvent.String()}
	}
	i := Invoice{
		Tenant: tenant, ID: id, State: InvoiceDraft, Quote: quote, Version: len(q.Versions),
		Mode: mode, Customer: q.Customer, DueDate: due, Document: last.Content.Document,
		Priced: last.Acceptance.Priced, Redemptions: last.Acceptance.Redemptions,
		Created: tx.Now(), Updated: tx.Now(),
	}
	i.AmountPaid = money.New(0, i.Priced.Currency)
	i.AmountCredited, i.AmountRefunded = i.AmountPaid, i.AmountPaid
	if q, err = q.bill(Bill{id, mode, i.Priced.TaxInclusive}, tx.Now()); err != nil {
		return Invoice{}, err
	}
	Quotes.Put(tx, compaction.Key(tenant, quote), q)
	Invoices.Put(tx, key, i)
	return i, nil
}

// DiscardInvoice ends a draft as if it had not been made. It fails with a *NotFoundError, or with a
// *MoveError for what is no draft: that is voided.
func DiscardInvoice(tx *compaction.Tx, tenant, id string) error {
	i, err := FindInvoice(tx, tenant, id)
	if err != nil {
		return err
	}
	if i.State != InvoiceDraft {
		return &MoveError{"invoice", i.State.String(), "discard"}
	}
	Invoices.Delete(tx, compaction.Key(tenant, id))
	return i.unbill(tx)
}

// unbill takes the invoice off the bills of its quote, which can be invoiced again.
func (i Invoice) unbill(tx *compaction.Tx) error {
	q, err := FindQuote(tx, i.Tenant, i.Quote)
	if err != nil {
		return err
	}
	if q.State() == QuoteInvoiced {
		if q, err = q.move(UnbillEvent, tx.Now()); err != nil {
			return err
		}
	}
	q.Bills = slices.DeleteFunc(slices.Clone(q.Bills), func(b Bill) bool { return b.Invoice == i.ID })
	q.Updated = tx.Now()
	Quotes.Put(tx, compaction.Key(i.Tenant, i.Quote), q)
	return nil
}

// FinalizeInvoice gives a draft its number and dates, freezes and hashes it, and marks its quote as
// invoiced when nothing of it is left to bill. An invoice of nothing is paid at once; so look at
// the state of what it returns. It fails with a *NotFoundError, a *MoveError, or a *FieldError
// for a due date before the day of issue.
func FinalizeInvoice(tx *compaction.Tx, tenant, id string) (Invoice, error) {
	i, err := FindInvoice(tx, tenant, id)
	if err != nil {
		return i, err
	}
	if i, err = i.move(FinalizeEvent, tx.Now()); err != nil {
		return i, err
	}
	if i, err = i.date(tx); err != nil {
		return i, err
	}
	if i.Number, err = compaction.NextNumber(tx, tenant, "invoice"); err != nil {
		return i, err
	}
	if i.Frozen, err = encodeInvoiceContent(i); err != nil {
		return i, err
	}
	i.Hash, i.Finalized = sha256.Sum256(i.Frozen), tx.Now()
	if i.balance() <= 0 {
		i.Paid = tx.Now()
		if i, err = i.move(PaidEvent, tx.Now()); err != nil {
			return i, err
		}
	}
	if err := i.conclude(tx); err != nil {
		return i, err
	}
	Invoices.Put(tx, compaction.Key(tenant, id), i)
	return i, nil
}

// ahead refuses a due date that is none, or is over in the tenant's zone; none is needed.
func (d Date) ahead(tx *compaction.Tx, tenant string) error {
	if d == "" {
		return nil
	}
	if _, err := ParseDate("due_date", string(d)); err != nil {
		return err
	}
	today, err := Today(tx, tenant, tx.Now())
	if err == nil && d < today {
		err = &FieldError{"due_date", "range", "is over already"}
	}
	return err
}

// date sets the dates of an invoice that is issued now.
func (i Invoice) date(tx *compaction.Tx) (Invoice, error) {
	tenant, z, err := terms(tx, i.Tenant)
	if err != nil {
		return i, err
	}
	i.IssueDate = DateOf(tx.Now(), z)
	if i.DueDate == "" {
		i.DueDate, err = i.IssueDate.addDays(tenant.PaymentDays)
	} else if i.DueDate < i.IssueDate {
		err = &FieldError{"due_date", "range", "must not be before the day of issue"}
	}
	return i, err
}

// conclude marks the invoice's quote as invoiced when it is billed wholly.
func (i Invoice) conclude(tx *compaction.Tx) error {
	q, err := FindQuote(tx, i.Tenant, i.Quote)
	if err != nil {
		return err
	}
	left, err := q.Unbilled()
	if err != nil || left.Sign() > 0 {
		return err
	}
	if q, err = q.move(BillEvent, tx.Now()); err != nil {
		return err
	}
	Quotes.Put(tx, compaction.Key(i.Tenant, i.Quote), q)
	return nil
}

// ApplyPayment stores what Invoice.Pay returns. It fails as that does, and with a *NotFoundError.
func ApplyPayment(tx *compaction.Tx, tenant, id string, a money.Amount) (Invoice, error) {
	return onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) { return i.Pay(a, tx.Now()) })
}

// ReversePayment stores what Invoice.Unpay returns. It fails as that does, and with a
// *NotFoundError.
func ReversePayment(tx *compaction.Tx, tenant, id string, a money.Amount) (Invoice, error) {
	return onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) { return i.Unpay(a, tx.Now()) })
}

// ApplyRefund stores what Invoice.Refund returns. It fails as that does, and with a *NotFoundError.
func ApplyRefund(tx *compaction.Tx, tenant, id string, a money.Amount) (Invoice, error) {
	return onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) { return i.Refund(a, tx.Now()) })
}

// VoidInvoice ends an invoice of which nothing is paid or credited. Its number stays. Its quote is
// accepted as before and can be invoiced again at the agreed price, so what is reserved for it
// stays reserved until then, or until the quote is cancelled; what was redeemed is restored. It
// fails with a *NotFoundError or a *MoveError.
func VoidInvoice(tx *compaction.Tx, tenant, id string) (Invoice, error) {
	i, err := onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) {
		if !i.AmountPaid.IsZero() || !i.AmountCredited.IsZero() {
			return i, &MoveError{"invoice", "partially paid", VoidEvent.String()}
		}
		i.Closed = tx.Now()
		return i.move(VoidEvent, tx.Now())
	})
	if err != nil {
		return i, err
	}
	if _, err := RestoreAll(tx, tenant, i.Quote); err != nil {
		return i, err
	}
	return i, i.unbill(tx)
}

// MarkUncollectible gives an invoice up, keeps what was written off, and releases the promotions
// that were reserved for it. It fails with a *NotFoundError or a *MoveError.
func MarkUncollectible(tx *compaction.Tx, tenant, id string, w WriteOff) (Invoice, error) {
	i, err := onInvoice(tx, tenant, id, func(i Invoice) (Invoice, error) {
		i.Closed, i.WriteOff = tx.Now(), &w
		return i.move(UncollectibleEvent, tx.Now())
	})
	if err != nil {
		return i, err
	}
	_, err = ReleaseAll(tx, tenant, i.Quote)
	return i, err
}

// onInvoice stores an invoice as f returns it.
func onInvoice(
	tx *compaction.Tx, tenant, id string, f func(Invoice) (Invoice, error),
) (Invoice, error) {
	i, err := FindInvoice(tx, tenant, id)
	if err != nil {
		return i, err
	}
	if i, err = f(i); err != nil {
		return i, err
	}
	Invoices.Put(tx, compaction.Key(tenant, id), i)
	return i, nil
}

// Tables returns what the package keeps, for the program's schema.
func Tables() []compaction.Definition {
	return []compaction.Definition{Tenants, Customers, Items, Quotes, Promotions, Codes, Redemptions,
		Usages, FirstPurchases, Invoices}
}
