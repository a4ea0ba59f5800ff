package access

import (
	"errors"
	"log/slog"
	"strings"

	"github.com/quittance/quittance/compaction"
)

// ErrUnauthorized refuses a key or a link: its text has not the form of one, or there is none, or
// it has another secret, or it was revoked, or it has expired. Which of these, is not said.
var ErrUnauthorized = errors.New("the key or link is not valid")

// Prefixes of ids, and of the text of a key.
const (
	keyText    = "qk"
	keyPrefix  = "key"
	linkPrefix = "lnk"
	ulidLength = 26
)

// A Credential is what a text says: which tenant, which key or link, and the secret. That it is
// well formed does not mean that it opens anything. It prints without its secret.
type Credential struct {
	Tenant string
	ID     string // "key_…" or "lnk_…"
	secret secret
}

// String names the key or link without its secret.
func (c Credential) String() string { return compaction.Key(c.Tenant, c.ID) }

// GoString is String: the secret is not printed by %#v either.
func (c Credential) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// ParseKey reads the text of a key. It fails with ErrUnauthorized.
func ParseKey(text string) (Credential, error) {
	parts := strings.Split(text, "_")
	if len(parts) != 4 || parts[0] != keyText {
		return Credential{}, ErrUnauthorized
	}
	return parse(parts[1], keyPrefix, parts[2], parts[3])
}

// ParseLink reads the token of a link. It fails with ErrUnauthorized.
func ParseLink(token string) (Credential, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Credential{}, ErrUnauthorized
	}
	return parse(parts[0], linkPrefix, parts[1], parts[2])
}

func parse(tenant, prefix, ulid, text string) (Credential, error) {
	s, ok := parseSecret(text)
	if !ok || compaction.CheckTenant(tenant) != nil || !isULID(ulid) {
		return Credential{}, ErrUnauthorized
	}
	return Credential{Tenant: tenant, ID: prefix + "_" + ulid, secret: s}, nil
}

// isULID reports whether s has the form of the last part of an id.
func isULID(s string) bool {
	if len(s) != ulidLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// ulid returns the part of an id behind its prefix.
func ulid(id, prefix string) string { return strings.TrimPrefix(id, prefix+"_") }
