package quoting

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// FuzzDecode holds that bytes of any kind, however damaged, are a record, and then are written
// again and read as the same, or are refused whole.
func FuzzDecode(f *testing.F) {
	compactiontest.FuzzForms(f,
		compactiontest.ShownForm("tenant", encodeTenant, decodeTenant, text),
		compactiontest.FormOf(&quotingv1.CustomerRecord{}, encodeCustomer, decodeCustomer),
		compactiontest.ShownForm("item", encodeItem, decodeItem, text),
		compactiontest.ShownForm("promotion", encodePromotion, decodePromotion, promotionText),
		compactiontest.FormOf(&quotingv1.CodeRecord{}, encodeCode, decodeCode),
		compactiontest.FormOf(&quotingv1.RedemptionRecord{}, EncodeRedemption, DecodeRedemption),
		compactiontest.FormOf(&quotingv1.UsageRecord{}, encodeUsage, decodeUsage),
		compactiontest.FormOf(&quotingv1.FirstPurchaseRecord{}, encodeFirstPurchase,
			decodeFirstPurchase),
		compactiontest.ShownForm("quote", EncodeQuote, DecodeQuote, text),
		compactiontest.ShownForm("invoice", EncodeInvoice, DecodeInvoice, text),
	)
}

func text[T any](v T) string { return shown(v) }

// promotionText shows a promotion whose amounts are all nothing as one without a currency, which is
// what is written of it.
func promotionText(p Promotion) string {
	if p.currency().IsZero() {
		p.Coupon.Cap, p.Coupon.Amount, p.MinimumSpend = money.Amount{}, money.Amount{}, money.Amount{}
	}
	return shown(p)
}

// Kinds, states and the like that do not fit were cut to their lowest bits: a promotion of funding
// 258 was read as one that the platform pays for.
func TestDecodeStrangeNumbers(t *testing.T) {
	const strange = 256 + 2
	content := func(d *quotingv1.DocumentRecord, p *quotingv1.PricedRecord) []byte {
		return marshal(t, &quotingv1.QuoteContentRecord{Document: d, Priced: p})
	}
	version := func(v *quotingv1.QuoteVersionRecord) *quotingv1.QuoteRecord {
		return &quotingv1.QuoteRecord{Versions: []*quotingv1.QuoteVersionRecord{v}}
	}
	for name, v := range map[string]*quotingv1.QuoteVersionRecord{
		"state":   {State: strange},
		"answer":  {Acceptance: &quotingv1.AcceptanceRecord{Channel: strange}},
		"comment": {Statement: &quotingv1.StatementRecord{Channel: strange}},
		"line": {Content: content(&quotingv1.DocumentRecord{
			Lines: []*quotingv1.LineRecord{{Kind: strange}}}, nil)},
		"funding": {Content: content(nil, &quotingv1.PricedRecord{
			Promotions: []*quotingv1.PricedPromotionRecord{{Funding: strange}}})},
	} {
		q, err := decodeQuote(marshal(t, version(v)))
		notRead(t, "quote: "+name, shown(q), err)
	}
	i, err := decodeItem(marshal(t, &quotingv1.ItemRecord{Kind: strange}))
	notRead(t, "item", shown(i), err)
	for _, m := range []*quotingv1.PromotionRecord{{Funding: strange},
		{Kinds: []quotingv1.LineKind{strange}}} {
		p, err := decodePromotion(marshal(t, m))
		notRead(t, "promotion", shown(p), err)
	}
	r, err := decodeRedemption(marshal(t, &quotingv1.RedemptionRecord{State: strange}))
	notRead(t, "redemption", shown(r), err)
	mode := marshal(t, &quotingv1.InvoiceContentRecord{Mode: strange})
	for _, m := range []*quotingv1.InvoiceRecord{{State: strange}, {Content: mode}} {
		v, err := decodeInvoice(marshal(t, m))
		notRead(t, "invoice", shown(v), err)
	}
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func notRead(t *testing.T, what, got string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: got\n%swant an error", what, got)
	}
}

// A version with a hash of nothing was read as one that is frozen, and was frozen no more when it
// was written again; so was one with a hash of zeros.
func TestDecodeFrozenNothing(t *testing.T) {
	for name, v := range map[string]*quotingv1.QuoteVersionRecord{
		"nothing": {Sha256: []byte("thirty-two bytes, which is right")},
		"zeros":   {Sha256: make([]byte, 32), Content: []byte{}},
	} {
		q, err := decodeQuote(marshal(t,
			&quotingv1.QuoteRecord{Versions: []*quotingv1.QuoteVersionRecord{v}}))
		notRead(t, name, shown(q), err)
	}
}

// What was paid of an invoice in another currency than its own changed its currency when the
// invoice was written again.
func TestDecodeInvoiceOfTwoCurrencies(t *testing.T) {
	content := marshal(t, &quotingv1.InvoiceContentRecord{
		Priced: &quotingv1.PricedRecord{Currency: "EUR"}})
	i, err := decodeInvoice(marshal(t,
		&quotingv1.InvoiceRecord{Content: content, Currency: "USD", PaidMinor: 5}))
	notRead(t, "invoice", shown(i), err)
}

// A record of which one part was wrong came, with the rest of it, beside the error.
func TestDecodeNothingBesideAnError(t *testing.T) {
	i, err := decodeItem(marshal(t, &quotingv1.ItemRecord{Tenant: "acme", UnitPrice: "a lot"}))
	if err == nil || i != (Item{}) {
		t.Errorf("got %+v, %v, want an error and nothing else", i, err)
	}
}
