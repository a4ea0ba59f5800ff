package api

import "testing"

// TestPromotionsUsed wants a list of promotions to say of each how often it is used, as the
// promotion itself does: it once said never.
func TestPromotionsUsed(t *testing.T) {
	w := newWorld(t)
	idle := w.seller(201, "POST", "/v1/promotions", `{"name":"Idle","percent":"5"}`).at("id")
	id := w.seller(201, "POST", "/v1/promotions", `{"name":"Spring","percent":"10"}`).at("id")
	w.seller(201, "POST", "/v1/promotions/"+id+"/codes", `{"code":"SPRING"}`)
	w.accepted(`"SPRING"`)
	uses, others := "data.1.", "data.0."
	if id < idle { // of two that were made in one millisecond
		uses, others = others, uses
	}
	w.seller(200, "GET", "/v1/promotions", "").is(others+"reserved", "0", uses+"id", id,
		uses+"reserved", "1", uses+"redeemed", "0")
}
