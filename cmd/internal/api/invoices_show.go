package api

import (
	"slices"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

// today returns the day of the request in the zone of the exchange's tenant.
func (x *exchange) today() (quoting.Date, error) {
	return find(x, "", func(s compaction.State, tenant, _ string) (quoting.Date, error) {
		return quoting.Today(s, tenant, x.api.clock())
	})
}

func listInvoices(x *exchange, in *invoiceList) (page[invoiceRecord], error) {
	today, err := x.today()
	if err != nil {
		return page[invoiceRecord]{}, err
	}
	show := func(i quoting.Invoice) invoiceRecord { return showInvoice(i, today, true) }
	switch {
	case in.Overdue == "":
		return listBy(x, in.Paging, quoting.Invoices, []filter{{"state", in.Status},
			{"customer", in.Customer}, {"quote", in.Quote}}, show)
	case in.Status != "" || in.Customer != "" || in.Quote != "":
		return page[invoiceRecord]{}, refuse("query.overdue", "exclusive", "goes with no other filter")
	}
	return listOverdue(x, in.Paging, today, show)
}

// listOverdue reads a page of the open invoices by their due date, up to the first that is not over
// today.
func listOverdue(
	x *exchange, in Paging, today quoting.Date, show func(quoting.Invoice) invoiceRecord,
) (page[invoiceRecord], error) {
	p := in.of(x.tenant + "/")
	var rows []compaction.Row[quoting.Invoice]
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		rows, err = quoting.Invoices.Lookup(v, "due", p)
		return err
	})
	if err != nil {
		return page[invoiceRecord]{}, err
	}
	end := slices.IndexFunc(rows, func(r compaction.Row[quoting.Invoice]) bool {
		return !r.Value.Overdue(today)
	})
	if end >= 0 {
		rows = rows[:end]
	}
	return pageOf(p, rows, show), nil
}

// showInvoice returns an invoice as answers show it today; internal says whether costs may be seen.
func showInvoice(i quoting.Invoice, today quoting.Date, internal bool) invoiceRecord {
	var notes []creditNote
	for _, n := range i.CreditNotes {
		notes = append(notes,
			creditNote{n.ID, amountText(n.Amount.String()), amountText(n.Refunded.String())})
	}
	return invoiceRecord{
		ID: i.ID, Number: i.Name(), Status: i.State.String(), Quote: i.Quote, QuoteVersion: i.Version,
		Mode: i.Mode.String(), Customer: i.Customer, IssueDate: string(i.IssueDate),
		DueDate: string(i.DueDate), Document: showDocument(&i.Document, internal),
		Priced:         showPriced(&i.Priced, internal),
		AmountDue:      amountText(i.AmountDue().String()),
		AmountPaid:     amountText(i.AmountPaid.String()),
		AmountCredited: amountText(i.AmountCredited.String()),
		AmountOverpaid: amountText(i.AmountOverpaid().String()), CreditNotes: notes,
		PartiallyPaid: i.PartiallyPaid(), Overdue: i.Overdue(today), Hash: i.Hash.String(),
		Created: moment(i.Created), Updated: moment(i.Updated), Finalized: moment(i.Finalized),
		Paid: moment(i.Paid), Closed: moment(i.Closed),
	}
}
