package access

import (
	"crypto/sha256"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// The functions of this file are the only ones that know both forms. Roles have the same numbers in
// both.

// errHash reports a stored hash of another length.
var errHash = errors.New("access: the stored hash of a secret is not a SHA-256")

func encodeKey(k Key) ([]byte, error) {
	return proto.Marshal(&quotingv1.KeyRecord{
		Tenant: k.Tenant, Key: k.ID, Name: k.Name, Role: quotingv1.Role(k.Role),
		SecretSha256: k.Hash[:], CreatedUnixNano: nanoseconds(k.Created),
		RevokedUnixNano: nanoseconds(k.Revoked),
	})
}

func decodeKey(b []byte) (Key, error) {
	var m quotingv1.KeyRecord
	err := proto.Unmarshal(b, &m)
	role := compaction.Enum[Role](m.Role, &err)
	if err != nil {
		return Key{}, err
	}
	if len(m.SecretSha256) != sha256.Size {
		return Key{}, errHash
	}
	return Key{
		Tenant: m.Tenant, ID: m.Key, Name: m.Name, Role: role,
		Hash: [sha256.Size]byte(m.SecretSha256), Created: instant(m.CreatedUnixNano),
		Revoked: instant(m.RevokedUnixNano),
	}, nil
}

func encodeLink(l Link) ([]byte, error) {
	return proto.Marshal(&quotingv1.LinkRecord{
		Tenant: l.Tenant, Link: l.ID, Subject: l.Subject, Customer: l.Customer,
		SecretSha256: l.Hash[:], CreatedUnixNano: nanoseconds(l.Created),
		ExpiresUnixNano: nanoseconds(l.Expires),
	})
}

func decodeLink(b []byte) (Link, error) {
	var m quotingv1.LinkRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Link{}, err
	}
	if len(m.SecretSha256) != sha256.Size {
		return Link{}, errHash
	}
	return Link{
		Tenant: m.Tenant, ID: m.Link, Subject: m.Subject, Customer: m.Customer,
		Hash: [sha256.Size]byte(m.SecretSha256), Created: instant(m.CreatedUnixNano),
		Expires: instant(m.ExpiresUnixNano),
	}, nil
}

// nanoseconds is the stored form of a time: 0 is the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant is the inverse of nanoseconds.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
