package quoting

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// TestGoldenRecords holds that bytes once written decode for ever, into what they meant, and that
// what is written today reads back as it was. Files that exist are never written again.
func TestGoldenRecords(t *testing.T) {
	at := time.Unix(1.7e9, 123).UTC()
	golden(
		t,
		Tenants,
		encodeTenant,
		decodeTenant,
		Tenant{
			ID:       "acme",
			Name:     "Acme",
			TimeZone: "Europe/Berlin",
			PlatformFee: decimal.New(
				25,
				-1,
			),
			PaymentDays:  10,
			ValidityDays: 20,
			Created:      at,
			Updated:      at,
		},
	)
	golden(
		t,
		Customers,
		encodeCustomer,
		decodeCustomer,
		Customer{
			Tenant:   "acme",
			ID:       "cus_1",
			Name:     "Ann",
			Email:    "ann@example.org",
			Phone:    "+49 1",
			Address:  "Road 1\nTown",
			TimeZone: "Asia/Tokyo",
			Created:  at,
			Updated:  at,
		},
	)
	golden(
		t,
		Items,
		encodeItem,
		decodeItem,
		Item{
			Tenant:    "acme",
			ID:        "itm_1",
			Name:      "Pipe",
			Kind:      Material,
			UnitCode:  "MTR",
			Currency:  eur,
			UnitPrice: decimal.New(1250, -2),
			Active:    true,
			UnitCost: decimal.NewNullDecimal(
				decimal.New(8, 0),
			),
			Tax:     Tax{StandardRate, decimal.New(19, 0)},
			Created: at,
			Updated: at,
		},
	)
	golden(t, Promotions, encodePromotion, decodePromotion, goldenPromotion(at))
	golden(t, Codes, encodeCode, decodeCode, Code{"acme", "SPRING-10", "pro_1", true, at})
	golden(
		t,
		Redemptions,
		encodeRedemption,
		decodeRedemption,
		Redemption{
			Tenant:    "acme",
			ID:        "red_1_1",
			Promotion: "pro_1",
			Code:      "SPRING-10",
			Customer:  "cus_1",
			Quote:     "quo_1",
			State:     Reserved,
			Amount:    money.New(1000, eur),
			Expires:   at,
			Created:   at,
			Updated:   at,
		},
	)
	golden(t, Usages, encodeUsage, decodeUsage, Usage{"acme", "pro_1", "cus_1", 3, 4})
	golden(
		t,
		FirstPurchases,
		encodeFirstPurchase,
		decodeFirstPurchase,
		FirstPurchase{"acme", "cus_1", "red_1_1", at},
	)
	q, i := goldenQuote(t, at)
	golden(t, Quotes, encodeQuote, decodeQuote, q)
	golden(t, Invoices, encodeInvoice, decodeInvoice, i)
	i.AmountCredited, i.AmountRefunded = money.New(700, eur), money.New(300, eur)
	i.CreditNotes = []CreditNote{{"crn_1", money.New(500, eur), money.New(200, eur)},
		{"crn_2", money.New(200, eur), money.New(0, eur)}}
	i.WriteOff = &WriteOff{money.New(9000, eur), []Relief{{StandardRate, money.New(1436, eur)}}}
	goldenNamed(t, Invoices.Topic().Name+".credited", encodeInvoice, decodeInvoice, i)
}

func goldenPromotion(at time.Time) Promotion {
	return Promotion{
		Tenant:  "acme",
		ID:      "pro_1",
		Name:    "Spring",
		Funding: Tradesperson,
		Active:  true,
		Coupon: Coupon{
			Percent: decimal.New(105, -1),
			Cap:     money.New(5000, eur),
			Amount:  money.New(0, eur),
		},
		Scope: Scope{
			[]Kind{Labour, Fee},
			[]string{"itm_1"},
		},
		MinimumSpend:     money.New(100, eur),
		FirstTime:        true,
		LimitTotal:       10,
		LimitPerCustomer: 2,
		From:             at,
		To:               at.Add(time.Hour),
		Priority:         -3,
		Combinable:       true,
		Created:          at,
		Updated:          at,
	}
}

