package access

import (
	"crypto/sha256"
	"time"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// A Link lets a customer see one quote or invoice, and act on it.
type Link struct {
	Tenant   string
	ID       string // "lnk_…"
	Subject  string // the id of the quote or invoice
	Customer string // the customer it was made for
	Hash     [sha256.Size]byte
	Created  time.Time
	Expires  time.Time // zero is never
}

// Links holds the links under Key(tenant, link) until they expire. Its index "subject" reads
// "tenant/subject/link".
var Links = compaction.NewTable(compaction.TableSpec[Link]{
	Message: (*quotingv1.LinkRecord)(nil),
	Encode:  encodeLink,
	Decode:  decodeLink,
	Indexes: []compaction.Index[Link]{
		{Name: "subject", Keys: func(_ string, l Link) []string {
			return []string{compaction.Key(l.Tenant, l.Subject, l.ID)}
		}},
	},
	Due: func(_ string, l Link) time.Time { return l.Expires },
})

func init() {
	Links.OnDue(func(tx *compaction.Tx, key string, _ Link) error {
		Links.Delete(tx, key)
		return nil
	})
}

// NewLink returns a new link to a subject and the token that opens it, which is nowhere else. It is
// called outside a command, because it draws random numbers; PutLink stores the link. An expires of
// zero is never. It fails with a *compaction.TenantError.
func NewLink(tenant, subject, customer string, at, expires time.Time) (Link, string, error) {
	if err := compaction.CheckTenant(tenant); err != nil {
		return Link{}, "", err
	}
	s := newSecret()
	l := Link{Tenant: tenant, ID: compaction.NewID(linkPrefix, at), Subject: subject,
		Customer: customer, Hash: s.hash(), Created: at.UTC(), Expires: expires}
	return l, tenant + "." + ulid(l.ID, linkPrefix) + "." + s.text(), nil
}

// PutLink stores a new link.
func PutLink(tx *compaction.Tx, l Link) { Links.Put(tx, compaction.Key(l.Tenant, l.ID), l) }

// RevokeLink ends a link for ever. It fails with ErrNoLink.
func RevokeLink(tx *compaction.Tx, tenant, id string) error {
	key := compaction.Key(tenant, id)
	if _, ok, err := Links.Get(tx, key); err != nil {
		return err
	} else if !ok {
		return ErrNoLink
	}
	Links.Delete(tx, key)
	return nil
}

// RevokeLinks ends all links to a subject, for a record that goes.
func RevokeLinks(tx *compaction.Tx, tenant, subject string) error {
	rows, err := Links.Lookup(tx, "subject",
		compaction.Page{Prefix: compaction.Key(tenant, subject) + "/"})
	if err != nil {
		return err
	}
	for _, r := range rows {
		Links.Delete(tx, r.Key)
	}
	return nil
}

// Open returns the link that a credential opens at a time. It fails with ErrUnauthorized, and with
// the store's error when that cannot be read.
func Open(s compaction.State, c Credential, at time.Time) (Link, error) {
	l, ok, err := Links.Get(s, compaction.Key(c.Tenant, c.ID))
	if err != nil {
		return Link{}, err
	}
	expired := !l.Expires.IsZero() && !at.Before(l.Expires)
	if opened := c.secret.opens(l.Hash); !ok || !opened || expired {
		return Link{}, ErrUnauthorized
	}
	return l, nil
}

// Tables returns what the package keeps, for the program's schema.
func Tables() []compaction.Definition { return []compaction.Definition{Keys, Links} }
