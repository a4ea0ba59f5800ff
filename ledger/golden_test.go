package ledger

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

var update = flag.Bool("update", false, "add golden files that are missing")

// golden lists the stored forms and values of this version of the program.
func golden() map[string]struct {
	value   any
	message proto.Message
	encode  func() ([]byte, error)
	decode  func([]byte) (any, error)
} {
	type record = struct {
		value   any
		message proto.Message
		encode  func() ([]byte, error)
		decode  func([]byte) (any, error)
	}
	account := Account{ID: "deposits:cus_1", Currency: eur, Rule: DebitsMustNotExceedCredits,
		Posted: Sums{125, 5000}, Pending: Sums{300, 7}, Created: day, Version: 12}
	held := Held{Tenant: "acme", Transaction: TransactionID(3, 77, 0), Reference: "order 7",
		Postings: []Posting{post("wallet:1", "sales", 300)}, Created: day, Expires: day.AddDate(0, 0, 7)}
	reference := Reference{TransactionID(3, 77, 0), day.Add(ReferenceRetention)}
	pointer := Pointer{Sequence: 78, Kind: "payment", Subject: "pay_1", Settled: day,
		Expires: day.AddDate(1, 0, 0)}
	head := Head{Sequence: 78, Hash: [HashSize]byte{1, 2, 3}}
	entry := Entry{
		Shard: 3, Sequence: 77, PreviousHash: [HashSize]byte{9, 8, 7}, At: day, Tenant: "acme",
		Kind: "payment.settle",
		Transactions: []Posted{{
			ID: TransactionID(3, 77, 0), At: day, Phase: PhasePostedHeld, Held: TransactionID(3, 5, 0),
			Lines: []Line{{post("bank", "clearing:stripe", 81596), euro(90000), euro(81596), euro(0)}},
		}, {
			ID: TransactionID(3, 77, 1), At: day, Phase: PhasePosted, Reference: "po_1/txn_2",
			Metadata: []Pair{{"invoice", "inv_1"}},
			Lines:    []Line{{post("fees:stripe", "clearing:stripe", 42), euro(0), euro(42), euro(-42)}},
		}},
		Facts:  []Fact{{"payment.settled", "pay_1", "ledger.v1.PaymentRecord", []byte{10, 1, 'x'}}},
		Closed: []ClosedAccount{{"receivable:cus_1", eur}},
	}
	return map[string]record{
		"quittance.accounts.v1": {account, &ledgerv1.AccountRecord{},
			func() ([]byte, error) { return EncodeAccount(account) },
			func(b []byte) (any, error) { return DecodeAccount(b) }},
		"quittance.held.v1": {held, &ledgerv1.HeldRecord{},
			func() ([]byte, error) { return encodeHeld(held) },
			func(b []byte) (any, error) { return decodeHeld(b) }},
		"quittance.references.v1": {reference, &ledgerv1.ReferenceRecord{},
			func() ([]byte, error) { return encodeReference(reference) },
			func(b []byte) (any, error) { return decodeReference(b) }},
		"quittance.settled.v1": {pointer, &ledgerv1.SettledRecord{},
			func() ([]byte, error) { return encodePointer(pointer) },
			func(b []byte) (any, error) { return decodePointer(b) }},
		"quittance.journalheads.v1": {head, &ledgerv1.JournalHead{},
			func() ([]byte, error) { return encodeHead(head) },
			func(b []byte) (any, error) { return decodeHead(b) }},
		"quittance.journal.v1": {entry, &ledgerv1.JournalEntry{},
			func() ([]byte, error) { return encodeEntry(&entry), nil },
			func(b []byte) (any, error) { return DecodeEntry(b) }},
	}
}

// Bytes that were ever written must be read for ever, as what they were. With -update missing files
// are added; those that are there are never changed. The .json is for readers.
func TestGolden(t *testing.T) {
	for topic, r := range golden() {
		path := filepath.Join("testdata", "golden", topic)
		stored, err := os.ReadFile(path + ".bin")
		if os.IsNotExist(err) && *update {
			addGolden(t, path, r.message, r.encode)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.decode(stored); err != nil || !reflect.DeepEqual(got, r.value) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", topic, got, err, r.value)
		}
	}
	for _, d := range Tables() {
		topic := d.(interface{ Topic() compaction.Topic }).Topic().Name
		if golden()[topic].decode == nil {
			t.Errorf("%s has no golden file", topic)
		}
	}
}

func addGolden(t *testing.T, path string, m proto.Message, encode func() ([]byte, error)) {
	t.Helper()
	stored, err := encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(stored, m); err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var readable bytes.Buffer // protojson varies its spaces
	if err := json.Indent(&readable, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	readable.WriteByte('\n')
	for end, b := range map[string][]byte{".bin": stored, ".json": readable.Bytes()} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+end, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
