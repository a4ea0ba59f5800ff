package kafka

import (
	"strconv"
	"testing"
)

// FuzzParseGrant: a grant that is read is written with the same text, and stands in one line of a
// configuration; any other text is refused whole.
func FuzzParseGrant(f *testing.F) {
	for _, text := range []string{"serve=User:quittance", "reader=User:a=b:c", "copy=User:",
		"serve", "root=User:a", "operate=User:a\nb", "serve=User:\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, err := ParseGrant(text)
		if err != nil {
			if err.Error() == "" || g != (Grant{}) {
				t.Errorf("%q is refused (%v), and gives %+v", text, err, g)
			}
			return
		}
		if again := string(g.Role) + "=" + g.Principal; again != text {
			t.Errorf("%q is read as %q", text, again)
		}
		if quoted := strconv.Quote(text); quoted != `"`+text+`"` {
			t.Errorf("%q cannot stand between quotes as it is", text)
		}
	})
}

// A principal with the end of a line that is not one of ASCII, or with bytes that are no text, was
// written into Terraform's configuration as it was.
func TestParseGrantUnprintable(t *testing.T) {
	for _, name := range []string{"a\u0085b", "a\u2028b", "a\xffb", "a\x00"} {
		if g, err := ParseGrant("serve=User:" + name); err == nil || g != (Grant{}) {
			t.Errorf("%q: got %+v, %v, want an error and nothing else", name, g, err)
		}
	}
	if _, err := ParseGrant("serve=User:CN=Jörg Müller,O=Bäder"); err != nil {
		t.Errorf("a name of this world: %v", err)
	}
}
