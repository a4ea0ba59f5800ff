package stripe

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/quittance/quittance/gateways"
)

// FuzzVerify holds that no signed payload makes the parser panic, and that what it takes has an id
// and says what it is about: anybody who can make the provider send something can send this.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","type":"charge.updated","data":{"object":{"object":"charge",` +
		`"payment_intent":{"id":"pi_1"},"metadata":{"tenant":"acme"}}}}`))
	f.Add([]byte(`{"id":"evt_1","data":{"object":null}}`))
	f.Add([]byte(`{"id":1}`))
	g, err := New(Options{Key: "sk_test", WebhookSecret: "whsec_1"})
	if err != nil {
		f.Fatal(err)
	}
	at := time.Unix(1700000000, 0)
	f.Fuzz(func(t *testing.T, payload []byte) {
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload,
			Secret: "whsec_1", Timestamp: at})
		e, err := g.Verify(payload, func(string) string { return signed.Header }, at)
		if err == nil && (e.ID == "" || e.Object > gateways.ObjectPayout) {
			t.Errorf("%s: %+v", payload, e)
		}
	})
}

// TestVerifyHeader holds that a header which is none is refused, and never read as a time.
func TestVerifyHeader(t *testing.T) {
	g, err := New(Options{Key: "sk_test", WebhookSecret: "whsec_1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "t=", "t=1,v1=", "v1=aa", "t=x,v1=aa", "t=1,v1=zz", "=,=",
		"t=1,v1=00,v1=11"} {
		_, err := g.Verify([]byte("{}"), func(string) string { return header }, time.Unix(1, 0))
		if _, ok := err.(*gateways.SignatureError); !ok {
			t.Errorf("%q: %v", header, err)
		}
	}
	deaf, err := New(Options{Key: "sk_test"})
	if err != nil {
		t.Fatal(err)
	}
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte("{}"),
		Timestamp: time.Unix(1, 0)})
	_, err = deaf.Verify([]byte("{}"), func(string) string { return signed.Header },
		time.Unix(1, 0))
	if _, ok := err.(*gateways.SignatureError); !ok {
		t.Errorf("without a secret a webhook was believed: %v", err)
	}
}

// Whoever sends a webhook that is signed and not whole is told what it lacks, not what it has.
func TestVerifyPayload(t *testing.T) {
	g, err := New(Options{Key: "sk_test", WebhookSecret: "whsec_1"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1700000000, 0)
	for payload, field := range map[string]string{
		`{"id":"evt_1"}`:         "data",
		`{"data":{"object":{}}}`: "id",
		`{"id":1}`:               "body",
	} {
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
			Payload: []byte(payload), Secret: "whsec_1", Timestamp: at})
		_, err := g.Verify([]byte(payload), func(string) string { return signed.Header }, at)
		if e, ok := err.(*gateways.PayloadError); !ok || e.Field != field {
			t.Errorf("%s: %v, want %s", payload, err, field)
		}
	}
}
