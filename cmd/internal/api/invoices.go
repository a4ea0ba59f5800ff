package api

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
)

type invoiceBody struct {
	Quote   string `json:"quote" pattern:"^quo_[0-9a-z]{26}$" doc:"The accepted quote." example:"quo_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Mode    string `json:"mode,omitempty" enum:"entire" doc:"Which part of the quote it bills; entire unless given."`
	DueDate string `json:"due_date,omitempty" format:"date" maxLength:"10" doc:"The last day on which it is paid in time; by the tenant's terms unless given." example:"2026-12-31"`
}

// An invoiceRecord as answers show it.
type invoiceRecord struct {
	ID             string       `json:"id" example:"inv_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Number         string       `json:"number,omitempty" doc:"Its number, without a gap, once it is finalised." example:"INV-12"`
	Status         string       `json:"status" enum:"draft,open,paid,void,uncollectible"`
	Quote          string       `json:"quote"`
	QuoteVersion   int          `json:"quote_version"`
	Mode           string       `json:"mode" enum:"entire"`
	Customer       string       `json:"customer"`
	IssueDate      string       `json:"issue_date,omitempty" example:"2026-12-01"`
	DueDate        string       `json:"due_date,omitempty" example:"2026-12-15"`
	Document       DocumentBody `json:"document"`
	Priced         Priced       `json:"priced"`
	Rules          []ruleStep   `json:"rules,omitempty" doc:"The rules by which the figures came about, in order. Only the answer to Get an invoice has them."`
	AmountDue      amountText   `json:"amount_due"`
	AmountPaid     amountText   `json:"amount_paid"`
	AmountCredited amountText   `json:"amount_credited" doc:"By credit notes."`
	AmountOverpaid amountText   `json:"amount_overpaid" doc:"What was paid or credited beyond the total: the customer's credit."`
	CreditNotes    []creditNote `json:"credit_notes,omitempty" doc:"The credit notes, oldest first. A refund of a payment may pay one out."`
	PartiallyPaid  bool         `json:"partially_paid"`
	Overdue        bool         `json:"overdue" doc:"Whether it is open and its due date is over, in the tenant's zone, at the time of the answer."`
	Hash           string       `json:"hash,omitempty" doc:"The SHA-256 of what was finalised."`
	Created        moment       `json:"created"`
	Updated        moment       `json:"updated"`
	Finalized      moment       `json:"finalized,omitzero"`
	Paid           moment       `json:"paid,omitzero" doc:"When it was last paid in full."`
	Closed         moment       `json:"closed,omitzero" doc:"When it was voided or given up."`
}

