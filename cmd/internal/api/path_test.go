package api

import (
	"strings"
	"testing"
	"time"
)

// quoteOf is the body of a quote of 100.00 and its tax.
func quoteOf(customer string) string {
	return `{"customer":"` + customer + `","currency":"EUR","lines":[{"description":"Fit a tap",` +
		`"kind":"labour","quantity":"2","unit_price":"50","unit_cost":"30",` +
		`"tax":{"category":"S","rate":"19"}}],"terms":"As agreed."}`
}

// TestMoneyPath goes from a quote to its settlement through the API, with money that a bank's
// statement shows, and finds the settled records afterwards.
func TestMoneyPath(t *testing.T) {
	w := newWorld(t)
	seller := func(status int, method, path, body string) answer {
		t.Helper()
		r := request{as: "acme/tradesperson", method: method, path: path}
		if body != "" {
			r.body = body
		}
		return w.want(status, r)
	}
	customer := seller(201, "POST", "/v1/customers", `{"name":"Ann","email":"ann@example.com"}`).at("id")
	promotion := seller(201, "POST", "/v1/promotions", `{"name":"Spring","percent":"10"}`).at("id")
	seller(201, "POST", "/v1/promotions/"+promotion+"/codes", `{"code":"spring10"}`).is("code", "SPRING10")
	quote := seller(201, "POST", "/v1/quotes", quoteOf(customer)).is("status", "draft",
		"priced.payable", "119.00", "priced.margin.amount", "40.00").at("id")
	hash := seller(200, "POST", "/v1/quotes/"+quote+"/issue", "").is("status", "issued",
		"number", "Q-1").at("hash")
	token := seller(201, "POST", "/v1/links", `{"subject":"`+quote+`"}`).is("customer", customer).at("token")
	w.keys["acme/customer"] = token
	w.want(200, request{as: "acme/customer", method: "GET", path: "/v1/link"}).is(
		"subject", quote, "kind", "quote", "business", "acme")
	w.want(200, request{as: "acme/customer", method: "GET", path: "/v1/quotes/" + quote}).is(
		"priced.margin", "", "priced.line_details", "", "document.lines.0.unit_cost", "",
		"rules.0.rule", "line_net")
	w.want(409, request{as: "acme/customer", method: "POST", path: "/v1/quotes/" + quote + "/accept",
		body: `{"who":"Ann","hash":"` + strings.Repeat("0", 64) + `"}`}).is(
		"type", "/problems/content-changed")
	w.want(200, request{as: "acme/customer", method: "POST", path: "/v1/quotes/" + quote + "/accept",
		body: `{"who":"Ann","hash":"` + hash + `","promotion_codes":["Spring10"]}`}).is(
		"status", "accepted", "acceptance.channel", "link", "priced.payable", "107.10")
	seller(200, "GET", "/v1/promotions/"+promotion, "").is("reserved", "1")
	invoice := seller(201, "POST", "/v1/invoices", `{"quote":"`+quote+`"}`).is("status", "draft").at("id")
	seller(200, "POST", "/v1/invoices/"+invoice+"/finalize", "").is("status", "open",
		"number", "INV-1", "amount_due", "107.10")
	w.want(200, request{as: "acme/customer", method: "GET", path: "/v1/invoices/" + invoice}).is(
		"priced.margin", "", "priced.line_details", "", "priced.lines.0", "100.00",
		"rules.0.rule", "line_net", "rules.1.rule", "promotion")
	seller(200, "GET", "/v1/invoices/"+invoice, "").is("priced.line_details.0.net", "100.00",
		"priced.line_details.0.promotion", "10.00", "priced.line_details.0.margin.cost", "60.00",
		"priced.line_details.0.margin.amount", "30.00")
	redemption := seller(200, "GET", "/v1/redemptions?quote="+quote, "").is("data.0.status",
		"reserved", "data.0.promotion", promotion, "data.0.amount", "10.00").at("data.0.id")
	seller(200, "GET", "/v1/redemptions?promotion="+promotion, "").is("data.0.id", redemption)
	seller(200, "GET", "/v1/redemptions/"+redemption, "").is("status", "reserved", "code",
		"SPRING10")
	w.want(403, request{as: "acme/customer", method: "POST", path: "/v1/payments",
		body: `{"invoice":"` + invoice + `","gateway":"offline","method":"cash"}`})
	seller(422, "POST", "/v1/payments", `{"invoice":"`+invoice+`","gateway":"nobody"}`).is(
		"type", "/problems/payment-invalid", "field", "gateway")
	payment := seller(201, "POST", "/v1/payments", `{"invoice":"`+invoice+
		`","gateway":"offline","method":"transfer","reference":"RE 2026-17"}`).is(
		"status", "succeeded", "amount", "107.10").at("id")
	w.want(200, request{as: "acme/customer", method: "GET", path: "/v1/payments/" + payment})
	w.want(201, request{as: "acme/finance", method: "POST", path: "/v1/statement_entries",
		body: `{"id":"e1","reference":"RE 2026-17","amount":"107.10","currency":"EUR",` +
			`"booked_on":"2026-03-01"}`}).is("matched", "true")
	for path, status := range map[string]string{"/v1/payments/" + payment: "settled",
		"/v1/invoices/" + invoice: "paid", "/v1/quotes/" + quote: "invoiced"} {
		seller(200, "GET", path, "").is("status", status)
	}
	seller(200, "GET", "/v1/payments", "").is("data", "[]")
	seller(200, "GET", "/v1/redemptions", "").is("data", "[]")
	seller(200, "GET", "/v1/redemptions/"+redemption, "").is("status", "redeemed", "quote", quote)
	seller(409, "POST", "/v1/quotes/"+quote+"/cancel", `{"who":"Bob"}`).is(
		"type", "/problems/document-state")
	refund := seller(201, "POST", "/v1/refunds", `{"payment":"`+payment+`","amount":"7.10"}`).is(
		"status", "succeeded", "amount", "7.10").at("id")
	seller(200, "GET", "/v1/refunds/"+refund, "").is("payment", payment)
	seller(200, "GET", "/v1/payments/"+payment, "").is("amount_refunded", "7.10")
}

