package api

import (
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

// TestQuoteDeclinedEnds holds that a customer sees by the link that the quote was declined, and
// that the seller still reads it when its record has ended: from the journal.
func TestQuoteDeclinedEnds(t *testing.T) {
	w := newWorld(t)
	customer := w.seller(201, "POST", "/v1/customers", `{"name":"Ann"}`).at("id")
	id := w.seller(201, "POST", "/v1/quotes", quoteOf(customer)).at("id")
	w.seller(200, "POST", "/v1/quotes/"+id+"/issue", "")
	w.keys["acme/customer"] = w.seller(201, "POST", "/v1/links", `{"subject":"`+id+`"}`).at("token")
	w.want(200, request{as: "acme/customer", method: "POST", path: "/v1/quotes/" + id + "/decline",
		body: `{"who":"Ann","text":"Too dear"}`}).is("status", "declined")
	see := request{as: "acme/customer", method: "GET", path: "/v1/quotes/" + id}
	w.want(200, see).is("status", "declined", "statement.text", "Too dear")
	w.do("acme", func(tx *compaction.Tx) error { // as if it had been declined long ago
		q, err := quoting.FindQuote(tx, "acme", id)
		if err != nil {
			return err
		}
		q.Updated = q.Updated.Add(-quoting.ClosedPeriod)
		quoting.Quotes.Put(tx, compaction.Key("acme", id), q)
		return nil
	})
	for end := time.Now().Add(time.Minute); w.send(see).Code != 401; {
		if time.Now().After(end) {
			t.Fatal("the quote does not end")
		}
		w.do("acme", func(*compaction.Tx) error { return nil })
	}
	w.seller(200, "GET", "/v1/quotes", "").is("data", "[]")
	w.seller(200, "GET", "/v1/quotes/"+id, "").is("status", "declined", "statement.who", "Ann")
	w.seller(200, "GET", "/v1/quotes/"+id+"/versions", "").is("data.0.status", "declined")
	w.seller(409, "POST", "/v1/quotes/"+id+"/revise", "").is("type", "/problems/document-state")
}

// TestQuoteTermsLimit holds the description's limit of terms against the domain's.
func TestQuoteTermsLimit(t *testing.T) {
	w := newWorld(t)
	terms := w.api.huma.OpenAPI().Components.Schemas.Map()["QuoteBody"].Properties["terms"]
	if terms.MaxLength == nil || *terms.MaxLength != quoting.MaxTerms {
		t.Errorf("the description's limit is not %d", quoting.MaxTerms)
	}
}
