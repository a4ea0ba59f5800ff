package api

import (
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
)

// payable is a world with an open invoice of 119.00 and a gateway that nobody works for, so that
// what is asked of it waits until a test says what became of it.
func payable(t *testing.T) (w *world, invoice string) {
	t.Helper()
	w = newWorld(t, func(o *Options) {
		o.Gateways = map[string]gateways.Gateway{"card": nil}
	})
	seller := request{as: "acme/tradesperson", method: "POST"}
	post := func(status int, path, body string) answer {
		t.Helper()
		seller.path, seller.body = path, nil
		if body != "" {
			seller.body = body
		}
		return w.want(status, seller)
	}
	customer := post(201, "/v1/customers", `{"name":"Ann"}`).at("id")
	quote := post(201, "/v1/quotes", quoteOf(customer)).at("id")
	hash := post(200, "/v1/quotes/"+quote+"/issue", "").at("hash")
	post(200, "/v1/quotes/"+quote+"/accept", `{"who":"Ann","hash":"`+hash+`"}`)
	invoice = post(201, "/v1/invoices", `{"quote":"`+quote+`"}`).at("id")
	post(200, "/v1/invoices/"+invoice+"/finalize", "")
	return w, invoice
}

// attempt begins the attempt that a payment waits for and has it declined.
func (w *world) attempt(payment, code string) {
	w.t.Helper()
	w.do("acme", func(tx *compaction.Tx) error {
		key := compaction.Key("acme", payment)
		p, _, err := payments.Payments.Get(tx, key)
		if err != nil {
			return err
		}
		e, err := p.CreateEffect("")
		if err != nil {
			return err
		}
		compaction.Outbox.Delete(tx, compaction.Key("acme", e.ID))
		if p, err = p.Move(payments.Process, tx.Now()); err != nil {
			return err
		}
		payments.Payments.Put(tx, key, p)
		return settlement.ApplyPayment(tx, "acme", payment, payments.Fact{Gateway: "card",
			GatewayID: "pi_1", State: payments.RequiresPaymentMethod, Amount: p.Amount, Code: code,
			Observed: tx.Now()})
	})
}

// Who has just given a method is not to be asked for one: from the answer on, and in every list,
// a payment whose attempt waits is processing and carries no code of the attempt before.
func TestPaymentStatus(t *testing.T) {
	w, invoice := payable(t)
	seller := func(status int, method, path, body string) answer {
		t.Helper()
		r := request{as: "acme/tradesperson", method: method, path: path}
		if body != "" {
			r.body = body
		}
		return w.want(status, r)
	}
	id := seller(201, "POST", "/v1/payments", `{"invoice":"`+invoice+
		`","gateway":"card","method":"pm_bad"}`).is("status", "processing", "attempts", "0").at("id")
	seller(200, "GET", "/v1/payments/"+id, "").is("status", "processing")
	seller(200, "GET", "/v1/payments?status=processing", "").is("data.0.id", id)
	seller(200, "GET", "/v1/payments?status=requires_payment_method", "").is("data", "[]")
	w.attempt(id, "card_declined")
	seller(200, "GET", "/v1/payments/"+id, "").is("status", "requires_payment_method",
		"code", "card_declined", "attempts", "1")
	seller(200, "GET", "/v1/payments?status=requires_payment_method", "").is("data.0.id", id)
	seller(200, "POST", "/v1/payments/"+id+"/confirm", `{"method":"pm_good"}`).is(
		"status", "processing", "method", "pm_good", "code", "", "attempts", "1")
	seller(200, "GET", "/v1/payments/"+id, "").is("status", "processing", "code", "")
	seller(409, "POST", "/v1/payments/"+id+"/confirm", `{}`).is("type", "/problems/payment-under-way")
	w.attempt(id, "expired_card")
	seller(200, "GET", "/v1/payments/"+id, "").is("status", "requires_payment_method",
		"code", "expired_card", "attempts", "2")
}
