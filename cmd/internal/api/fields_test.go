package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/gateways"
)

// A fieldRefusal is a request whose body has something that is refused, and what is to be said of
// it. Names in braces are what the world has made: see refusedWorld.
type fieldRefusal struct {
	path, body string
	kind       string
	field      string
	rule       string
}

// fieldRefusals are refusals that are decided after the body was read, when what is refused is no
// longer at hand as a field.
var fieldRefusals = []fieldRefusal{
	{"promotions", `{"name":"S","percent":"0"}`, "invalid-request", "percent", "range"},
	{"promotions", `{"name":"S","percent":"101"}`, "field-invalid", "percent", "range"},
	{"promotions", `{"name":"S","amount":"0","currency":"EUR"}`, "invalid-request", "amount", "range"},
	{"promotions", `{"name":"S","percent":"5","cap":"0","currency":"EUR"}`, "invalid-request", "cap",
		"range"},
	{"promotions", `{"name":"S","amount":"5"}`, "invalid-request", "currency", "required"},
	{"promotions", `{"name":"S","percent":"5","kinds":["fee","tea"]}`, "invalid-request", "kinds.1",
		"kind"},
	{"promotions", `{"name":"S"}`, "field-invalid", "percent", "required"},
	{"promotions/{promotion}/codes", `{"code":"big"}`, "exists", "code", "unique"},
	{"quotes/{quote}/accept", `{"who":"A","hash":"{hash}","promotion_codes":["OK","NONE"]}`,
		"not-found", "promotion_codes.1", "exists"},
	{"quotes/{quote}/accept", `{"who":"A","hash":"{hash}","promotion_codes":["OK","N O"]}`,
		"field-invalid", "promotion_codes.1", "code"},
	{"quotes/{quote}/accept", `{"who":"A","hash":"{hash}","promotion_codes":["OK","BIG"]}`,
		"promotion-refused", "promotion_codes.1", "minimum_spend"},
	{"quotes/{quote}/accept", `{"who":"A","hash":"{hash}","promotion_codes":["OK","ok"]}`,
		"promotion-refused", "promotion_codes.1", "twice"},
	{"quotes/{quote}/accept", `{"who":"A","hash":"` + strings.Repeat("0", 64) + `"}`,
		"content-changed", "hash", "hash"},
	{"quotes/{quote}/accept", `{"who":"\u00a0","hash":"{hash}"}`, "field-invalid", "who", "text"},
	{"pricing/preview", `{"currency":"EUR","lines":[{line}],"promotion_codes":["NONE"]}`, "not-found",
		"promotion_codes.0", "exists"},
	{"pricing/preview", `{"currency":"EUR","lines":[{line}],"promotion_codes":["BIG"]}`,
		"promotion-refused", "promotion_codes.0", "minimum_spend"},
	{"quotes", `{"customer":"cus_00000000000000000000000000","currency":"EUR","lines":[{line}]}`,
		"not-found", "customer", "exists"},
	{"quotes", `{"customer":"{customer}","currency":"EUR","lines":[{"quantity":"99999999999",` +
		`"unit_price":"99999999999","tax":{"category":"S","rate":"19"}}]}`, "field-invalid", "lines.0",
		"range"},
	{"quotes", `{"customer":"{customer}","currency":"XXQ","lines":[{line}]}`, "currency-unknown",
		"currency", "currency"},
	{"transactions", `{"postings":[{"debit":"full:a","credit":"full:b",` +
		`"amount":"4000000000000.00","currency":"EUR"}]}`, "amount-too-large", "postings.0.amount", "range"},
	{"transactions", `{"postings":[{"debit":"a:x","credit":"b:x","amount":"9999999999999999999",` +
		`"currency":"EUR"}]}`, "amount-too-large", "postings.0.amount", "range"},
	{"transactions", `{"postings":[{"debit":"a:x","credit":"b:x","amount":"1.001",` +
		`"currency":"EUR"}]}`, "amount-precision", "postings.0.amount", "digits"},
	{"transactions", `{"postings":[{"debit":"a:x","credit":"b:x","amount":"0","currency":"EUR"}]}`,
		"transaction-invalid", "postings.0.amount", "range"},
	{"transactions", `{"postings":[{"debit":"a:x","credit":"a:x","amount":"1","currency":"EUR"}]}`,
		"transaction-invalid", "postings.0.credit", "distinct"},
	{"transactions", `{"postings":[{"debit":"a:x","credit":"clearing:y","amount":"1",` +
		`"currency":"EUR"}]}`, "account-controlled", "postings.0.credit", "control_account"},
	{"transactions", `{"postings":[{"debit":"a:x","credit":"b:x","amount":"1","currency":"EUR"}],` +
		`"metadata":{"":"x"}}`, "transaction-invalid", "metadata", "metadata"},
	{"transactions", `{"postings":[{"debit":"a:x","credit":"b:x","amount":"1","currency":"EUR"}],` +
		`"reference":"a\nb"}`, "transaction-invalid", "reference", "reference"},
	{"holds", `{"postings":[{"debit":"a:x","credit":"b:x","amount":"1","currency":"EUR"}],` +
		`"expires":"2020-01-01T00:00:00Z"}`, "hold-invalid", "expires", "range"},
	{"holds/{hold}/post", `{"amounts":["1","5"]}`, "hold-invalid", "amounts.1", "range"},
	{"holds/{hold}/post", `{"amounts":["0","0"]}`, "hold-invalid", "amounts", "range"},
	{"holds/{hold}/post", `{"amounts":["1"]}`, "hold-invalid", "amounts", "one_each"},
	{"payments", `{"invoice":"{invoice}","gateway":"offline","method":"cash","amount":"0"}`,
		"payment-invalid", "amount", "range"},
	{"payments", `{"invoice":"{invoice}","gateway":"offline","method":"cash","amount":"5000"}`,
		"amount-exceeded", "amount", "available"},
	{"payments", `{"invoice":"{invoice}","gateway":"offline","method":"shells"}`, "payment-invalid",
		"method", "method"},
	{"payments", `{"invoice":"{invoice}","gateway":"none","method":"cash"}`, "payment-invalid",
		"gateway", "exists"},
	{"payments", `{"invoice":"inv_00000000000000000000000000","gateway":"card"}`, "not-found",
		"invoice", "exists"},
	{"payments", `{"invoice":"{draft}","gateway":"card"}`, "document-state", "invoice", "state"},
	{"payments", `{"invoice":"{covered}","gateway":"card"}`, "payment-under-way", "invoice",
		"under_way"},
	{"invoices/{invoice}/credit", `{"amount":"0"}`, "field-invalid", "amount", "range"},
	{"invoices/{invoice}/credit", `{"amount":"5000"}`, "amount-exceeded", "amount", "available"},
	{"invoices/{covered}/credit", `{"amount":"1"}`, "payment-under-way", "amount", "under_way"},
	{"invoices", `{"quote":"quo_00000000000000000000000000"}`, "not-found", "quote", "exists"},
	{"refunds", `{"payment":"pay_00000000000000000000000000"}`, "not-found", "payment", "exists"},
	{"refunds", `{"payment":"pay_00000000000000000000000000","amount":"1"}`, "not-found", "payment",
		"exists"},
	{"refunds", `{"payment":"{paid}","amount":"0"}`, "payment-invalid", "amount", "range"},
	{"refunds", `{"payment":"{paid}","amount":"5000"}`, "amount-exceeded", "amount", "available"},
	{"refunds", `{"payment":"{refunded}"}`, "amount-exceeded", "payment", "available"},
	{"refunds", `{"payment":"{open}"}`, "payment-state", "payment", "state"},
	{"statement_entries", `{"id":"e1","amount":"0","currency":"EUR","booked_on":"2026-03-01"}`,
		"statement-entry-invalid", "amount", "entry"},
	{"tenants", `{"id":"acme","name":"Acme"}`, "exists", "id", "unique"},
	{"keys", `{"name":"till","role":"platform"}`, "forbidden", "role", "role"},
	{"links", `{"subject":"inv_00000000000000000000000000"}`, "not-found", "subject", "exists"},
}

