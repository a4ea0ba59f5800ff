package quoting

import (
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// EncodeInvoice returns the stored form of an invoice, as its final record in the journal is.
func EncodeInvoice(i Invoice) ([]byte, error) { return encodeInvoice(i) }

// DecodeInvoice returns the invoice of a stored form.
func DecodeInvoice(stored []byte) (Invoice, error) { return decodeInvoice(stored) }

func encodeInvoice(i Invoice) ([]byte, error) {
	content := i.Frozen
	if content == nil {
		var err error
		if content, err = encodeInvoiceContent(i); err != nil {
			return nil, err
		}
	}
	m := &quotingv1.InvoiceRecord{
		Tenant: i.Tenant, Invoice: i.ID, State: quotingv1.InvoiceState(i.State), Content: content,
		Sha256: i.Hash.bytes(), Currency: i.Priced.Currency.String(),
		PaidMinor: i.AmountPaid.Minor(), CreditedMinor: i.AmountCredited.Minor(),
		CreatedUnixNano: nanoseconds(i.Created), UpdatedUnixNano: nanoseconds(i.Updated),
		FinalizedUnixNano: nanoseconds(i.Finalized), PaidUnixNano: nanoseconds(i.Paid),
		ClosedUnixNano: nanoseconds(i.Closed), RefundedMinor: i.AmountRefunded.Minor(),
		WriteOff: encodeWriteOff(i.WriteOff),
	}
	for _, n := range i.CreditNotes {
		m.CreditNotes = append(m.CreditNotes, &quotingv1.CreditNoteRecord{CreditNote: n.ID,
			AmountMinor: n.Amount.Minor(), RefundedMinor: n.Refunded.Minor()})
	}
	return proto.Marshal(m)
}

func encodeWriteOff(w *WriteOff) *quotingv1.WriteOffRecord {
	if w == nil {
		return nil
	}
	m := &quotingv1.WriteOffRecord{AmountMinor: w.Amount.Minor()}
	for _, r := range w.Relief {
		m.Relief = append(m.Relief, &quotingv1.TaxReliefRecord{Category: string(r.Category),
			AmountMinor: r.Amount.Minor()})
	}
	return m
}

func decodeWriteOff(m *quotingv1.WriteOffRecord, c money.Currency) *WriteOff {
	if m == nil {
		return nil
	}
	w := &WriteOff{Amount: money.New(m.AmountMinor, c)}
	for _, r := range m.Relief {
		w.Relief = append(w.Relief,
			Relief{TaxCategory(r.Category), money.New(r.AmountMinor, c)})
	}
	return w
}

// encodeInvoiceContent returns the bytes that freeze what an invoice bills.
func encodeInvoiceContent(i Invoice) ([]byte, error) {
	return proto.Marshal(&quotingv1.InvoiceContentRecord{
		Tenant: i.Tenant, Invoice: i.ID, Number: i.Number, Quote: i.Quote,
		QuoteVersion: uint32(i.Version), Mode: quotingv1.InvoiceMode(i.Mode), Customer: i.Customer,
		IssueDate: string(i.IssueDate), DueDate: string(i.DueDate),
		Document: encodeDocument(i.Document), Priced: encodePriced(i.Priced),
		Redemptions: i.Redemptions,
	})
}

func decodeInvoice(b []byte) (Invoice, error) {
	var m quotingv1.InvoiceRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Invoice{}, err
	}
	var content quotingv1.InvoiceContentRecord
	if err := proto.Unmarshal(m.Content, &content); err != nil {
		return Invoice{}, err
	}
	var d decoder
	c := d.currency(m.Currency)
	i := Invoice{
		Tenant: m.Tenant, ID: m.Invoice, Number: content.Number,
		State: compaction.Enum[InvoiceState](m.State, &d.err),
		Quote: content.Quote, Version: int(content.QuoteVersion),
		Mode:     compaction.Enum[InvoiceMode](content.Mode, &d.err),
		Customer: content.Customer, IssueDate: Date(content.IssueDate),
		DueDate: Date(content.DueDate), Document: d.document(content.Document),
		Priced: d.priced(content.Priced), Redemptions: content.Redemptions, Hash: d.hash(m.Sha256),
		AmountPaid: money.New(m.PaidMinor, c), AmountCredited: money.New(m.CreditedMinor, c),
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
		Finalized: instant(m.FinalizedUnixNano), Paid: instant(m.PaidUnixNano),
		Closed:         instant(m.ClosedUnixNano),
		AmountRefunded: money.New(m.RefundedMinor, c), WriteOff: decodeWriteOff(m.WriteOff, c),
	}
	for _, n := range m.CreditNotes {
		i.CreditNotes = append(i.CreditNotes, CreditNote{n.CreditNote,
			money.New(n.AmountMinor, c), money.New(n.RefundedMinor, c)})
	}
	i.Frozen = d.frozen(m.Content, m.Sha256)
	if c != i.Priced.Currency && d.err == nil {
		d.err = errCurrency
	}
	return whole(i, d.err)
}