// goldenQuote returns a quote with two versions, the second accepted with promotions, and its
// invoice.
func goldenQuote(t *testing.T, at time.Time) (Quote, Invoice) {
	d := twentyLines()
	d.Lines = d.Lines[:3]
	d.Lines[1].BaseQuantity = decimal.NewNullDecimal(decimal.New(10, 0))
	d.Lines[2].UnitCost = decimal.NullDecimal{}
	d.Prepaid, d.Rounding = money.New(500, eur), money.New(-1, eur)
	offered, err := Price(d, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	agreed, err := Price(d, threePromotions(), at)
	if err != nil {
		t.Fatal(err)
	}
	content := Content{d, offered, "Paid within 14 days.", "2026-12-31"}
	q := Quote{
		Tenant:   "acme",
		ID:       "quo_1",
		Customer: "cus_1",
		Number:   7,
		Created:  at,
		Updated:  at,
		Versions: []Version{
			{
				State:     QuoteSuperseded,
				Content:   content,
				Created:   at,
				Issued:    at,
				Expires:   at.Add(time.Hour),
				Statement: &Statement{"Ann", ByEmail, at, "Cheaper, please"},
			},
			{
				State:   QuoteAccepted,
				Content: content,
				Created: at,
				Issued:  at,
				Expires: at.Add(time.Hour),
			},
		},
		Bills: []Bill{{"inv_1", Entire, agreed.TaxInclusive}},
	}
	for n := range q.Versions {
		v := &q.Versions[n]
		if v.Frozen, err = contentOf(q, n+1, content); err != nil {
			t.Fatal(err)
		}
		v.Hash = sha256.Sum256(v.Frozen)
	}
	q.Versions[1].Acceptance = &Acceptance{
		"Ann",
		ByLink,
		at,
		q.Versions[1].Hash,
		[]string{"red_1_1"},
		agreed,
	}
	i := Invoice{
		Tenant:    "acme",
		ID:        "inv_1",
		State:     InvoicePaid,
		Number:    9,
		Quote:     "quo_1",
		Version:   2,
		Mode:      Entire,
		Customer:  "cus_1",
		IssueDate: "2026-03-01",
		DueDate:   "2026-03-15",
		Document:  d,
		Priced:    agreed,
		Redemptions: []string{
			"red_1_1",
		},
		AmountPaid:     agreed.Payable,
		AmountCredited: money.New(0, eur),
		AmountRefunded: money.New(0, eur),
		Created:        at,
		Updated:        at,
		Finalized:      at,
		Paid:           at,
		Closed:         at,
	}
	if i.Frozen, err = encodeInvoiceContent(i); err != nil {
		t.Fatal(err)
	}
	i.Hash = sha256.Sum256(i.Frozen)
	return q, i
}

// golden decodes the stored bytes of a topic's golden file and compares what they mean.
func golden[T any](
	t *testing.T,
	table *compaction.Table[T],
	encode func(T) ([]byte, error),
	decode func([]byte) (T, error),
	v T,
) {
	t.Helper()
	goldenNamed(t, table.Topic().Name, encode, decode, v)
}

// goldenNamed is golden with the files of a name: that of the topic, and of which shape of a record
// where there are several.
func goldenNamed[T any](t *testing.T, name string, encode func(T) ([]byte, error),
	decode func([]byte) (T, error), v T) {
	t.Helper()
	fresh, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decode(fresh)
	if err != nil || shown(back) != shown(v) {
		t.Errorf("%s:\n%sbecame\n%s(%v)", name, shown(v), shown(back), err)
	}
	if again, err := encode(back); err != nil || !bytes.Equal(again, fresh) {
		t.Errorf("%s: what was read is written with other bytes (%v)", name, err)
	}
	bin := filepath.Join("testdata", "golden", name+".bin")
	old, err := decode(file(t, bin, fresh))
	if err != nil {
		t.Fatalf("%s does not decode: %v", bin, err)
	}
	got := shown(old)
	if want := string(file(t, strings.TrimSuffix(bin, "bin")+"txt", []byte(got))); got != want {
		t.Errorf("%s decodes to\n%swant\n%s", bin, got, want)
	}
}

// shown prints a value, one field a line, below pointers too.
func shown(v any) string {
	var b strings.Builder
	show(&b, "", reflect.ValueOf(v))
	return b.String()
}

func show(b *strings.Builder, path string, v reflect.Value) {
	if s, ok := v.Interface().(fmt.Stringer); ok && v.Kind() != reflect.Pointer {
		fmt.Fprintf(b, "%s: %s\n", path, s)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			show(b, path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			show(b, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Type().Elem().Name() == "uint8" {
			fmt.Fprintf(b, "%s: %x\n", path, v.Bytes())
			return
		}
		for i := range v.Len() {
			show(b, fmt.Sprintf("%s.%d", path, i), v.Index(i))
		}
	default:
		fmt.Fprintf(b, "%s: %v\n", path, v.Interface())
	}
}

// file returns what a golden file holds; with -update one that is missing is written first.
func file(t *testing.T, name string, fresh []byte) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if os.IsNotExist(err) && *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestStoredNumbers holds that states, kinds and the like have in the domain the numbers and the
// names that they have in the contracts.
func TestStoredNumbers(t *testing.T) {
	checkNumbers(t, quotingv1.LineKind(0).Descriptor(), "LINE_KIND_", kindNames[:])
	checkNumbers(
		t,
		quotingv1.PromotionFunding(0).Descriptor(),
		"PROMOTION_FUNDING_",
		fundingNames[:],
	)
	checkNumbers(t, quotingv1.QuoteState(0).Descriptor(), "QUOTE_STATE_", quoteStateNames[:])
	checkNumbers(
		t,
		quotingv1.RedemptionState(0).Descriptor(),
		"REDEMPTION_STATE_",
		redemptionStateNames[:],
	)
	checkNumbers(
		t,
		quotingv1.InvoiceState(0).Descriptor(),
		"INVOICE_STATE_",
		invoiceStateNames[:],
	)
	checkNumbers(t, quotingv1.InvoiceMode(0).Descriptor(), "INVOICE_MODE_", modeNames[:])
	checkNumbers(t, quotingv1.AnswerChannel(0).Descriptor(), "ANSWER_CHANNEL_", channelNames[:])
}

func checkNumbers(t *testing.T, d protoreflect.EnumDescriptor, prefix string, names []string) {
	t.Helper()
	if d.Values().Len() != len(names) {
		t.Errorf("%s has %d values, want %d", d.Name(), d.Values().Len(), len(names))
	}
	for n, name := range names[1:] {
		v := d.Values().ByNumber(protoreflect.EnumNumber(n + 1))
		if want := prefix + strings.ToUpper(name); v == nil || string(v.Name()) != want {
			t.Errorf("%s: number %d is %v, want %s", d.Name(), n+1, v, want)
		}
	}
}
