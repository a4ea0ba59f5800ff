package api

import "testing"

// TestPromotionsUsed wants a list of promotions to say of each how often it is used, as the
// promotion itself does: it once said never.
func TestPromotionsUsed(t *testing.T) {
	w := newWorld(t)
	w.seller(201, "POST", "/v1/promotions", `{"name":"Idle","percent":"5"}`)
	id := w.seller(201, "POST", "/v1/promotions", `{"name":"Spring","percent":"10"}`).at("id")
	w.seller(201, "POST", "/v1/promotions/"+id+"/codes", `{"code":"SPRING"}`)
	w.accepted(`"SPRING"`)
	w.seller(200, "GET", "/v1/promotions", "").is("data.0.reserved", "0", "data.1.id", id,
		"data.1.reserved", "1", "data.1.redeemed", "0")
}
