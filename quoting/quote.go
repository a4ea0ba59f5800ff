package quoting

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// A Hash is the SHA-256 of stored bytes. It prints as hexadecimal digits.
type Hash [sha256.Size]byte

// String returns 64 hexadecimal digits, and nothing for the zero Hash.
func (h Hash) String() string {
	if h == (Hash{}) {
		return ""
	}
	return fmt.Sprintf("%x", h[:])
}

// ParseHash is the inverse of Hash.String. It fails with a *FieldError on "hash".
func ParseHash(text string) (h Hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		return h, &FieldError{"hash", "hash", "must be 64 hexadecimal digits"}
	}
	return Hash(b), nil
}

// A Quote is an offer to a customer, with all its versions. The last version is the one that
// counts; at most that one is live.
type Quote struct {
	Tenant   string
	ID       string // "quo_…"
	Customer string
	Number   uint64    // without a gap per tenant; 0 until it is first issued
	Versions []Version // oldest first, at least one
	Bills    []Bill    // invoices made from it
	Created  time.Time
	Updated  time.Time
}

// A Version is what a quote offered at a time. What was issued never changes.
type Version struct {
	State      QuoteState
	Content    Content
	Frozen     []byte // the stored bytes of Content once issued; never encoded again
	Hash       Hash   // of Frozen; zero in a draft
	Created    time.Time
	Issued     time.Time
	Expires    time.Time // of an issued version: from then on it cannot be accepted
	Acceptance *Acceptance
	Statement  *Statement // why it was declined, cancelled or is to be changed
}

// Content is what a version offers.
type Content struct {
	Document   Document
	Priced     Priced // without promotions: those come with the acceptance
	Terms      string // what the customer agrees to
	ValidUntil Date   // the last day of validity in the customer's zone; set at the latest by Issue
}

// An Acceptance is who accepted what, how and when.
type Acceptance struct {
	Who         string
	Channel     Channel
	At          time.Time
	Hash        Hash     // of what was accepted
	Redemptions []string // the redemptions of the promotions in the price
	Priced      Priced   // the agreed price, with promotions
}

// A Statement is what someone said to a quote, other than to accept it.
type Statement struct {
	Who     string
	Channel Channel
	At      time.Time
	Text    string
}

// A Bill is an invoice made from a quote.
type Bill struct {
	Invoice string
	Mode    InvoiceMode
	Amount  money.Amount // of the contract value
}

// Quotes holds the quotes under Key(tenant, quote). Its indexes read "tenant/state/quote",
// "tenant/customer/quote" and, for drafts, "tenant/item/quote". An issued quote expires by itself,
// and one that came to nothing ends by itself: see ClosedPeriod.
var Quotes = compaction.NewTable(compaction.TableSpec[Quote]{
	Message: (*quotingv1.QuoteRecord)(nil),
	Encode:  encodeQuote,
	Decode:  decodeQuote,
	Indexes: []compaction.Index[Quote]{
		{Name: "state", Keys: func(_ string, q Quote) []string {
			return []string{compaction.Key(q.Tenant, q.State().String(), q.ID)}
		}},
		{Name: "customer", Keys: func(_ string, q Quote) []string {
			return []string{compaction.Key(q.Tenant, q.Customer, q.ID)}
		}},
		{Name: "item", Keys: func(_ string, q Quote) []string { return q.itemKeys() }},
	},
	Due:      func(_ string, q Quote) time.Time { return q.due() },
	Revision: 1, // closed quotes are due
})

// Last returns the version that counts.
func (q Quote) Last() Version { return q.Versions[len(q.Versions)-1] }

// State returns where the version that counts stands.
func (q Quote) State() QuoteState { return q.Last().State }

// Name returns the quote's number as people read it, empty until it is issued: "Q-12".
func (q Quote) Name() string {
	if q.Number == 0 {
		return ""
	}
	return fmt.Sprintf("Q-%d", q.Number)
}

// Agreed returns the price that counts: the accepted one with its promotions, or else the offered
// one.
func (q Quote) Agreed() Priced {
	if a := q.Last().Acceptance; a != nil {
		return a.Priced
	}
	return q.Last().Content.Priced
}

// itemKeys returns where a draft is found by the price book items of its lines.
func (q Quote) itemKeys() []string {
	if q.State() != QuoteDraft {
		return nil
	}
	var keys []string
	for _, l := range q.Last().Content.Document.Lines {
		if key := compaction.Key(q.Tenant, l.Item, q.ID); l.Item != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// change returns q with its last version changed by f; q itself stays as it is.
func (q Quote) change(at time.Time, f func(v *Version)) Quote {
	q.Versions = slices.Clone(q.Versions)
	f(&q.Versions[len(q.Versions)-1])
	q.Updated = at
	return q
}

// move returns q with its last version moved by an event. It fails with a *MoveError.
func (q Quote) move(e QuoteEvent, at time.Time) (Quote, error) {
	to, err := q.State().Next(e)
	if err != nil {
		return q, err
	}
	return q.change(at, func(v *Version) { v.State = to }), nil
}

// FindQuote returns a quote. It fails with a *NotFoundError.
func FindQuote(s compaction.State, tenant, id string) (Quote, error) {
	return find(s, Quotes, compaction.Key(tenant, id), "quote")
}

// A HashError refuses an acceptance of something else than what is on offer.
type HashError struct {
	Issued Hash // of what is on offer
}

// Error says what to do.
func (e *HashError) Error() string {
	return "what was accepted is not what is on offer: read the quote again, its hash is " +
		e.Issued.String()
}
