package api

import "testing"

// TestCreditNotes follows a credit note through the API: its invoice shows it, only that one can be
// refunded and no more than it is worth, and an unpaid invoice that is credited in full gives the
// promotion's only use back.
func TestCreditNotes(t *testing.T) {
	w := newWorld(t)
	seller := func(status int, path, body string) answer {
		t.Helper()
		r := request{as: "acme/tradesperson", method: "POST", path: path}
		if body != "" {
			r.body = body
		}
		return w.want(status, r)
	}
	customer := seller(201, "/v1/customers", `{"name":"Ann"}`).at("id")
	promotion := seller(201, "/v1/promotions",
		`{"name":"Once","percent":"10","limit_total":1}`).at("id")
	seller(201, "/v1/promotions/"+promotion+"/codes", `{"code":"once"}`)
	accepted := func(codes string) string {
		t.Helper()
		quote := seller(201, "/v1/quotes", quoteOf(customer)).at("id")
		hash := seller(200, "/v1/quotes/"+quote+"/issue", "").at("hash")
		seller(200, "/v1/quotes/"+quote+"/accept",
			`{"who":"Ann","channel":"phone","hash":"`+hash+`","promotion_codes":[`+codes+`]}`)
		return quote
	}
	invoiced := func(quote string) string {
		t.Helper()
		invoice := seller(201, "/v1/invoices", `{"quote":"`+quote+`"}`).at("id")
		seller(200, "/v1/invoices/"+invoice+"/finalize", "")
		return invoice
	}
	void := accepted(`"once"`)
	seller(200, "/v1/invoices/"+invoiced(void)+"/void", "").is("status", "void")
	unpaid := invoiced(void)
	note := seller(200, "/v1/invoices/"+unpaid+"/credit", `{"amount":"107.10"}`).is("status", "paid",
		"credit_notes.0.amount", "107.10", "credit_notes.0.refunded", "0.00").at("credit_notes.0.id")

	invoice := invoiced(accepted(`"once"`))
	payment := seller(201, "/v1/payments", `{"invoice":"`+invoice+
		`","gateway":"offline","method":"cash"}`).at("id")
	refund := func(status int, note, amount string) answer {
		t.Helper()
		return seller(status, "/v1/refunds", `{"payment":"`+payment+`","amount":"`+amount+
			`","credit_note":"`+note+`"}`)
	}
	refund(404, note, "1.00").is("type", "/problems/not-found", "field", "credit_note")
	own := seller(200, "/v1/invoices/"+invoice+"/credit", `{"amount":"10.00"}`).at("credit_notes.0.id")
	refund(422, own, "10.01").is("type", "/problems/amount-exceeded", "available", "10.00")
	refund(201, own, "4.00").is("credit_note", own)
	w.want(200, request{as: "acme/tradesperson", method: "GET", path: "/v1/invoices/" + invoice}).is(
		"credit_notes.0.refunded", "4.00", "amount_credited", "10.00")
}