// TestTenants makes a tenant with keys whose secrets are given once, and revokes one at once.
func TestTenants(t *testing.T) {
	w := newWorld(t)
	create := request{as: "platform/platform", method: "POST", path: "/v1/tenants",
		body:   `{"id":"cask","name":"Cask Roofing","time_zone":"Europe/Berlin"}`,
		header: map[string]string{"Idempotency-Key": "k1"}}
	first := w.want(201, create).is("tenant.id", "cask", "keys.0.role", "tradesperson")
	w.keys["cask/tradesperson"] = first.at("keys.0.secret")
	w.keys["cask/finance"] = first.at("keys.1.secret")
	again := w.want(201, create).is("keys.0.secret", "", "keys.0.note", givenOnce)
	if again.rec.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("the repeated answer does not say so")
	}
	w.want(200, request{as: "cask/tradesperson", method: "GET", path: "/v1/tenants/cask"}).is(
		"time_zone", "Europe/Berlin")
	w.want(404, request{as: "cask/tradesperson", method: "GET", path: "/v1/tenants/acme"})
	w.want(200, request{as: "platform/platform", method: "GET", path: "/v1/tenants?limit=2"}).is(
		"data.0.id", "acme", "data.1.id", "bolt", "has_more", "true")
	w.want(403, request{as: "cask/tradesperson", method: "POST", path: "/v1/keys",
		body: `{"name":"x","role":"platform"}`}).is("type", "/problems/forbidden")
	id := first.at("keys.1.id")
	w.want(200, request{as: "cask/finance", method: "GET", path: "/v1/accounts"})
	w.want(200, request{as: "cask/tradesperson", method: "POST", path: "/v1/keys/" + id + "/revoke"})
	a := w.want(401, request{as: "cask/finance", method: "GET", path: "/v1/accounts"})
	if a.rec.Header().Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	w.want(200, request{as: "platform/platform", method: "GET", path: "/v1/customers",
		header: map[string]string{"Quittance-Tenant": "cask"}})
	w.want(200, request{as: "platform/finance", method: "GET", path: "/v1/customers",
		header: map[string]string{"Quittance-Tenant": "cask"}})
	for as, tenant := range map[string]string{"platform/platform": "nobody", "acme/finance": "cask"} {
		w.want(404, request{as: as, method: "GET", path: "/v1/customers",
			header: map[string]string{"Quittance-Tenant": tenant}})
	}
	w.want(404, request{as: "platform/finance", method: "POST", path: "/v1/transactions", body: sale,
		header: map[string]string{"Quittance-Tenant": "cask"}})
}

// TestLinkExpires refuses a link from the moment it expires, whatever is remembered of it.
func TestLinkExpires(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(o *Options) { o.Clock = func() time.Time { return now } })
	customer := w.want(201, request{as: "acme/tradesperson", method: "POST", path: "/v1/customers",
		body: `{"name":"Ann"}`}).at("id")
	quote := w.want(201, request{as: "acme/tradesperson", method: "POST", path: "/v1/quotes",
		body: quoteOf(customer)}).at("id")
	w.keys["acme/customer"] = w.want(201, request{as: "acme/tradesperson", method: "POST",
		path: "/v1/links", body: `{"subject":"` + quote + `","expires":"` +
			now.Add(time.Hour).UTC().Format(time.RFC3339Nano) + `"}`}).at("token")
	w.want(200, request{as: "acme/customer", method: "GET", path: "/v1/link"})
	w.want(404, request{as: "acme/customer", method: "GET", path: "/v1/quotes/" + quote}) // a draft
	now = now.Add(2 * time.Hour)
	w.want(401, request{as: "acme/customer", method: "GET", path: "/v1/link"})
}
