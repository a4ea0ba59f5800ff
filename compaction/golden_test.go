package compaction

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

var update = flag.Bool("update", false, "write golden files that are missing")

// Stored forms of the engine's own records, as they were written on the day named, must decode for
// ever to what they meant, and be written the same way today.
func TestStoredForms(t *testing.T) {
	day := time.Date(2026, 11, 21, 7, 30, 0, 5, time.UTC)
	for _, c := range []struct {
		d     *topicDefinition
		value any
	}{
		{&Counters.d, uint64(4711)},
		{&Answers.d, remembered{
			fields:  []*compactionv1.FieldHash{{Name: "postings", Hash: []byte("sixteen bytes ab")}},
			answer:  Answer{Code: 201, Body: []byte(`{"id":"txn_1"}`), Location: "/v1/transactions/txn_1"},
			expires: day,
		}},
		{&Outbox.d, Effect{Tenant: "acme", ID: "eff_1", Kind: "payment.create", Aggregate: "pay_1",
			Payload: []byte{1, 2, 3}, State: EffectUnknown, Attempt: 2, Due: day, Created: day,
			Began: day, LastError: "timeout", Sequence: 9}},
	} {
		stored, err := c.d.encode(c.value)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "golden", c.d.topic.Name+".bin")
		if _, err := os.Stat(path); *update && os.IsNotExist(err) {
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, stored, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.d.decode(old)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		again, err := c.d.encode(v)
		if err != nil || !bytes.Equal(again, old) || !bytes.Equal(stored, old) {
			t.Errorf("%s: decoded and encoded again it is %x (%v), want %x", path, again, err, old)
		}
	}
}

// A tenant's shard is part of the stored format: these answers of FNV-1a, 64 bits, are for ever.
func TestShardOf(t *testing.T) {
	for _, c := range []struct {
		tenant          string
		of2, of16, of64 int
	}{
		{"acme", 1, 15, 15}, {"demo", 0, 6, 22}, {"platform", 0, 2, 18}, {"a", 0, 12, 12},
		{"plumbing-and-heating-7", 0, 14, 30},
	} {
		got := [...]int{ShardOf(c.tenant, 2), ShardOf(c.tenant, 16), ShardOf(c.tenant, 64)}
		if want := [...]int{c.of2, c.of16, c.of64}; got != want {
			t.Errorf("%s is in the shards %v of 2, 16 and 64, want %v", c.tenant, got, want)
		}
	}
}
