package sandbox

import (
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction/compactiontest"
	gatewaysv1 "github.com/quittance/quittance/gateways/v1"
)

// FuzzDecode holds that bytes of any kind are an object of the books, and then are written again
// with bytes that say the same, or are refused whole.
func FuzzDecode(f *testing.F) {
	compactiontest.FuzzForms(f,
		compactiontest.FormOf(&gatewaysv1.SandboxObjectRecord{}, encodeObject, decodeObject))
}

// FuzzForm holds that no body makes the parser or what reads from it panic, and that the same
// parameters have the same fingerprint.
func FuzzForm(f *testing.F) {
	f.Add("amount=100&currency=eur&metadata[tenant]=acme&expand[]=a.b&created[gte]=1")
	f.Add("metadata[=1&metadata[]]=2&a[b][c]=3&%zz")
	f.Fuzz(func(t *testing.T, body string) {
		parsed, err := parseForm(body)
		if err != nil {
			return
		}
		if n, err := parsed.amount("amount"); err == nil && n < 0 {
			t.Errorf("an amount of %d", n)
		}
		if _, err := parsed.pairs("metadata"); err != nil {
			t.Log(err)
		}
		again, err := parseForm(parsed.values.Encode())
		if err != nil && strings.Count(body, "&") < maxParameters/2 {
			t.Fatal(err)
		}
		if err == nil && again.fingerprint("/") != parsed.fingerprint("/") {
			t.Errorf("%q and %q", again.fingerprint("/"), parsed.fingerprint("/"))
		}
		_ = parsed.list("expand")
	})
}
