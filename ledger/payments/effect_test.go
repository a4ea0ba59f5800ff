package payments

import (
	"testing"
)

// TestOrders holds that what a gateway is asked comes back from the effect as it was written, and
// that two tries have two ids while one try always has the same.
func TestOrders(t *testing.T) {
	p := samplePayment()
	e, err := p.CreateEffect("https://shop.example/back")
	if err != nil {
		t.Fatal(err)
	}
	o, err := DecodeOrder(e.Payload)
	want := Order{Payment: p.ID, Gateway: p.Gateway, GatewayID: p.GatewayID, Amount: p.Amount,
		Method: p.Method, CaptureManual: true, Attempt: 3, ReturnURL: "https://shop.example/back",
		Reference: p.Reference, Charge: p.Charge}
	if err != nil || o != want || e.ID != "pay_1-3" || e.Aggregate != p.ID {
		t.Errorf("create: %+v, %+v, %v", e, o, err)
	}
	r := Refund{ID: "ref_1", Tenant: p.Tenant, Payment: p.ID, Amount: amount(5)}
	if e, err = r.Effect(p); err != nil || e.ID != "ref_1" || e.Aggregate != p.ID {
		t.Errorf("refund: %+v, %v", e, err)
	}
	ro, err := DecodeRefundOrder(e.Payload)
	if err != nil || ro.Amount != amount(5) || ro.GatewayPayment != "pi_1" {
		t.Errorf("refund: %+v, %v", ro, err)
	}
	for _, kind := range []string{EffectDisputeFind, EffectPayoutFetch} {
		q := Query{Gateway: "stripe", GatewayID: "x_1"}
		if e, err = q.Effect(kind, "platform", "stripe-evt_1"); err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeQuery(kind, e.Payload); err != nil || got != q {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
	}
}

// TestLineEffect holds that a payout line reaches its owner's shard whole.
func TestLineEffect(t *testing.T) {
	p := opened(t, 9825)
	l := line("txn_1", LinePayment, 10000, 175)
	e, err := p.LineEffect(l)
	if err != nil || e.Tenant != "platform" || e.ID != "po_1-txn_1" {
		t.Fatalf("%+v, %v", e, err)
	}
	n, err := DecodeLine(e.Payload)
	if err != nil || n.Line != l || n.State != PayoutPending || n.Gateway != "stripe" {
		t.Errorf("%+v, %v", n, err)
	}
	if _, err := DecodeLine([]byte{0xff}); err == nil {
		t.Error("bytes that are no notice were decoded")
	}
}
