package access

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// A Key lets its holder use the API as a role of a tenant.
type Key struct {
	Tenant  string
	ID      string // "key_…"
	Name    string // what a person calls it
	Role    Role
	Hash    [sha256.Size]byte // of the secret
	Created time.Time
	Revoked time.Time // zero while it is valid
}

// Keys holds the keys under Key(tenant, key), the revoked ones too.
var Keys = compaction.NewTable(compaction.TableSpec[Key]{
	Message: (*quotingv1.KeyRecord)(nil),
	Encode:  encodeKey,
	Decode:  decodeKey,
	Cached:  true,
})

// ErrName refuses a key without a name, or with one of more than 100 bytes.
var ErrName = errors.New("a key needs a name of at most 100 bytes")

// ErrRole refuses a key without a role.
var ErrRole = errors.New("a key needs a role: tradesperson, finance or platform")

// ErrNoKey reports that the tenant has no such key.
var ErrNoKey = errors.New("there is no such key")

// ErrNoLink reports that the tenant has no such link.
var ErrNoLink = errors.New("there is no such link")

const maxName = 100

// NewKey returns a new key and the text that opens it, which is nowhere else. It is called outside
// a command, because it draws random numbers; PutKey stores the key. It fails with a
// *compaction.TenantError, ErrName or ErrRole.
func NewKey(tenant, name string, role Role, at time.Time) (k Key, text string, err error) {
	switch {
	case name == "" || len(name) > maxName:
		return Key{}, "", ErrName
	case role == 0 || role >= roleEnd:
		return Key{}, "", ErrRole
	}
	if err := compaction.CheckTenant(tenant); err != nil {
		return Key{}, "", err
	}
	s := newSecret()
	k = Key{Tenant: tenant, ID: compaction.NewID(keyPrefix, at), Name: name, Role: role,
		Hash: s.hash(), Created: at.UTC()}
	return k, keyText + "_" + tenant + "_" + ulid(k.ID, keyPrefix) + "_" + s.text(), nil
}

// PutKey stores a new key.
func PutKey(tx *compaction.Tx, k Key) { Keys.Put(tx, compaction.Key(k.Tenant, k.ID), k) }

// RevokeKey ends a key for ever and returns it; a revoked key stays as it is. It fails with
// ErrNoKey.
func RevokeKey(tx *compaction.Tx, tenant, id string) (Key, error) {
	k, ok, err := Keys.Get(tx, compaction.Key(tenant, id))
	if err != nil {
		return Key{}, err
	}
	if !ok {
		return Key{}, ErrNoKey
	}
	if k.Revoked.IsZero() {
		k.Revoked = tx.Now()
		PutKey(tx, k)
	}
	return k, nil
}

// Authenticate returns the key that a credential opens. It fails with ErrUnauthorized, and with the
// store's error when that cannot be read.
func Authenticate(s compaction.State, c Credential) (Key, error) {
	k, ok, err := Keys.Get(s, compaction.Key(c.Tenant, c.ID))
	if err != nil {
		return Key{}, err
	}
	// The comparison is made for a key that is not there too, so that both take as long.
	if opened := c.secret.opens(k.Hash); !ok || !opened || !k.Revoked.IsZero() {
		return Key{}, ErrUnauthorized
	}
	return k, nil
}
