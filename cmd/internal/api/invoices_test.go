package api

import (
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

// seller sends a request as acme's tradesperson and wants a status.
func (w *world) seller(status int, method, path, body string) answer {
	w.t.Helper()
	r := request{as: "acme/tradesperson", method: method, path: path}
	if body != "" {
		r.body = body
	}
	return w.want(status, r)
}

// accepted makes an accepted quote of acme and returns its id and its customer's.
func (w *world) accepted(codes string) (quote, customer string) {
	w.t.Helper()
	customer = w.seller(201, "POST", "/v1/customers", `{"name":"Ann"}`).at("id")
	quote = w.seller(201, "POST", "/v1/quotes", quoteOf(customer)).at("id")
	hash := w.seller(200, "POST", "/v1/quotes/"+quote+"/issue", "").at("hash")
	w.seller(200, "POST", "/v1/quotes/"+quote+"/accept",
		`{"who":"Ann","hash":"`+hash+`","promotion_codes":[`+codes+`]}`)
	return quote, customer
}

// TestInvoiceOverdue finds an invoice overdue from midnight in the tenant's zone on, and not a
// second before: who is reminded a day early has a reason to complain.
func TestInvoiceOverdue(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(o *Options) { o.Clock = func() time.Time { return now } })
	w.do("acme", func(tx *compaction.Tx) error {
		_, err := quoting.UpdateTenant(tx, quoting.Tenant{ID: "acme", Name: "acme",
			TimeZone: "Pacific/Auckland"})
		return err
	})
	quote, _ := w.accepted("")
	id := w.seller(201, "POST", "/v1/invoices", `{"quote":"`+quote+`"}`).is("overdue", "false",
		"amount_overpaid", "0.00").at("id")
	due := w.seller(200, "POST", "/v1/invoices/"+id+"/finalize", "").is("overdue",
		"false").at("due_date")
	zone, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	midnight, err := quoting.Date(due).End(zone)
	if err != nil {
		t.Fatal(err)
	}
	now = midnight.Add(-time.Second)
	w.seller(200, "GET", "/v1/invoices/"+id, "").is("overdue", "false")
	w.seller(200, "GET", "/v1/invoices?overdue=true", "").is("data", "[]")
	now = midnight
	w.seller(200, "GET", "/v1/invoices/"+id, "").is("overdue", "true")
	w.seller(200, "GET", "/v1/invoices", "").is("data.0.overdue", "true")
	w.seller(200, "GET", "/v1/invoices?overdue=true", "").is("data.0.id", id, "data.0.overdue", "true",
		"data.1.id", "", "has_more", "false")
	w.seller(422, "GET", "/v1/invoices?overdue=true&status=open", "").is("field", "query.overdue",
		"rule", "exclusive")
	w.seller(201, "POST", "/v1/payments",
		`{"invoice":"`+id+`","gateway":"offline","method":"cash"}`).is("status", "succeeded")
	w.seller(200, "GET", "/v1/invoices?overdue=true", "").is("data", "[]")
}

// TestInvoicesOverdueInOrder pages through the overdue ones alone, the longest overdue first: what
// is due later lies behind them in the same index.
func TestInvoicesOverdueInOrder(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(o *Options) { o.Clock = func() time.Time { return now } })
	var ids []string
	for _, days := range []int{9, 3, 40} {
		quote, _ := w.accepted("")
		due := now.AddDate(0, 0, days).UTC().Format(time.DateOnly)
		id := w.seller(201, "POST", "/v1/invoices",
			`{"quote":"`+quote+`","due_date":"`+due+`"}`).at("id")
		w.seller(200, "POST", "/v1/invoices/"+id+"/finalize", "")
		ids = append(ids, id)
	}
	now = now.AddDate(0, 0, 20)
	first := w.seller(200, "GET", "/v1/invoices?overdue=true&limit=1", "").is("data.0.id", ids[1],
		"has_more", "true")
	w.seller(200, "GET", "/v1/invoices?overdue=true&limit=1&cursor="+first.at("next_cursor"), "").is(
		"data.0.id", ids[0], "has_more", "false")
}

// TestTenantDueAtOnce tells payment_days of 0, which is due at once, from none at all.
func TestTenantDueAtOnce(t *testing.T) {
	w := newWorld(t)
	put := func(body string) answer {
		t.Helper()
		return w.want(200, request{as: "platform/platform", method: "PUT", path: "/v1/tenants/acme",
			body: body})
	}
	due := func() (issued, due string) {
		t.Helper()
		quote, _ := w.accepted("")
		id := w.seller(201, "POST", "/v1/invoices", `{"quote":"`+quote+`"}`).at("id")
		a := w.seller(200, "POST", "/v1/invoices/"+id+"/finalize", "")
		return a.at("issue_date"), a.at("due_date")
	}
	put(`{"name":"Acme","payment_days":0}`).is("payment_days", "0")
	if issued, due := due(); issued != due {
		t.Errorf("issued %s and due %s", issued, due)
	}
	put(`{"name":"Acme"}`).is("payment_days", "")
	if issued, due := due(); issued == due {
		t.Errorf("issued and due %s", due)
	}
	w.want(422, request{as: "platform/platform", method: "PUT", path: "/v1/tenants/acme",
		body: `{"name":"Acme","payment_days":null}`}).is("field", "payment_days")
	quote, _ := w.accepted("")
	w.seller(422, "POST", "/v1/invoices", `{"quote":"`+quote+`","due_date":"2020-01-01"}`).is(
		"field", "due_date", "rule", "range")
}