// refusedWorld makes what the requests name: a quote on offer, a promotion that it is too small
// for and one that suits, a draft, an open invoice, one that a payment covers, payments that are
// open, paid and given back, a full account and a hold of two postings.
func refusedWorld(t *testing.T) (*world, *strings.Replacer) {
	t.Helper()
	w := newWorld(t, func(o *Options) {
		o.Gateways = map[string]gateways.Gateway{"card": nil}
	})
	post := func(path, body string) answer {
		t.Helper()
		r := request{as: "acme/tradesperson", method: "POST", path: "/v1/" + path}
		if body != "" {
			r.body = body
		}
		rec := w.send(r)
		return w.told(rec, rec.Code < 300)
	}
	customer := post("customers", `{"name":"Ann"}`).at("id")
	offer := func() (quote, hash string) {
		quote = post("quotes", quoteOf(customer)).at("id")
		return quote, post("quotes/"+quote+"/issue", "").at("hash")
	}
	invoice := func(open bool) string {
		quote, hash := offer()
		post("quotes/"+quote+"/accept", `{"who":"Ann","hash":"`+hash+`"}`)
		id := post("invoices", `{"quote":"`+quote+`"}`).at("id")
		if open {
			post("invoices/"+id+"/finalize", "")
		}
		return id
	}
	pay := func(invoice, gateway string) string {
		return post("payments", `{"invoice":"`+invoice+`","gateway":"`+gateway+
			`","method":"cash"}`).at("id")
	}
	quote, hash := offer()
	big := post("promotions", `{"name":"Big","percent":"10","minimum_spend":"5000","currency":"EUR",`+
		`"combinable":true}`).at("id")
	post("promotions/"+big+"/codes", `{"code":"BIG"}`)
	ok := post("promotions", `{"name":"Ok","percent":"10","combinable":true}`).at("id")
	post("promotions/"+ok+"/codes", `{"code":"OK"}`)
	// An account can have 9,223 postings of the most that one may be, and a part of one more.
	for _, n := range []int{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 223} {
		large := strings.Repeat(`{"debit":"full:a","credit":"full:b","currency":"EUR",`+
			`"amount":"10000000000000.00"},`, n)
		post("transactions", `{"postings":[`+strings.TrimSuffix(large, ",")+`]}`)
	}
	hold := post("holds", `{"postings":[{"debit":"a:x","credit":"b:x","amount":"1","currency":"EUR"},`+
		`{"debit":"a:x","credit":"c:x","amount":"2","currency":"EUR"}]}`).at("id")
	covered, refunded := invoice(true), pay(invoice(true), "offline")
	post("refunds", `{"payment":"`+refunded+`"}`)
	return w, strings.NewReplacer("{customer}", customer, "{quote}", quote, "{hash}", hash,
		"{promotion}", big, "{hold}", hold, "{invoice}", invoice(true), "{draft}", invoice(false),
		"{covered}", covered, "{open}", pay(covered, "card"), "{refunded}", refunded,
		"{paid}", pay(invoice(true), "offline"),
		"{line}", `{"quantity":"1","unit_price":"5","tax":{"category":"S","rate":"19"}}`)
}

