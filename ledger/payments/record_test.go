package payments

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// TestRecords holds that each record comes back from its stored form as it was, and that bytes
// which an earlier version wrote still decode to the same value. -update only adds what is
// missing.
func TestRecords(t *testing.T) {
	p := samplePayment()
	check(t, "quittance.payments.v1.asked", p, EncodePayment, DecodePayment, &ledgerv1.PaymentRecord{})
	check(t, "quittance.attempts.v1", Attempt{Tenant: "acme", Payment: "pay_1", Number: 2,
		Effect: "pay_1-2", Gateway: "stripe", Method: "pm_1", State: AttemptDeclined,
		Code: "card_declined", Calls: 3, Began: t0, Ended: t0.Add(1)},
		EncodeAttempt, DecodeAttempt, &ledgerv1.AttemptRecord{})
	check(t, "quittance.refunds.v1", Refund{ID: "ref_1", Tenant: "acme", Payment: "pay_1",
		CreditNote: "cn_1", Amount: amount(500), Gateway: "stripe", GatewayID: "re_1",
		Reason: "duplicate", State: RefundFailed, Code: "lost_or_stolen_card", Conflict: "amount",
		Created: t0, Updated: t0.Add(1), Observed: t0.Add(2), Sequence: 4, SettledBy: "txn_9"},
		EncodeRefund, DecodeRefund, &ledgerv1.RefundRecord{})
	check(t, "quittance.disputes.v1", Dispute{ID: "dsp_1", Tenant: "acme", Payment: "pay_1",
		Gateway: "stripe", GatewayID: "dp_1", Amount: amount(700), Withdrawn: amount(700),
		Reinstated: amount(300), Fee: amount(1500), Reason: "fraudulent", State: DisputeWon,
		Conflict: "amount", EvidenceDue: t0.Add(9), Created: t0, Updated: t0.Add(1),
		Observed: t0.Add(2), Sequence: 5}, EncodeDispute, DecodeDispute, &ledgerv1.DisputeRecord{})
	check(t, "quittance.payouts.v1", Payout{ID: "po_1", Tenant: "platform", Gateway: "stripe",
		GatewayID: "po_x", Amount: amount(9825), State: PayoutPaid, Fetched: true, Lines: 2,
		Answered: 1, LinesSum: amount(9825), Trace: "TRACE", Code: "account_closed",
		Conflict: "amount", Arrival: t0.Add(3), Created: t0, Updated: t0.Add(1),
		Observed: t0.Add(2), Sequence: 6}, EncodePayout, DecodePayout, &ledgerv1.PayoutRecord{})
	check(t, "quittance.payoutlines.v1", PayoutLine{ID: "txn_1", Tenant: "platform",
		Payout: "po_1", Owner: "acme", Kind: LineRefund, Payment: "pay_1", Refund: "ref_1",
		GatewayPayment: "pi_1", Source: "re_1", Gross: amount(-500), Fee: amount(1),
		Net: amount(-501), State: LineSettled, Code: "x", Created: t0, Answered: t0.Add(1)},
		EncodePayoutLine, DecodePayoutLine, &ledgerv1.PayoutLineRecord{})
}

// TestRecordsBeforeAsked decodes a payment as it was stored before it was noted which attempt had
// been asked for: nothing waits.
func TestRecordsBeforeAsked(t *testing.T) {
	old, err := os.ReadFile(filepath.Join("testdata", "golden", "quittance.payments.v1.bin"))
	if err != nil {
		t.Fatal(err)
	}
	want := samplePayment()
	want.Asked = 0
	if got, err := DecodePayment(old); err != nil || got != want {
		t.Errorf("the golden bytes decode to %+v, %v", got, err)
	}
}

func samplePayment() Payment {
	return Payment{
		ID: "pay_1", Tenant: "acme", Invoice: "inv_1", Customer: "cus_1", Amount: amount(10000),
		CaptureAmount: amount(9000), CaptureManual: true, Gateway: "stripe", Method: "pm_1",
		GatewayID: "pi_1", Charge: "ch_1", Reference: "RE 7", State: Settled, Attempts: 2,
		Asked: 3, Code: "card_declined", NextAction: "https://bank.example", Conflict: "amount",
		AmountReceived: amount(9000), AmountRefunded: amount(100), AmountRefunding: amount(200),
		AmountDisputed: amount(300), Fee: amount(175), Created: t0, Updated: t0.Add(1),
		Expires: t0.Add(2), Observed: t0.Add(3), Sequence: 3, Succeeded: t0.Add(4),
		Settled: t0.Add(5), SettledBy: "txn_1",
	}
}

func check[T comparable](t *testing.T, topic string, v T, encode func(T) ([]byte, error),
	decode func([]byte) (T, error), m proto.Message) {
	t.Helper()
	b, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := decode(b); err != nil || again != v {
		t.Errorf("%s: %+v came back as %+v, %v", topic, v, again, err)
	}
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if !m.ProtoReflect().Has(fields.Get(i)) {
			t.Errorf("%s: the sample leaves %s empty", topic, fields.Get(i).Name())
		}
	}
	path := filepath.Join("testdata", "golden", topic)
	if _, err := os.Stat(path + ".bin"); *update && os.IsNotExist(err) {
		add(t, path, b, m)
	}
	old, err := os.ReadFile(path + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	if was, err := decode(old); err != nil || was != v {
		t.Errorf("%s: the golden bytes decode to %+v, %v", topic, was, err)
	}
}

func add(t *testing.T, path string, b []byte, m proto.Message) {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte(`, "`), []byte(`,"`)) // protojson varies its spaces
	for name, content := range map[string][]byte{path + ".bin": b, path + ".json": text} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNumbers holds that states and kinds have the same number here and in the contracts, and that
// the contracts call them the same.
func TestNumbers(t *testing.T) {
	for n := range 12 {
		same(t, ledgerv1.PaymentState(n), "PAYMENT_STATE_", State(n).String())
		same(t, ledgerv1.AttemptState(n), "ATTEMPT_STATE_", AttemptState(n).String())
		same(t, ledgerv1.RefundState(n), "REFUND_STATE_", RefundState(n).String())
		same(t, ledgerv1.DisputeState(n), "DISPUTE_STATE_", DisputeState(n).String())
		same(t, ledgerv1.PayoutState(n), "PAYOUT_STATE_", PayoutState(n).String())
		same(t, ledgerv1.PayoutLineKind(n), "PAYOUT_LINE_KIND_", LineKind(n).String())
		same(t, ledgerv1.PayoutLineState(n), "PAYOUT_LINE_STATE_", LineState(n).String())
	}
}

func same(t *testing.T, e protoreflect.Enum, prefix, name string) {
	t.Helper()
	v := e.Descriptor().Values().ByNumber(e.Number())
	if v == nil || e.Number() == 0 {
		if name != "?" {
			t.Errorf("%s %d is called %q", prefix, e.Number(), name)
		}
		return
	}
	if want := string(v.Name()); !equalFold(prefix+name, want) {
		t.Errorf("%q is called %q in the contract", name, want)
	}
}

func equalFold(a, b string) bool { return bytes.EqualFold([]byte(a), []byte(b)) }
