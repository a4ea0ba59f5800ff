package settlement

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// EncodeExpectation returns the stored form of an expectation, as facts in the journal have it.
func EncodeExpectation(e Expectation) ([]byte, error) {
	return proto.Marshal(&ledgerv1.ExpectationRecord{
		Tenant: e.Tenant, Expectation: e.ID, Kind: ledgerv1.ExpectationKind(e.Kind),
		Subject: e.Subject, Source: e.Source, Gateway: e.Gateway, Method: e.Method,
		References: e.References, Currency: e.Amount.Currency().String(),
		AmountMinor: e.Amount.Minor(), FeeMinor: e.Fee.Minor(), SeenMinor: e.Seen.Minor(),
		Sightings: uint32(e.Sightings), Status: ledgerv1.ExpectationStatus(e.Status),
		Match: ledgerv1.MatchKind(e.Match), MatchedBy: e.MatchedBy,
		DeadlineUnixNano: nanoseconds(e.Deadline), CreatedUnixNano: nanoseconds(e.Created),
		UpdatedUnixNano: nanoseconds(e.Updated),
	})
}

// DecodeExpectation returns the expectation of a stored form.
func DecodeExpectation(b []byte) (Expectation, error) {
	var m ledgerv1.ExpectationRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Expectation{}, err
	}
	c, err := money.ParseCurrency(m.Currency)
	kind := compaction.Enum[ExpectationKind](m.Kind, &err)
	status := compaction.Enum[Status](m.Status, &err)
	match := compaction.Enum[Match](m.Match, &err)
	if err != nil {
		return Expectation{}, err
	}
	return Expectation{
		ID: m.Expectation, Tenant: m.Tenant, Kind: kind, Subject: m.Subject,
		Source: m.Source, Gateway: m.Gateway, Method: m.Method, References: m.References,
		Amount: money.New(m.AmountMinor, c), Fee: money.New(m.FeeMinor, c),
		Seen: money.New(m.SeenMinor, c), Sightings: int(m.Sightings), Status: status,
		Match: match, MatchedBy: m.MatchedBy, Deadline: instant(m.DeadlineUnixNano),
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}, nil
}

// EncodeStatementEntry returns the stored form of an entry, as facts in the journal have it.
func EncodeStatementEntry(e StatementEntry) ([]byte, error) {
	return proto.Marshal(&ledgerv1.StatementEntryRecord{
		Tenant: e.Tenant, Entry: e.ID, Reference: e.Reference,
		Currency: e.Amount.Currency().String(), AmountMinor: e.Amount.Minor(),
		BookedUnixNano: nanoseconds(e.BookedOn), Expectation: e.Expectation,
		CreatedUnixNano: nanoseconds(e.Created),
	})
}

// DecodeStatementEntry returns the entry of a stored form.
func DecodeStatementEntry(b []byte) (StatementEntry, error) {
	var m ledgerv1.StatementEntryRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return StatementEntry{}, err
	}
	c, err := money.ParseCurrency(m.Currency)
	if err != nil {
		return StatementEntry{}, err
	}
	return StatementEntry{
		ID: m.Entry, Tenant: m.Tenant, Reference: m.Reference,
		Amount: money.New(m.AmountMinor, c), BookedOn: instant(m.BookedUnixNano),
		Expectation: m.Expectation, Created: instant(m.CreatedUnixNano),
	}, nil
}

// EncodeItem returns the stored form of an item, as its fact in the journal has it.
func EncodeItem(i Item) ([]byte, error) {
	return proto.Marshal(&ledgerv1.ReconciliationItem{
		Tenant: i.Tenant, Item: i.ID, Category: i.Category,
		Currency:   i.Gross.Currency().String(),
		GrossMinor: i.Gross.Minor(), FeeMinor: i.Fee.Minor(), NetMinor: i.Net.Minor(),
		Gateway: i.Gateway, Method: i.Method, Source: i.Source,
		GatewayPayment: i.GatewayPayment, Payment: i.Payment, Refund: i.Refund,
		Dispute: i.Dispute, Payout: i.Payout, GatewayPayout: i.GatewayPayout,
		StatementEntry: i.StatementEntry, Invoice: i.Invoice, InvoiceNumber: i.InvoiceNumber,
		Quote: i.Quote, Customer: i.Customer, PayableMinor: i.Payable.Minor(),
		TaxMinor: i.Tax.Minor(), PromotionMinor: i.Promotion.Minor(),
		CreatedUnixNano: nanoseconds(i.Created), AvailableUnixNano: nanoseconds(i.Available),
		SettledUnixNano: nanoseconds(i.Settled), Match: ledgerv1.MatchKind(i.Match),
	})
}

// DecodeItem returns the item of a stored form.
func DecodeItem(b []byte) (Item, error) {
	var m ledgerv1.ReconciliationItem
	if err := proto.Unmarshal(b, &m); err != nil {
		return Item{}, err
	}
	c, err := money.ParseCurrency(m.Currency)
	match := compaction.Enum[Match](m.Match, &err)
	if err != nil {
		return Item{}, err
	}
	return Item{
		ID: m.Item, Tenant: m.Tenant, Category: m.Category, Gross: money.New(m.GrossMinor, c),
		Fee: money.New(m.FeeMinor, c), Net: money.New(m.NetMinor, c), Gateway: m.Gateway,
		Method: m.Method, Source: m.Source, GatewayPayment: m.GatewayPayment,
		Payment: m.Payment, Refund: m.Refund, Dispute: m.Dispute, Payout: m.Payout,
		GatewayPayout: m.GatewayPayout, StatementEntry: m.StatementEntry, Invoice: m.Invoice,
		InvoiceNumber: m.InvoiceNumber, Quote: m.Quote, Customer: m.Customer,
		Payable: money.New(m.PayableMinor, c), Tax: money.New(m.TaxMinor, c),
		Promotion: money.New(m.PromotionMinor, c), Created: instant(m.CreatedUnixNano),
		Available: instant(m.AvailableUnixNano), Settled: instant(m.SettledUnixNano),
		Match: match,
	}, nil
}

// nanoseconds is the stored form of a time: 0 is the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant is the inverse of nanoseconds.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
