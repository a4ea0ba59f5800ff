package access

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write golden files that are missing")

// TestGoldenRecords holds that bytes once written decode for ever, into what they meant. Files that
// exist are never written again.
func TestGoldenRecords(t *testing.T) {
	k := Key{Tenant: "acme", ID: "key_01jd5zq3v8e8y7x6w5v4t3s2r1", Name: "Till", Role: Finance,
		Created: time.Unix(1.7e9, 1).UTC(), Revoked: time.Unix(1.8e9, 2).UTC()}
	l := Link{
		Tenant:   "acme",
		ID:       "lnk_01jd5zq3v8e8y7x6w5v4t3s2r1",
		Subject:  "quo_1",
		Customer: "cus_1",
		Created:  time.Unix(1.7e9, 1).UTC(),
		Expires:  time.Unix(1.8e9, 2).UTC(),
	}
	for i := range k.Hash {
		k.Hash[i], l.Hash[i] = byte(i), byte(255-i)
	}
	golden(t, Keys.Topic().Name, k, encodeKey, decodeKey)
	golden(t, Links.Topic().Name, l, encodeLink, decodeLink)
}

// golden decodes the stored bytes of a topic's golden file and compares what they mean.
func golden[T comparable](
	t *testing.T,
	topic string,
	v T,
	encode func(T) ([]byte, error),
	decode func([]byte) (T, error),
) {
	t.Helper()
	fresh, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := decode(fresh); err != nil || back != v {
		t.Errorf("%s: %+v became %+v (%v)", topic, v, back, err)
	}
	bin := filepath.Join("testdata", "golden", topic+".bin")
	stored := file(t, bin, fresh)
	old, err := decode(stored)
	if err != nil {
		t.Fatalf("%s does not decode: %v", bin, err)
	}
	got := fmt.Appendf(nil, "%+v\n", old)
	if want := file(
		t,
		filepath.Join("testdata", "golden", topic+".txt"),
		got,
	); !bytes.Equal(
		got,
		want,
	) {
		t.Errorf("%s decodes to\n%swant\n%s", bin, got, want)
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
