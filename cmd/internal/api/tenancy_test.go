package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tenancy lists every operation and who may use it. An operation without a row fails the test, so a
// new route makes somebody think about it.
var tenancy = map[string]string{
	"preview-pricing":            "tradesperson finance platform",
	"post-transaction":           "tradesperson finance platform",
	"post-transactions":          "tradesperson finance platform",
	"get-transaction":            "tradesperson finance platform",
	"hold-amounts":               "tradesperson finance platform",
	"list-holds":                 "tradesperson finance platform",
	"get-hold":                   "tradesperson finance platform",
	"post-hold":                  "tradesperson finance platform",
	"void-hold":                  "tradesperson finance platform",
	"list-accounts":              "tradesperson finance platform",
	"get-account":                "tradesperson finance platform",
	"list-account-history":       "tradesperson finance platform",
	"put-account":                "tradesperson finance platform",
	"create-tenant":              "platform",
	"list-tenants":               "platform",
	"get-tenant":                 "tradesperson finance platform",
	"put-tenant":                 "platform",
	"create-key":                 "tradesperson platform",
	"list-keys":                  "tradesperson platform",
	"revoke-key":                 "tradesperson platform",
	"create-customer":            "tradesperson platform",
	"list-customers":             "tradesperson finance platform",
	"get-customer":               "tradesperson finance platform",
	"put-customer":               "tradesperson platform",
	"create-item":                "tradesperson platform",
	"list-items":                 "tradesperson finance platform",
	"get-item":                   "tradesperson finance platform",
	"put-item":                   "tradesperson platform",
	"create-promotion":           "tradesperson platform",
	"list-promotions":            "tradesperson finance platform",
	"get-promotion":              "tradesperson finance platform",
	"deactivate-promotion":       "tradesperson platform",
	"create-promotion-code":      "tradesperson platform",
	"list-promotion-codes":       "tradesperson finance platform",
	"deactivate-promotion-code":  "tradesperson platform",
	"list-redemptions":           "tradesperson finance platform",
	"get-redemption":             "tradesperson finance platform",
	"create-quote":               "tradesperson platform",
	"list-quotes":                "tradesperson finance platform",
	"get-quote":                  "tradesperson finance platform customer",
	"list-quote-versions":        "tradesperson finance platform",
	"put-quote-draft":            "tradesperson platform",
	"issue-quote":                "tradesperson platform",
	"revise-quote":               "tradesperson platform",
	"accept-quote":               "tradesperson platform customer",
	"decline-quote":              "tradesperson platform customer",
	"request-changes-quote":      "tradesperson platform customer",
	"cancel-quote":               "tradesperson platform",
	"create-link":                "tradesperson platform",
	"list-links":                 "tradesperson platform",
	"revoke-link":                "tradesperson platform",
	"get-link":                   "tradesperson finance platform customer",
	"create-invoice":             "tradesperson platform",
	"list-invoices":              "tradesperson finance platform",
	"get-invoice":                "tradesperson finance platform customer",
	"finalize-invoice":           "tradesperson platform",
	"void-invoice":               "tradesperson platform",
	"discard-invoice":            "tradesperson platform",
	"mark-invoice-uncollectible": "tradesperson finance platform",
	"credit-invoice":             "tradesperson finance platform",
	"create-payment":             "tradesperson platform customer",
	"list-payments":              "tradesperson finance platform",
	"get-payment":                "tradesperson finance platform customer",
	"confirm-payment":            "tradesperson platform customer",
	"cancel-payment":             "tradesperson platform customer",
	"capture-payment":            "tradesperson platform",
	"resolve-payment":            "finance platform",
	"create-refund":              "tradesperson finance platform",
	"list-refunds":               "tradesperson finance platform",
	"get-refund":                 "tradesperson finance platform",
	"list-disputes":              "tradesperson finance platform",
	"get-dispute":                "tradesperson finance platform",
	"list-payouts":               "tradesperson finance platform",
	"get-payout":                 "tradesperson finance platform",
	"list-payout-lines":          "tradesperson finance platform",
	"resend-payout-line":         "finance platform",
	"create-statement-entry":     "finance platform",
	"list-statement-entries":     "tradesperson finance platform",
	"match-statement-entry":      "finance platform",
	"list-expectations":          "tradesperson finance platform",
	"receive-expectation":        "finance platform",
	"accept-expectation":         "finance platform",
	"export-reconciliation":      "finance platform tradesperson",
	"list-dead-effects":          "platform",
	"replay-dead-effect":         "platform",
	"drop-dead-effect":           "platform",
	"verify":                     "platform",
	"list-shards":                "platform",
	"receive-webhook":            "",
}