// Who is refused for a value of the body is told which field it is in and which rule it breaks, in
// every kind of problem.
func TestRefusedFields(t *testing.T) {
	w, names := refusedWorld(t)
	for _, c := range fieldRefusals {
		as := "acme/tradesperson"
		if c.path == "tenants" {
			as = "platform/platform"
		} else if c.path == "statement_entries" {
			as = "acme/finance"
		}
		rec := w.send(request{as: as, method: "POST", path: "/v1/" + names.Replace(c.path),
			body: names.Replace(c.body)})
		a := w.told(rec, rec.Code >= 400 && rec.Code < 500)
		a.is("type", "/problems/"+c.kind, "field", c.field, "rule", c.rule)
		if a.at("detail") == "" {
			t.Errorf("%s %s: no detail", c.path, c.body)
		}
	}
	a := w.told(w.send(request{as: "acme/tradesperson", method: "POST", path: "/v1/payments",
		body: names.Replace(`{"invoice":"{covered}","gateway":"card"}`)}), true)
	if !strings.Contains(a.at("detail"), names.Replace("{open}")) {
		t.Errorf("the payment under way is not named: %s", a.rec.Body)
	}
}

// A gateway that is not there is not a record that somebody lacks.
func TestWebhookNoGateway(t *testing.T) {
	w := newWorld(t)
	w.want(404, request{method: "POST", path: "/v1/webhooks/paypal", body: `{}`}).is("type",
		"/problems/not-found", "detail", errGateway.Error())
}

// Each kind has a rule in one word, which a problem about a field has where its error names none.
func TestProblemRules(t *testing.T) {
	for _, k := range kinds {
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(k.rule) {
			t.Errorf("%s: the rule %q is not a word", k.slug, k.rule)
		}
	}
	if p := problemOf(at("x", errNotFound)); p.Rule != "exists" {
		t.Errorf("%+v", p)
	}
	if p := problemOf(errNotFound); p.Rule != "" {
		t.Errorf("a rule and no field: %+v", p)
	}
	w := newWorld(t)
	r := request{as: "acme/tradesperson", method: "POST", path: "/v1/customers",
		body: `{"name":"Ann"}`, header: map[string]string{keyHeader: "k1"}}
	w.want(http.StatusCreated, r)
	r.body = `{"name":"Bob"}`
	w.want(http.StatusConflict, r).is("field", "name", "rule", "same_request")
	w.want(422, request{as: "acme/finance", method: "GET", path: "/v1/reconciliation?to=" +
		time.Unix(0, 0).UTC().Format(time.DateOnly) + "&from=2026-01-01"}).is("field", "query.to",
		"rule", "range")
}
