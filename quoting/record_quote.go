package quoting

import (
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// EncodeQuote returns the stored form of a quote, as its final record in the journal is.
func EncodeQuote(q Quote) ([]byte, error) { return encodeQuote(q) }

// DecodeQuote returns the quote of a stored form.
func DecodeQuote(stored []byte) (Quote, error) { return decodeQuote(stored) }

func encodeQuote(q Quote) ([]byte, error) {
	m := &quotingv1.QuoteRecord{
		Tenant: q.Tenant, Quote: q.ID, Customer: q.Customer, Number: q.Number,
		CreatedUnixNano: nanoseconds(q.Created), UpdatedUnixNano: nanoseconds(q.Updated),
	}
	for i, v := range q.Versions {
		content := v.Frozen
		if content == nil {
			var err error
			if content, err = contentOf(q, i+1, v.Content); err != nil {
				return nil, err
			}
		}
		m.Versions = append(m.Versions, &quotingv1.QuoteVersionRecord{
			State: quotingv1.QuoteState(v.State), Content: content, Sha256: v.Hash.bytes(),
			CreatedUnixNano: nanoseconds(v.Created), IssuedUnixNano: nanoseconds(v.Issued),
			ExpiresUnixNano: nanoseconds(v.Expires), Acceptance: encodeAcceptance(v.Acceptance),
			Statement: encodeStatement(v.Statement),
		})
	}
	for _, b := range q.Bills {
		m.Bills = append(m.Bills, &quotingv1.QuoteBillRecord{Invoice: b.Invoice,
			Mode: quotingv1.InvoiceMode(b.Mode), AmountMinor: b.Amount.Minor(),
			Currency: b.Amount.Currency().String()})
	}
	return proto.Marshal(m)
}

// encodeContent returns the bytes that freeze the content of the last version.
func encodeContent(q Quote, c Content) ([]byte, error) { return contentOf(q, len(q.Versions), c) }

func contentOf(q Quote, version int, c Content) ([]byte, error) {
	return proto.Marshal(&quotingv1.QuoteContentRecord{
		Tenant: q.Tenant, Quote: q.ID, Number: q.Number, Version: uint32(version),
		Customer: q.Customer, Document: encodeDocument(c.Document), Priced: encodePriced(c.Priced),
		Terms: c.Terms, ValidUntil: string(c.ValidUntil),
	})
}

func decodeQuote(b []byte) (Quote, error) {
	var m quotingv1.QuoteRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Quote{}, err
	}
	if len(m.Versions) == 0 {
		return Quote{}, errVersions
	}
	var d decoder
	q := Quote{
		Tenant: m.Tenant, ID: m.Quote, Customer: m.Customer, Number: m.Number,
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}
	for _, v := range m.Versions {
		version := Version{
			State:   compaction.Enum[QuoteState](v.State, &d.err),
			Content: d.content(v.Content), Hash: d.hash(v.Sha256),
			Created: instant(v.CreatedUnixNano), Issued: instant(v.IssuedUnixNano),
			Expires: instant(v.ExpiresUnixNano), Acceptance: d.acceptance(v.Acceptance),
			Statement: d.statement(v.Statement), Frozen: d.frozen(v.Content, v.Sha256),
		}
		q.Versions = append(q.Versions, version)
	}
	for _, x := range m.Bills {
		q.Bills = append(q.Bills, Bill{x.Invoice, compaction.Enum[InvoiceMode](x.Mode, &d.err),
			money.New(x.AmountMinor, d.currency(x.Currency))})
	}
	return whole(q, d.err)
}

func (d *decoder) content(b []byte) Content {
	var m quotingv1.QuoteContentRecord
	if err := proto.Unmarshal(b, &m); err != nil && d.err == nil {
		d.err = err
	}
	return Content{d.document(m.Document), d.priced(m.Priced), m.Terms, Date(m.ValidUntil)}
}

func encodeAcceptance(a *Acceptance) *quotingv1.AcceptanceRecord {
	if a == nil {
		return nil
	}
	return &quotingv1.AcceptanceRecord{
		Who: a.Who, Channel: quotingv1.AnswerChannel(a.Channel), AtUnixNano: nanoseconds(a.At),
		Sha256: a.Hash.bytes(), Redemptions: a.Redemptions, Priced: encodePriced(a.Priced),
	}
}

func (d *decoder) acceptance(m *quotingv1.AcceptanceRecord) *Acceptance {
	if m == nil {
		return nil
	}
	return &Acceptance{
		Who: m.Who, Channel: compaction.Enum[Channel](m.Channel, &d.err),
		At: instant(m.AtUnixNano), Hash: d.hash(m.Sha256),
		Redemptions: m.Redemptions, Priced: d.priced(m.Priced),
	}
}

func encodeStatement(s *Statement) *quotingv1.StatementRecord {
	if s == nil {
		return nil
	}
	return &quotingv1.StatementRecord{Who: s.Who, Channel: quotingv1.AnswerChannel(s.Channel),
		AtUnixNano: nanoseconds(s.At), Text: s.Text}
}

func (d *decoder) statement(m *quotingv1.StatementRecord) *Statement {
	if m == nil {
		return nil
	}
	channel := compaction.Enum[Channel](m.Channel, &d.err)
	return &Statement{m.Who, channel, instant(m.AtUnixNano), m.Text}
}