// TestTenancyRows holds the matrix against the description, both ways.
func TestTenancyRows(t *testing.T) {
	w := newWorld(t)
	have := map[string]bool{}
	for _, rt := range w.api.routes {
		have[rt.id] = true
		row, ok := tenancy[rt.id]
		want := strings.Fields(row)
		slices.Sort(want)
		got := rt.roles.names()
		slices.Sort(got)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s is for %v, the matrix says %v", rt.id, got, want)
		}
	}
	for id := range tenancy {
		if !have[id] {
			t.Errorf("the matrix has %s, which is no operation", id)
		}
	}
}

// TestTenancyMatrix sends every operation as every role, to one's own tenant and to another's. Who
// may not is told 403 with the roles that may; another tenant's record is answered exactly like one
// that nobody has; a customer's link reaches nothing but its subject; no key is 401.
func TestTenancyMatrix(t *testing.T) {
	w := newWorld(t)
	own, other := w.records("acme"), w.records("bolt")
	cells := 0
	for _, rt := range w.api.routes {
		if rt.roles == nobody {
			continue
		}
		if rec := w.send(w.requestOf(rt, "", own)); rec.Code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d %s", rt.id, rec.Code, rec.Body)
		}
		for _, as := range []string{"acme/tradesperson", "acme/finance", "platform/platform",
			"platform/finance", "acme/customer"} {
			role := strings.Split(as, "/")[1]
			allowed := slices.Contains(strings.Fields(tenancy[rt.id]), role)
			for _, records := range []map[string]string{own, other} {
				cells++
				w.tenancyCell(rt, as, allowed, own, records)
			}
		}
	}
	t.Logf("%d cells", cells)
}

// tenancyCell sends one operation as one caller about one tenant's records.
func (w *world) tenancyCell(rt *route, as string, allowed bool, own, records map[string]string) {
	t := w.t
	t.Helper()
	rec := w.send(w.requestOf(rt, as, records))
	if !allowed {
		if rec.Code != http.StatusForbidden {
			t.Errorf("%s as %s: %d, want 403: %s", rt.id, as, rec.Code, rec.Body)
		}
		return
	}
	if rec.Code == http.StatusUnauthorized || rec.Code >= 500 && rec.Code != 507 {
		t.Errorf("%s as %s: %d %s", rt.id, as, rec.Code, rec.Body)
	}
	foreign := records["tenant"] != own["tenant"] || strings.HasPrefix(as, "platform/") ||
		as == "acme/customer" && !strings.HasPrefix(rt.path, "/v1/quotes/")
	if !foreign || !strings.Contains(rt.path, "{") || rt.id == "get-tenant" || rt.id == "put-tenant" {
		return
	}
	// The path names a record of a tenant that the caller is not asking about.
	unknown := w.send(w.requestOf(rt, as, w.unknown()))
	if strip(rec.Body.String()) != strip(unknown.Body.String()) || rec.Code != unknown.Code {
		t.Errorf("%s as %s: another tenant's record is answered %d %s, an unknown one %d %s", rt.id,
			as, rec.Code, rec.Body, unknown.Code, unknown.Body)
	}
	if rec.Code < 400 && !holdsNothing(rt.id, rec.Body.String()) {
		t.Errorf("%s as %s about %s: %d %s", rt.id, as, records["tenant"], rec.Code, rec.Body)
	}
}

// holdsNothing reports whether an answer is an empty list or makes something new of its own, as an
// account's settings do: accounts need not exist.
func holdsNothing(id, body string) bool {
	return strings.Contains(body, `"data":[]`) || id == "put-account"
}

var instances = regexp.MustCompile(`"(instance|created|account)":"[^"]*"|"version":\d+`)

// strip leaves out what differs between two answers of a kind.
func strip(body string) string { return instances.ReplaceAllString(body, "") }

