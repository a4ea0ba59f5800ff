package gateways

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction/compactiontest"
	gatewaysv1 "github.com/quittance/quittance/gateways/v1"
	"github.com/quittance/quittance/ledger/payments"
)

// A disputeTell is what decodeDispute reads.
type disputeTell struct {
	payment string
	fact    payments.DisputeFact
}

// FuzzDecode holds that bytes of any kind are a record or what one process tells another, and then
// are written again with bytes that say the same, or are refused whole.
func FuzzDecode(f *testing.F) {
	compactiontest.FuzzForms(f,
		compactiontest.FormOf(&gatewaysv1.WebhookEventRecord{}, encodeWebhookEvent,
			decodeWebhookEvent),
		compactiontest.FormOf(&gatewaysv1.Tell{}, Tell.Encode, DecodeTell),
		compactiontest.FormOf(&gatewaysv1.DisputeTell{}, func(d disputeTell) ([]byte, error) {
			return encodeDispute(d.payment, d.fact)
		}, func(b []byte) (d disputeTell, err error) {
			d.payment, d.fact, err = decodeDispute(b)
			return d, err
		}),
	)
}

// A state that does not fit was cut to its lowest bits, and a dispute of a currency that there is
// not came without its amount beside the error.
func TestDecodeDisputeWhole(t *testing.T) {
	for _, m := range []*gatewaysv1.DisputeTell{
		{Payment: "pay_1", GatewayId: "dp_1", State: 256 + uint32(payments.DisputeLost)},
		{Payment: "pay_1", GatewayId: "dp_1", Amount: &gatewaysv1.TellAmount{Currency: "EURO"}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		payment, fact, err := decodeDispute(b)
		if err == nil || payment != "" || fact != (payments.DisputeFact{}) {
			t.Errorf("%v: got %q, %+v, %v, want an error and nothing else", m, payment, fact, err)
		}
	}
}
