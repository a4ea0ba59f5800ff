package gatewaytest

import (
	"time"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// create takes money, and finds it by the gateway's id and by ours.
func create(t trial) {
	o := t.order(12345, t.Succeeds)
	f := t.created(o)
	t.took(f, o)
	o.GatewayID = f.GatewayID
	ctx, cancel := t.bounded()
	defer cancel()
	again, err := t.Gateway.Find(ctx, t.call(""), o)
	if err != nil {
		t.Fatal(err)
	}
	t.took(again, o)
	canceled, err := t.Gateway.Cancel(ctx, t.call(o.Payment+"-cancel"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.took(canceled, o) // it cannot be canceled, and the fact says why
}

// createTwice sends the same key twice: money is taken once.
func createTwice(t trial) {
	o := t.order(500, t.Succeeds)
	first, second := t.created(o), t.created(o)
	t.took(first, o)
	t.took(second, o)
	if first.GatewayID != second.GatewayID || first.Charge != second.Charge {
		t.Errorf("the same key took money twice: %+v and %+v", first, second)
	}
	other := t.order(500, t.Succeeds)
	if f := t.created(other); f.GatewayID == first.GatewayID {
		t.Errorf("two payments have one id: %s", f.GatewayID)
	}
}

// absent asks for what never was.
func absent(t trial) {
	ctx, cancel := t.bounded()
	defer cancel()
	o := t.order(500, t.Succeeds)
	_, err := t.Gateway.Find(ctx, t.call(""), o)
	t.failed("find by our id", err, gateways.Absent)
	long := t.call("")
	long.Since = long.At.Add(-25 * time.Hour)
	_, err = t.Gateway.Find(ctx, long, o)
	t.failed("find by our id a day later", err, gateways.Absent)
	o.GatewayID = "pi_nothing"
	_, err = t.Gateway.Find(ctx, t.call(""), o)
	t.failed("find by the gateway's id", err, gateways.Absent)
	if finder, ok := t.Gateway.(gateways.RefundFinder); ok {
		_, err = finder.FindRefund(ctx, t.call(""), payments.RefundOrder{GatewayID: "re_nothing"})
		t.failed("find a refund", err, gateways.Absent)
	}
	_, err = t.Gateway.Refund(ctx, t.call("ref_0"), payments.RefundOrder{Refund: "ref_0",
		Payment: o.Payment, GatewayPayment: "pi_nothing", Amount: o.Amount})
	t.failed("refund nothing", err, gateways.Permanent)
}

// cancelNothing cancels a payment that the gateway never had.
func cancelNothing(t trial) {
	ctx, cancel := t.bounded()
	defer cancel()
	o := t.order(500, t.Succeeds)
	f, err := t.Gateway.Cancel(ctx, t.call(o.Payment+"-cancel"), o)
	if err == nil && f.State != payments.Canceled ||
		err != nil && gateways.ClassOf(err) != gateways.Absent {
		t.Errorf("%+v, %v: want canceled or absent", f, err)
	}
}

// decline is a result; another method on the same payment succeeds, and the first key is still
// answered as it was.
func decline(t trial) {
	o := t.order(700, t.Declines)
	f := t.created(o)
	if f.State != payments.RequiresPaymentMethod || f.Code == "" || f.GatewayID == "" ||
		f.Amount != o.Amount || !f.Received.IsZero() {
		t.Fatalf("declined: %+v", f)
	}
	ctx, cancel := t.bounded()
	defer cancel()
	next := o
	next.GatewayID, next.Method, next.Attempt = f.GatewayID, t.Succeeds, 2
	second, err := t.Gateway.Create(ctx, t.call(o.Payment+"-2"), next)
	if err != nil {
		t.Fatal(err)
	}
	t.took(second, next)
	if second.GatewayID != f.GatewayID {
		t.Errorf("the second attempt is another payment")
	}
	if f = t.created(o); f.State != payments.RequiresPaymentMethod {
		t.Errorf("the first key again: %+v", f)
	}
}

// act waits for the customer, and can be canceled.
func act(t trial) {
	o := t.order(700, t.Acts)
	o.ReturnURL = "https://shop.example/back"
	f := t.created(o)
	if f.State != payments.RequiresAction || f.Action == "" {
		t.Fatalf("wants an action: %+v", f)
	}
	ctx, cancel := t.bounded()
	defer cancel()
	// Its id was never heard: it is found by ours.
	f, err := t.Gateway.Cancel(ctx, t.call(o.Payment+"-cancel"), o)
	if err != nil || f.State != payments.Canceled || f.Amount != o.Amount {
		t.Errorf("canceled: %+v, %v", f, err)
	}
}

// capture authorises first and captures less.
func capture(t trial) {
	o := t.order(1000, t.Succeeds)
	o.CaptureManual = true
	f := t.created(o)
	if f.State != payments.RequiresCapture || !f.Received.IsZero() {
		t.Fatalf("authorised: %+v", f)
	}
	ctx, cancel := t.bounded()
	defer cancel()
	less := o
	less.GatewayID, less.Amount = f.GatewayID, money.New(900, o.Amount.Currency())
	for range 2 {
		f, err := t.Gateway.(gateways.Capturer).Capture(ctx, t.call(o.Payment+"-capture"), less)
		if err != nil {
			t.Fatal(err)
		}
		if f.State != payments.Succeeded || f.Received != less.Amount || f.Amount != o.Amount {
			t.Errorf("captured: %+v", f)
		}
	}
}

// unknown is what a call is whose answer never came: asking tells what happened, and the same key
// takes nothing again.
func unknown(t trial) {
	for _, age := range []time.Duration{0, 25 * time.Hour} {
		o := t.order(4200, t.Succeeds)
		t.Silence(true)
		ctx, cancel := t.bounded()
		_, err := t.Gateway.Create(ctx, t.call(o.Payment+"-1"), o)
		cancel()
		t.Silence(false)
		t.failed("no answer", err, gateways.Unknown)
		ctx, cancel = t.bounded()
		c := t.call(o.Payment + "-1")
		c.Since = c.Since.Add(-age)
		f, err := t.Gateway.Find(ctx, c, o)
		cancel()
		if err != nil {
			t.Fatalf("asked after %v: %v", age, err)
		}
		t.took(f, o)
		if again := t.created(o); again.GatewayID != f.GatewayID || again.Charge != f.Charge {
			t.Errorf("the same key took money again: %+v and %+v", f, again)
		}
	}
}

// webhook checks who sent a webhook and when.
func webhook(t trial) {
	v := t.Gateway.(gateways.Verifier)
	now := time.Now()
	verify := func(payload []byte, headers map[string]string) (gateways.Event, error) {
		return v.Verify(payload, func(name string) string { return headers[name] }, now)
	}
	for range 2 { // the same webhook again has the same event: the intake takes it once
		e, err := verify(t.Event, t.Sign(t.Event, now))
		if err != nil || e != t.Says {
			t.Errorf("good: %+v, %v", e, err)
		}
	}
	forged := append([]byte(nil), t.Event...)
	forged[len(forged)/2] ^= 1
	wrong := map[string]error{}
	_, wrong["forged"] = verify(forged, t.Sign(t.Event, now))
	_, wrong["unsigned"] = verify(t.Event, nil)
	_, wrong["old"] = verify(t.Event, t.Sign(t.Event, now.Add(-time.Hour)))
	_, wrong["of the future"] = verify(t.Event, t.Sign(t.Event, now.Add(time.Hour)))
	for name, err := range wrong {
		refused, ok := err.(*gateways.SignatureError)
		if !ok || refused.Old != (name == "old" || name == "of the future") {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := []byte("{")
	if _, err := verify(broken, t.Sign(broken, now)); err == nil {
		t.Error("a payload that cannot be read was taken")
	}
}
