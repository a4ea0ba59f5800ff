package settlement

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/quoting"
	"github.com/quittance/quittance/quoting/access"
)

// newWorldAt is newWorld by a clock that the test sets.
func newWorldAt(t testing.TB) (*world, *atomic.Int64) {
	t.Helper()
	now := new(atomic.Int64)
	now.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()).UTC() }
	return worldOn(t, compactiontest.StartAt(t, t.TempDir(), clock, Tables()...)), now
}

// quote makes and issues a quote, with a link to it.
func (w *world) quote() quoting.Quote {
	w.t.Helper()
	id := w.id("quo")
	link, _, err := access.NewLink(acme, id, customer, time.Now(), time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	var q quoting.Quote
	w.must(acme, func(tx *compaction.Tx) (err error) {
		_, err = quoting.CreateQuote(tx, acme, id, customer, quoting.Draft{Document: document(10_000)})
		if err != nil {
			return err
		}
		access.PutLink(tx, link)
		q, err = quoting.IssueQuote(tx, acme, id)
		return err
	})
	return q
}

// held returns how many records a tenant's shard has of a topic.
func (w *world) held(topic string) (n int) {
	w.t.Helper()
	w.read(acme, func(v *compaction.View) (err error) {
		n, err = v.Count("quittance." + topic + ".v1")
		return err
	})
	return n
}

// TestClosedQuotes holds that quotes which came to nothing leave the store, with the redemptions
// and links that belong to them: it once kept each for ever, so its size followed history. Until
// then the customer's link shows how they stand, and the journal has them after.
func TestClosedQuotes(t *testing.T) {
	w, now := newWorldAt(t)
	declined, cancelled, expired := w.quote(), w.quote(), w.quote()
	by := quoting.Answer{Who: "A. Customer", Channel: quoting.ByLink, Text: "Too dear"}
	w.must(acme, func(tx *compaction.Tx) error {
		if _, err := quoting.DeclineQuote(tx, acme, declined.ID, by); err != nil {
			return err
		}
		_, err := quoting.AcceptQuote(tx, acme, cancelled.ID, by, cancelled.Last().Hash,
			[]string{"TEN"})
		if err != nil {
			return err
		}
		_, err = quoting.CancelQuote(tx, acme, cancelled.ID, by)
		return err
	})
	wake := func(at time.Time) {
		now.Store(at.UnixNano())
		w.must(acme, func(*compaction.Tx) error { return nil })
	}
	closed := time.Unix(0, now.Load()).Add(quoting.ClosedPeriod)
	wake(closed.Add(-time.Second))
	if q, l := w.held("quotes"), w.held("links"); q != 3 || l != 3 {
		t.Fatalf("%d quotes and %d links are left before the time", q, l)
	}
	wake(expired.Last().Expires.Add(time.Second))
	w.eventually("the closed ones end and the other expires", func() bool {
		return w.held("quotes") == 1
	})
	w.check()
	wake(expired.Last().Expires.Add(quoting.ClosedPeriod + time.Hour))
	w.eventually("the expired one ends", func() bool { return w.held("quotes") == 0 })
	w.check()
	w.fold()
	w.gone()
	for id, want := range map[string]quoting.QuoteState{declined.ID: quoting.QuoteDeclined,
		cancelled.ID: quoting.QuoteCancelled, expired.ID: quoting.QuoteExpired} {
		f, err := Recall(w.ctx, w.s, acme, id)
		if err != nil || len(f.Records) == 0 || f.Records[0].Fact.Kind != "quote.closed" {
			t.Errorf("the journal has %v of %s (%v)", f.Records, id, err)
			continue
		}
		q, err := quoting.DecodeQuote(f.Records[0].Fact.Record)
		if err != nil || q.ID != id || q.State() != want {
			t.Errorf("the final record of %s is %+v (%v)", id, q, err)
		}
	}
	w.read(acme, func(v *compaction.View) error {
		u, err := quoting.UsageOf(v, acme, "pro_ours", "")
		if u.Reserved != 0 || u.Redeemed != 0 {
			t.Errorf("the promotion is used: %+v", u)
		}
		return err
	})
}

// TestClosedQuoteFault holds that the check knows a closed quote whose record is open after its
// final one: a tombstone that went missing.
func TestClosedQuoteFault(t *testing.T) {
	w, now := newWorldAt(t)
	q := w.quote()
	w.must(acme, func(tx *compaction.Tx) (err error) {
		q, err = quoting.CancelQuote(tx, acme, q.ID,
			quoting.Answer{Who: "A. Customer", Channel: quoting.ByAPI})
		return err
	})
	now.Add(int64(quoting.ClosedPeriod))
	w.eventually("the quote ends", func() bool { return w.held("quotes") == 0 })
	q.Updated = q.Updated.Add(quoting.ClosedPeriod) // not due at once
	w.must(acme, func(tx *compaction.Tx) error {
		quoting.Quotes.Put(tx, compaction.Key(acme, q.ID), q)
		return nil
	})
	w.read(acme, func(v *compaction.View) error {
		found, err := CheckOpen(v)
		if len(found) != 1 || found[0].Rule != "the record of a settled quote is open" {
			t.Errorf("found %v", found)
		}
		return err
	})
}

// eventually waits until what the owner does by itself is done.
func (w *world) eventually(what string, done func() bool) {
	w.t.Helper()
	for !done() {
		if w.ctx.Err() != nil {
			w.t.Fatalf("%s: waited in vain", what)
		}
		w.must(acme, func(*compaction.Tx) error { return nil })
	}
}
