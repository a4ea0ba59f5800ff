package quoting

import (
	"errors"
	"time"

	"github.com/quittance/quittance/compaction"
)

// ClosedPeriod is how long a quote that was declined, cancelled or has expired stays: so long its
// customer sees by the link how it stands. Then its record ends.
const ClosedPeriod = 30 * 24 * time.Hour

// errNoEnd reports that a closed quote is due and nobody said how one ends.
var errNoEnd = errors.New("quoting: nobody ends closed quotes")

// end ends a closed quote: what OnClosed was given.
var end = func(*compaction.Tx, Quote) error { return errNoEnd }

// OnClosed sets how the record of a quote ends that came to nothing, ClosedPeriod after it did.
// Call it once, in an init function. The owner of the shard calls handle in a command of its own,
// when what was reserved for the quote is released; it must end the record.
func OnClosed(handle func(tx *compaction.Tx, q Quote) error) { end = handle }

func init() { Quotes.OnDue(lapseQuote) }

// Closed reports whether a quote came to nothing: nothing happens to it any more.
func (q Quote) Closed() bool {
	switch q.State() {
	case QuoteDeclined, QuoteExpired, QuoteCancelled:
		return true
	}
	return false
}

// due returns when the owner looks at a quote, zero for never.
func (q Quote) due() time.Time {
	switch {
	case q.State() == QuoteIssued:
		return q.Last().Expires
	case q.Closed():
		return q.Updated.Add(ClosedPeriod) // its last change was to close
	}
	return time.Time{}
}

// lapseQuote expires an offer whose time is over, and ends a closed quote.
func lapseQuote(tx *compaction.Tx, key string, q Quote) error {
	if q.Closed() {
		if _, err := ReleaseAll(tx, q.Tenant, q.ID); err != nil {
			return err
		}
		return end(tx, q)
	}
	q, err := q.move(ExpireEvent, tx.Now())
	if err == nil {
		Quotes.Put(tx, key, q)
	}
	return err
}
