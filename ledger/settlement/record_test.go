package settlement

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

var update = flag.Bool("update", false, "add golden files that are missing")

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestRecords holds that each record comes back from its stored form as it was, and that bytes
// which an earlier version wrote still decode to the same value. -update only adds what is
// missing.
func TestRecords(t *testing.T) {
	golden(t, "quittance.expectations.v1", Expectation{ID: "dsp_1-withdrawn-700", Tenant: acme,
		Kind: ExpectDispute, Subject: "pay_1", Source: "dsp_1", Gateway: "stripe", Method: "cash",
		References: []string{"PAY1", "RE7"}, Amount: euro(-700), Fee: euro(15), Seen: euro(-600),
		Sightings: 2, Status: PartiallyMatched, Match: Forced, MatchedBy: "txn_1", Deadline: t0,
		Created: t0.Add(1), Updated: t0.Add(2)},
		EncodeExpectation, DecodeExpectation, &ledgerv1.ExpectationRecord{})
	golden(t, "quittance.statements.v1", StatementEntry{ID: "e1", Tenant: acme,
		Reference: "RE 7", Amount: euro(-1), BookedOn: t0, Expectation: "pay_1",
		Created: t0.Add(1)},
		EncodeStatementEntry, DecodeStatementEntry, &ledgerv1.StatementEntryRecord{})
	golden(t, "quittance.journal.v1.reconciliation.item", Item{ID: "txn_1", Tenant: acme,
		Category: CategoryCharge, Gross: euro(10_550), Fee: euro(175), Net: euro(10_375),
		Gateway: "stripe", Method: "card", Source: "ch_1", GatewayPayment: "pi_1",
		Payment: "pay_1", Refund: "ref_1", Dispute: "dsp_1", Payout: "stripe-po_1",
		GatewayPayout: "po_1", StatementEntry: "e1", Invoice: "inv_1", InvoiceNumber: "INV-1",
		Quote: "quo_1", Customer: "cus_1", Payable: euro(10_550), Tax: euro(2_250),
		Promotion: euro(1_700), Created: t0, Available: t0.Add(1), Settled: t0.Add(2),
		Match: Auto}, EncodeItem, DecodeItem, &ledgerv1.ReconciliationItem{})
}

func golden[T any](t *testing.T, topic string, v T, encode func(T) ([]byte, error),
	decode func([]byte) (T, error), m proto.Message) {
	t.Helper()
	b, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := decode(b); err != nil || !reflect.DeepEqual(again, v) {
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
	if was, err := decode(old); err != nil || !reflect.DeepEqual(was, v) {
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

// TestNumbers holds that kinds, statuses and matches have the same number here and in the contract,
// and that the contract calls them the same.
func TestNumbers(t *testing.T) {
	for n := range 10 {
		sameNumber(t, ledgerv1.ExpectationKind(n), "EXPECTATION_KIND_", ExpectationKind(n).String())
		if Status(n) != Missing { // which is never stored
			sameNumber(t, ledgerv1.ExpectationStatus(n), "EXPECTATION_STATUS_", Status(n).String())
		}
		sameNumber(t, ledgerv1.MatchKind(n), "MATCH_KIND_", Match(n).String())
	}
}

func sameNumber(t *testing.T, e protoreflect.Enum, prefix, name string) {
	t.Helper()
	v := e.Descriptor().Values().ByNumber(e.Number())
	if v == nil || e.Number() == 0 {
		if name != "?" && name != "" {
			t.Errorf("%s %d is called %q", prefix, e.Number(), name)
		}
		return
	}
	if want := string(v.Name()); !bytes.EqualFold([]byte(prefix+name), []byte(want)) {
		t.Errorf("%q is called %q in the contract", name, want)
	}
}
