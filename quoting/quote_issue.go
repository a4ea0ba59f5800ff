package quoting

import (
	"crypto/sha256"
	"time"

	"github.com/quittance/quittance/compaction"
)

// IssueQuote makes a draft an offer: it gets a number if the quote has none, its validity ends with
// its last day in the customer's time zone, and its content is frozen and hashed. It fails with a
// *NotFoundError, a *MoveError, or a *FieldError for a validity that is over and for a total below
// zero.
func IssueQuote(tx *compaction.Tx, tenant, id string) (Quote, error) {
	q, err := FindQuote(tx, tenant, id)
	if err != nil {
		return q, err
	}
	if q, err = q.move(IssueEvent, tx.Now()); err != nil {
		return q, err
	}
	content := q.Last().Content
	if content.Priced.Payable.Sign() < 0 {
		return q, &FieldError{"lines", "range",
			"come to less than zero in all, which a quote must not: change the draft"}
	}
	expires, err := content.validity(tx, q)
	if err != nil {
		return q, err
	}
	if q.Number == 0 {
		if q.Number, err = compaction.NextNumber(tx, tenant, "quote"); err != nil {
			return q, err
		}
	}
	frozen, err := encodeContent(q, content)
	if err != nil {
		return q, err
	}
	q = q.change(tx.Now(), func(v *Version) {
		v.Content, v.Frozen, v.Hash = content, frozen, sha256.Sum256(frozen)
		v.Issued, v.Expires = tx.Now(), expires
	})
	Quotes.Put(tx, compaction.Key(tenant, id), q)
	return q, nil
}

// validity returns when a content that is issued now is no longer valid, and writes the last day
// into it where it has none.
func (c *Content) validity(tx *compaction.Tx, q Quote) (time.Time, error) {
	tenant, z, err := terms(tx, q.Tenant)
	if err != nil {
		return time.Time{}, err
	}
	customer, err := FindCustomer(tx, q.Tenant, q.Customer)
	if err != nil {
		return time.Time{}, err
	}
	if customer.TimeZone != "" {
		if z, err = zone(customer.TimeZone); err != nil {
			return time.Time{}, err
		}
	}
	if c.ValidUntil == "" {
		if c.ValidUntil, err = DateOf(tx.Now(), z).addDays(tenant.ValidityDays); err != nil {
			return time.Time{}, err
		}
	}
	expires, err := c.ValidUntil.End(z)
	if err == nil && !expires.After(tx.Now()) {
		err = &FieldError{"valid_until", "range", "is over already"}
	}
	return expires, err
}
