package api

import (
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting/access"
)

// A caller is who asks: the holder of a key, or a customer with a link.
type caller struct {
	home      string // the tenant of the key or link
	id        string // of the key or link
	role      roles
	principal string       // whose idempotency keys and whose rate
	link      *access.Link // of a customer
}

// maxCallers bounds how many callers are remembered.
const maxCallers = 10_000

// A keyring knows callers by what they show. It remembers them under the hash of that, so that a
// key is read and compared once, until any key or link changes: a revoked key is refused from the
// moment its revocation is answered. It is safe for concurrent use.
type keyring struct {
	shards  *compaction.Shards
	clock   func() time.Time
	changed [2]<-chan struct{} // holds a token after keys or links have changed

	mu      sync.Mutex
	callers map[[sha256.Size]byte]*caller
	version uint64 // counts changes
}

func newKeyring(shards *compaction.Shards, clock func() time.Time) (*keyring, error) {
	k := &keyring{shards: shards, clock: clock, callers: map[[sha256.Size]byte]*caller{}}
	for i, topic := range []string{access.Keys.Topic().Name, access.Links.Topic().Name} {
		var err error
		if k.changed[i], _, err = shards.Subscribe(topic); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// caller returns who shows an Authorization header. It fails with errNoKey, errKey, and with the
// engine's error when the tenant's records cannot be read.
func (k *keyring) caller(header string) (*caller, error) {
	token, ok := bearer(header)
	if !ok {
		return nil, errNoKey
	}
	if len(token) > 256 {
		return nil, errKey
	}
	hash := sha256.Sum256([]byte(token))
	c, version := k.known(hash)
	if c != nil && (c.link == nil || c.link.Expires.IsZero() || k.clock().Before(c.link.Expires)) {
		return c, nil
	}
	c, err := k.find(token)
	if errors.Is(err, access.ErrUnauthorized) {
		return nil, errKey
	}
	if err != nil {
		return nil, err
	}
	k.remember(hash, c, version)
	return c, nil
}

// bearer returns the token that an Authorization header shows, if it shows one.
func bearer(header string) (token string, ok bool) {
	const scheme = "Bearer "
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", false
	}
	return header[len(scheme):], true
}

// homeOf returns the tenant that the key or link in an Authorization header names in clear, and
// whether it names one.
func homeOf(header string) (string, bool) {
	token, ok := bearer(header)
	if !ok || len(token) > 256 {
		return "", false
	}
	parse := access.ParseLink
	if strings.HasPrefix(token, "qk_") {
		parse = access.ParseKey
	}
	credential, err := parse(token)
	return credential.Tenant, err == nil
}

// known returns a remembered caller, or nil, and the version of the keys it holds for.
func (k *keyring) known(hash [sha256.Size]byte) (*caller, uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgetChanged()
	return k.callers[hash], k.version
}

// forgetChanged forgets every caller if a key or a link has changed. A group's tokens are left
// before its answers are given, so nothing that was answered is missed.
func (k *keyring) forgetChanged() {
	for _, changed := range k.changed {
		select {
		case <-changed:
			k.version++
			clear(k.callers)
		default:
		}
	}
}

// remember keeps a caller that was read at a version of the keys, if it still is the version.
func (k *keyring) remember(hash [sha256.Size]byte, c *caller, version uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgetChanged()
	if version != k.version {
		return
	}
	if len(k.callers) >= maxCallers {
		clear(k.callers)
	}
	k.callers[hash] = c
}

// find reads who a token opens for.
func (k *keyring) find(token string) (*caller, error) {
	if strings.HasPrefix(token, "qk_") {
		return k.findKey(token)
	}
	credential, err := access.ParseLink(token)
	if err != nil {
		return nil, err
	}
	var l access.Link
	err = k.shards.Read(credential.Tenant, func(v *compaction.View) (err error) {
		l, err = access.Open(v, credential, k.clock())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &caller{home: l.Tenant, id: l.ID, role: customer, principal: l.Tenant + "." + l.ID,
		link: &l}, nil
}

func (k *keyring) findKey(token string) (*caller, error) {
	credential, err := access.ParseKey(token)
	if err != nil {
		return nil, err
	}
	var key access.Key
	err = k.shards.Read(credential.Tenant, func(v *compaction.View) (err error) {
		key, err = access.Authenticate(v, credential)
		return err
	})
	if err != nil {
		return nil, err
	}
	role := map[access.Role]roles{access.Tradesperson: tradesperson, access.Finance: finance,
		access.Platform: platform}[key.Role]
	return &caller{home: key.Tenant, id: key.ID, role: role,
		principal: key.Tenant + "." + key.ID}, nil
}
