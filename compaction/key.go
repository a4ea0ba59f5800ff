package compaction

import (
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Key joins the parts of a record's key, tenant first: Key("acme", "quo_1") is "acme/quo_1".
func Key(tenant string, parts ...string) string {
	n := len(tenant)
	for _, p := range parts {
		n += 1 + len(p)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(tenant)
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(p)
	}
	return b.String()
}

// ShardTenant is the tenant part of keys that belong to a shard and to no tenant.
const ShardTenant = "_"

var tenantID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// A TenantError reports a tenant id that cannot be one.
type TenantError struct{}

// Error says what a tenant id looks like.
func (*TenantError) Error() string {
	return "a tenant id is 1 to 63 lower-case letters, digits and hyphens, and begins with no hyphen"
}

// CheckTenant returns a *TenantError for a text that cannot be a tenant id.
func CheckTenant(tenant string) error {
	if !tenantID.MatchString(tenant) {
		return &TenantError{}
	}
	return nil
}

// ShardOf returns the shard of a tenant among n: FNV-1a, 64 bits, of the tenant's id, modulo n.
// It is part of the stored format: a tenant's records are found by it for ever.
func ShardOf(tenant string, n int) int {
	h := fnv.New64a()
	h.Write([]byte(tenant)) // a hash never fails
	return int(h.Sum64() % uint64(n))
}

// NewID returns a new id that begins with prefix and an underscore, followed by 26 characters of a
// lower-case ULID: 48 bits of the time at and 80 random bits, so ids of a kind sort by age.
func NewID(prefix string, at time.Time) string {
	id, err := ulid.New(ulid.Timestamp(at), rand.Reader)
	if err != nil { // only for a time past the year 10889
		panic(fmt.Sprintf("compaction: id at %v: %v", at, err))
	}
	return prefix + "_" + strings.ToLower(id.String())
}
