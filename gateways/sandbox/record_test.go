package sandbox

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "add golden files that are missing")

// TestRecord holds that an object comes back from its stored form as it was, and that bytes which
// an earlier version wrote still decode to the same value. -update only adds what is missing.
func TestRecord(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := Object{Kind: kindEvent, ID: "evt_1", JSON: []byte(`{"id":"evt_1"}`), Sequence: 7,
		Parent: "pi_1", Send: at, Sent: 1, Copies: 2, Due: at.Add(time.Hour)}
	b, err := encodeObject(want)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "golden", "quittance.sandbox.objects.v1.bin")
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
		if got, err := decodeObject(stored); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
