package access

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction/compactiontest"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// FuzzDecode holds that bytes of any kind are a record, and then are written again with bytes that
// say the same, or are refused whole: a key that is read as another opens what it must not.
func FuzzDecode(f *testing.F) {
	compactiontest.FuzzForms(f,
		compactiontest.FormOf(&quotingv1.KeyRecord{}, encodeKey, decodeKey),
		compactiontest.FormOf(&quotingv1.LinkRecord{}, encodeLink, decodeLink),
	)
}

// A role that does not fit was cut to its lowest bits, and its key opened what another role may.
func TestDecodeStrangeRole(t *testing.T) {
	for _, role := range []quotingv1.Role{256 + 1, -255} {
		b, err := proto.Marshal(&quotingv1.KeyRecord{Tenant: "acme", Role: role,
			SecretSha256: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		if k, err := decodeKey(b); err == nil || k != (Key{}) {
			t.Errorf("role %d: got %+v, %v, want an error and nothing else", role, k, err)
		}
	}
}

// FuzzParseKey holds that reading a text never panics, and that a text which is read is the only
// one of its key.
func FuzzParseKey(f *testing.F) {
	f.Add("qk_acme_01jd5zq3v8e8y7x6w5v4t3s2r1_" + strings.Repeat("0f", 32))
	f.Add("qk___")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseKey(text)
		if err != nil {
			if !errors.Is(err, ErrUnauthorized) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if back := "qk_" + c.Tenant + "_" + ulid(
			c.ID,
			"key",
		) + "_" + c.secret.text(); back != text {
			t.Errorf("%q is read as %q", text, back)
		}
	})
}

// FuzzParseLink is FuzzParseKey for the tokens of links.
func FuzzParseLink(f *testing.F) {
	f.Add("acme.01jd5zq3v8e8y7x6w5v4t3s2r1." + strings.Repeat("0f", 32))
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := ParseLink(token)
		if err != nil {
			if !errors.Is(err, ErrUnauthorized) {
				t.Errorf("%q: %v", token, err)
			}
			return
		}
		if back := c.Tenant + "." + ulid(c.ID, "lnk") + "." + c.secret.text(); back != token {
			t.Errorf("%q is read as %q", token, back)
		}
	})
}