// A creditNote as invoices show it.
type creditNote struct {
	ID       string     `json:"id" example:"crn_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Amount   amountText `json:"amount" doc:"What it took off, tax included."`
	Refunded amountText `json:"refunded" doc:"What refunds that name it gave back or will."`
}

// InvoicePath names an invoice in the path.
type InvoicePath struct {
	ID string `path:"id" pattern:"^inv_[0-9a-z]{26}$" example:"inv_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The invoice's id."`
}

type invoiceList struct {
	Paging
	Status   string `query:"status" enum:"draft,open,paid,void,uncollectible" doc:"Only those that stand here."`
	Customer string `query:"customer" pattern:"^cus_[0-9a-z]{26}$" doc:"Only those of a customer. Goes with no other filter."`
	Quote    string `query:"quote" pattern:"^quo_[0-9a-z]{26}$" doc:"Only those of a quote. Goes with no other filter."`
	Overdue  string `query:"overdue" enum:"true" doc:"Only open ones whose due date is over, longest overdue first. Goes with no other filter."`
}

type uncollectibleBody struct {
	Relief bool `json:"relief,omitempty" doc:"Whether the tax in it is claimed back."`
}

type creditBody struct {
	Amount positiveText `json:"amount" doc:"What is taken off, tax included."`
}

const invoiceTag = "Invoices"

func (a *API) registerInvoices() {
	mutation[struct{ Body invoiceBody }, invoiceRecord](a, route{
		id: "create-invoice", path: "/v1/invoices", tag: invoiceTag, roles: sellers, status: 201,
		summary:     "Create an invoice",
		description: "Drafts an invoice of an accepted quote, at the agreed price.",
		example:     `{"quote":"quo_01j9qz4m2n8r7t6v5w4x3y2z1a"}`,
	}, createInvoice)
	query[invoiceList](a, route{
		id: "list-invoices", path: "/v1/invoices", tag: invoiceTag, roles: anyKey,
		summary:     "List invoices",
		description: "Invoices that are open, oldest first. Settled ones are found by id.",
	}, listInvoices)
	query[InvoicePath](a, route{
		id: "get-invoice", path: "/v1/invoices/{id}", tag: invoiceTag, roles: anyone,
		summary:     "Get an invoice",
		description: "An invoice, open or settled. Customers see what their link is about.",
	}, func(x *exchange, in *InvoicePath) (invoiceRecord, error) {
		i, err := x.invoice(in.ID)
		if err != nil {
			return invoiceRecord{}, err
		}
		today, err := x.today()
		out := showInvoice(i, today, x.caller.link == nil)
		out.Rules = showRules(quoting.Explain(i.Document, i.Priced))
		return out, err
	})
	a.registerInvoiceMoves()
}

// invoice reads an invoice that the caller may see, open or settled.
func (x *exchange) invoice(id string) (quoting.Invoice, error) {
	i, err := findOrRecall(x, id, quoting.FindInvoice, quoting.DecodeInvoice)
	if err != nil {
		return i, err
	}
	l := x.caller.link
	if l != nil && l.Subject != i.ID && (l.Subject != i.Quote || i.State == quoting.InvoiceDraft) {
		return i, &quoting.NotFoundError{Kind: "invoice"} // as for one that nobody has
	}
	return i, nil
}

func createInvoice(x *exchange, in *struct{ Body invoiceBody }) (change, error) {
	due, err := optionalDate("due_date", in.Body.DueDate)
	if err != nil {
		return change{}, err
	}
	tenant, id, quote := x.tenant, compaction.NewID("inv", x.api.clock()), in.Body.Quote
	return change{decide: func(tx *compaction.Tx) (result, error) {
		i, err := quoting.CreateInvoice(tx, tenant, id, quote, quoting.Entire, due)
		if err != nil {
			return result{}, at("quote", ended(tx, tenant, quote, err))
		}
		today, err := quoting.Today(tx, tenant, tx.Now())
		return result{body: showInvoice(i, today, true), location: "/v1/invoices/" + id}, err
	}}, nil
}

// changeInvoice prepares a command about an invoice.
func (x *exchange) changeInvoice(
	id string, f func(tx *compaction.Tx, tenant, id string) (quoting.Invoice, error),
) change {
	tenant := x.tenant
	return change{decide: func(tx *compaction.Tx) (result, error) {
		i, err := f(tx, tenant, id)
		if err != nil {
			return result{}, ended(tx, tenant, id, err)
		}
		today, err := quoting.Today(tx, tenant, tx.Now())
		return result{body: showInvoice(i, today, true)}, err
	}}
}

func (a *API) registerInvoiceMoves() {
	type move func(tx *compaction.Tx, tenant, id string) (quoting.Invoice, error)
	register := func(name, summary, description string, f move) {
		mutation[InvoicePath, invoiceRecord](a, route{
			id: name + "-invoice", path: "/v1/invoices/{id}/" + name, tag: invoiceTag, roles: sellers,
			summary: summary, description: description,
		}, func(x *exchange, in *InvoicePath) (change, error) { return x.changeInvoice(in.ID, f), nil })
	}
	register("finalize", "Finalise an invoice",
		"Gives a draft its number, freezes and posts it. One of nothing is paid at once.",
		settlement.FinalizeInvoice)
	register("void", "Void an invoice",
		"Ends an invoice of which nothing was paid. Its quote is accepted as before: it can be invoiced "+
			"again at the agreed price, and its promotions stay reserved until it is cancelled.",
		settlement.VoidInvoice)
	register("discard", "Discard a draft", "Ends a draft as if it had not been made.",
		func(tx *compaction.Tx, tenant, id string) (quoting.Invoice, error) {
			i, err := quoting.FindInvoice(tx, tenant, id)
			if err == nil {
				err = quoting.DiscardInvoice(tx, tenant, id)
			}
			return i, err
		})
	mutation[struct {
		InvoicePath
		Body uncollectibleBody
	}, invoiceRecord](a, route{
		id: "mark-invoice-uncollectible", path: "/v1/invoices/{id}/mark_uncollectible",
		tag: invoiceTag, roles: anyKey, summary: "Give an invoice up",
		description: "Writes off what is due, and releases the promotions reserved for it. Money that " +
			"comes after all undoes it, and the relief with it.",
		example: `{"relief":true}`,
	}, func(x *exchange, in *struct {
		InvoicePath
		Body uncollectibleBody
	}) (change, error) {
		give := func(tx *compaction.Tx, tenant, id string) (quoting.Invoice, error) {
			return settlement.MarkUncollectible(tx, tenant, id, in.Body.Relief)
		}
		return x.changeInvoice(in.ID, give), nil
	})
	mutation[struct {
		InvoicePath
		Body creditBody
	}, invoiceRecord](a, route{
		id: "credit-invoice", path: "/v1/invoices/{id}/credit", tag: invoiceTag, roles: anyKey,
		summary: "Credit an invoice",
		description: "Takes an amount off an invoice by a credit note, the last of `credit_notes`. " +
			"What was paid of it already becomes the customer's credit, which a refund that " +
			"names the credit note pays out. Credit notes of the whole of an unpaid invoice " +
			"release its promotions.",
		example: `{"amount":"10.00"}`,
	}, creditInvoice)
}

func creditInvoice(x *exchange, in *struct {
	InvoicePath
	Body creditBody
}) (change, error) {
	note := compaction.NewID("crn", x.api.clock())
	return x.changeInvoice(in.ID, func(tx *compaction.Tx, tenant, id string) (quoting.Invoice, error) {
		i, err := quoting.FindInvoice(tx, tenant, id)
		if err != nil {
			return i, err
		}
		a, err := parseAmount("amount", in.Body.Amount, i.Document.Currency)
		if err != nil {
			return i, err
		}
		i, err = settlement.CreditInvoice(tx, tenant, id, note, a)
		if ofType[*quoting.AmountError](err) || ofType[*settlement.UnderWayError](err) {
			err = at("amount", err)
		}
		return i, err
	}), nil
}