// records makes a tenant's records and returns their ids by the names of their kinds.
func (w *world) records(tenant string) map[string]string {
	w.t.Helper()
	seller := func(method, path, body string) answer {
		w.t.Helper()
		r := request{as: tenant + "/tradesperson", method: method, path: path}
		if body != "" {
			r.body = body
		}
		rec := w.send(r)
		if rec.Code >= 300 {
			w.t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
		return answer{w.t, rec, decoded(w.t, rec.Body.Bytes())}
	}
	ids := map[string]string{"tenant": tenant}
	ids["cus"] = seller("POST", "/v1/customers", `{"name":"Ann"}`).at("id")
	ids["itm"] = seller("POST", "/v1/items", itemExample).at("id")
	ids["pro"] = seller("POST", "/v1/promotions", `{"name":"Spring","percent":"10"}`).at("id")
	ids["code"] = "SPRING-" + strings.ToUpper(tenant)
	seller("POST", "/v1/promotions/"+ids["pro"]+"/codes", `{"code":"`+ids["code"]+`"}`)
	quote := seller("POST", "/v1/quotes", quoteOf(ids["cus"])).at("id")
	hash := seller("POST", "/v1/quotes/"+quote+"/issue", "").at("hash")
	ids["red"] = seller("POST", "/v1/quotes/"+quote+"/accept", `{"who":"Ann","hash":"`+hash+
		`","promotion_codes":["`+ids["code"]+`"]}`).at("acceptance.redemptions.0")
	ids["inv"] = seller("POST", "/v1/invoices", `{"quote":"`+quote+`"}`).at("id")
	seller("POST", "/v1/invoices/"+ids["inv"]+"/finalize", "")
	ids["pay"] = seller("POST", "/v1/payments", `{"invoice":"`+ids["inv"]+
		`","gateway":"offline","method":"cash","amount":"1"}`).at("id")
	ids["ref"] = seller("POST", "/v1/refunds", `{"payment":"`+ids["pay"]+`","amount":"0.50"}`).at("id")
	ids["quo"] = seller("POST", "/v1/quotes", quoteOf(ids["cus"])).at("id")
	seller("POST", "/v1/quotes/"+ids["quo"]+"/issue", "")
	link := seller("POST", "/v1/links", `{"subject":"`+ids["quo"]+`"}`)
	ids["lnk"] = seller("POST", "/v1/links", `{"subject":"`+ids["quo"]+`"}`).at("id")
	w.keys[tenant+"/customer"] = link.at("token")
	ids["txn"] = seller("POST", "/v1/transactions", strings.ReplaceAll(
		strings.Replace(sale, `,"reference":"r1"`, "", 1), "till", "till-"+tenant)).at("id")
	ids["hold"] = seller("POST", "/v1/holds", `{"postings":[{"debit":"a","credit":"b","amount":"1",`+
		`"currency":"EUR"}]}`).at("id")
	ids["account"] = "cash:till-" + tenant
	ids["key"] = seller("POST", "/v1/keys", `{"name":"spare","role":"finance"}`).at("id")
	ids["entry"], ids["expectation"] = "entry-"+tenant, ids["pay"]
	return ids
}

// unknown are ids that nobody has.
func (w *world) unknown() map[string]string {
	const ulid = "01j9qz4m2n8r7t6v5w4x3y2z1a"
	return map[string]string{"tenant": "nobody", "cus": "cus_" + ulid, "itm": "itm_" + ulid,
		"pro": "pro_" + ulid, "red": "red_" + ulid + "_1", "code": "NOBODY",
		"inv": "inv_" + ulid, "pay": "pay_" + ulid,
		"ref": "ref_" + ulid, "quo": "quo_" + ulid, "lnk": "lnk_" + ulid, "txn": "txn_zzz0000000zzzzzz",
		"hold": "txn_zzz0000000zzzzzz", "account": "nobody", "key": "key_" + ulid, "entry": "nobody",
		"expectation": "nobody"}
}

// pathIDs says which record the {id} of a path names, by the path's beginning.
var pathIDs = map[string]string{
	"/v1/tenants/": "tenant", "/v1/keys/": "key", "/v1/customers/": "cus", "/v1/items/": "itm",
	"/v1/promotions/": "pro", "/v1/redemptions/": "red", "/v1/quotes/": "quo",
	"/v1/links/": "lnk", "/v1/invoices/": "inv",
	"/v1/payments/": "pay", "/v1/refunds/": "ref", "/v1/disputes/": "entry", "/v1/payouts/": "entry",
	"/v1/transactions/": "txn", "/v1/holds/": "hold", "/v1/accounts/": "account",
	"/v1/statement_entries/": "entry", "/v1/expectations/": "expectation", "/v1/outbox/dead/": "entry",
}

// requestOf makes a request of an operation about some records, with the body of its example.
func (w *world) requestOf(rt *route, as string, ids map[string]string) request {
	w.t.Helper()
	path := strings.NewReplacer("{code}", ids["code"], "{line}", "none").Replace(rt.path)
	for _, prefix := range slices.Sorted(maps.Keys(pathIDs)) {
		if strings.HasPrefix(path, prefix+"{id}") {
			path = strings.Replace(path, "{id}", ids[pathIDs[prefix]], 1)
		}
	}
	if strings.Contains(path, "{") {
		w.t.Fatalf("%s: what is %s?", rt.id, path)
	}
	r := request{as: as, method: rt.method, path: path + queries[rt.id]}
	if rt.limit > 0 {
		r.body = rt.example
	}
	return r
}

// queries are parameters that operations cannot do without.
var queries = map[string]string{
	"list-account-history":  "?currency=EUR",
	"export-reconciliation": "?from=2026-01-01&to=2026-12-31",
}

const itemExample = `{"name":"Hour","currency":"EUR","unit_price":"62.30",` +
	`"tax":{"category":"S","rate":"19"}}`

func decoded(t testing.TB, b []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
