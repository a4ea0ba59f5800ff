package gateways

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
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
