package gateways

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

var update = flag.Bool("update", false, "add golden files that are missing")

// TestRecord holds that a record comes back from its stored form as it was, and that bytes which
// an earlier version wrote still decode to the same value. -update only adds what is missing.
func TestRecord(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := WebhookEvent{Tenant: "acme", Gateway: "stripe", ID: "evt_1", Kind: "payout.paid",
		GatewayID: "po_1", Received: at, Expires: at.Add(time.Hour)}
	b, err := encodeWebhookEvent(want)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "golden", "quittance.webhooks.v1.bin")
	if _, err := os.Stat(path); *update && os.IsNotExist(err) {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, stored := range [][]byte{b, old} {
		if got, err := decodeWebhookEvent(stored); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// TestTellRecord holds that what is told of a dispute arrives as it was, amounts that are nothing
// and times that are not known among it, also from a process of another version.
func TestTellRecord(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	eur := money.MustParseCurrency("EUR")
	want := payments.DisputeFact{Gateway: "stripe", GatewayID: "dp_1", GatewayPayment: "pi_1",
		State: payments.DisputeLost, Amount: money.New(1000, eur), Withdrawn: money.New(1000, eur),
		Fee: money.New(0, eur), Reason: "fraudulent", Created: at, Observed: at.Add(time.Hour),
		Sequence: 7}
	payload, err := encodeDispute("pay_1", want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Tell{Tenant: "acme", Kind: payments.EffectDisputeFind, Payload: payload}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "golden", "tell.bin")
	if _, err := os.Stat(path); *update && os.IsNotExist(err) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range [][]byte{b, old} {
		m, err := DecodeTell(sent)
		if err != nil || m.Tenant != "acme" || m.Kind != payments.EffectDisputeFind {
			t.Fatalf("%+v %v", m, err)
		}
		payment, got, err := decodeDispute(m.Payload)
		if err != nil || payment != "pay_1" || got != want {
			t.Errorf("%s %+v %v", payment, got, err)
		}
	}
}
