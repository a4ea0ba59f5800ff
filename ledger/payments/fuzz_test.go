package payments

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// FuzzDecode holds that bytes of any kind are a record or the payload of an effect, and then are
// written again with bytes that say the same, or are refused whole. What is read can be moved on.
func FuzzDecode(f *testing.F) {
	compactiontest.FuzzForms(f,
		compactiontest.FormOf(&ledgerv1.PaymentRecord{}, EncodePayment, decodeAndApply),
		compactiontest.FormOf(&ledgerv1.AttemptRecord{}, EncodeAttempt, DecodeAttempt),
		compactiontest.FormOf(&ledgerv1.RefundRecord{}, EncodeRefund, DecodeRefund),
		compactiontest.FormOf(&ledgerv1.DisputeRecord{}, EncodeDispute, DecodeDispute),
		compactiontest.FormOf(&ledgerv1.PayoutRecord{}, EncodePayout, DecodePayout),
		compactiontest.FormOf(&ledgerv1.PayoutLineRecord{}, EncodePayoutLine, decodeAndAnswer),
		compactiontest.FormOf(&ledgerv1.PaymentEffect{}, encodeOrder, DecodeOrder),
		compactiontest.FormOf(&ledgerv1.RefundEffect{}, encodeRefundOrder, DecodeRefundOrder),
		queryForm(&ledgerv1.DisputeEffect{}, EffectDisputeFind),
		queryForm(&ledgerv1.PayoutFetchEffect{}, EffectPayoutFetch),
		compactiontest.ShownForm("PayoutLineEffect", encodeNotice, DecodeLine, nil),
	)
}

func decodeAndApply(b []byte) (Payment, error) {
	p, err := DecodePayment(b)
	if err == nil {
		_, _, _ = p.Apply(fact(Succeeded, 1), t0) // refused or not: it must not panic
	}
	return p, err
}

func decodeAndAnswer(b []byte) (PayoutLine, error) {
	l, err := DecodePayoutLine(b)
	if err == nil {
		_, _ = Payout{}.Answer(l, "", t0)
	}
	return l, err
}

func payload(e compaction.Effect, err error) ([]byte, error) { return e.Payload, err }

func encodeOrder(o Order) ([]byte, error) { return payload(o.Effect(EffectCreate, "acme", "e")) }

func encodeRefundOrder(o RefundOrder) ([]byte, error) {
	return payload(o.Effect(EffectRefund, "acme", "e"))
}

func queryForm(m proto.Message, kind string) compactiontest.Form {
	return compactiontest.FormOf(m, func(q Query) ([]byte, error) {
		return payload(q.Effect(kind, "acme", "e"))
	}, func(b []byte) (Query, error) { return DecodeQuery(kind, b) })
}

// encodeNotice writes what the payout of a line sends. What a notice does not keep, the names of
// the payout and of its tenant, stands in the line too.
func encodeNotice(n LineNotice) ([]byte, error) {
	p := Payout{Gateway: n.Gateway, State: n.State, Arrival: n.Arrival}
	return payload(p.LineEffect(n.Line))
}

// States and kinds that do not fit were cut to their lowest bits: a payment of state 261 was read
// as one that succeeded.
func TestDecodeStrangeState(t *testing.T) {
	for name, m := range map[string]proto.Message{
		"payment": &ledgerv1.PaymentRecord{Currency: "EUR", State: 256 + 5},
		"attempt": &ledgerv1.AttemptRecord{State: 256 + 1},
		"refund":  &ledgerv1.RefundRecord{Currency: "EUR", State: 256 + 1},
		"dispute": &ledgerv1.DisputeRecord{Currency: "EUR", State: 256 + 1},
		"payout":  &ledgerv1.PayoutRecord{Currency: "EUR", State: -255},
		"line":    &ledgerv1.PayoutLineRecord{Currency: "EUR", State: 256 + 1},
		"kind":    &ledgerv1.PayoutLineRecord{Currency: "EUR", Kind: 256 + 1},
		"notice": &ledgerv1.PayoutLineEffect{PayoutState: 256 + 1,
			Record: &ledgerv1.PayoutLineRecord{Currency: "EUR"}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := decodeAny(m, b); err == nil {
			t.Errorf("%s: got %+v, want an error", name, v)
		}
	}
}

func decodeAny(m proto.Message, b []byte) (any, error) {
	switch m.(type) {
	case *ledgerv1.PaymentRecord:
		return DecodePayment(b)
	case *ledgerv1.AttemptRecord:
		return DecodeAttempt(b)
	case *ledgerv1.RefundRecord:
		return DecodeRefund(b)
	case *ledgerv1.DisputeRecord:
		return DecodeDispute(b)
	case *ledgerv1.PayoutRecord:
		return DecodePayout(b)
	case *ledgerv1.PayoutLineRecord:
		return DecodePayoutLine(b)
	default:
		return DecodeLine(b)
	}
}

// An order whose amount had lost its currency was read as one over nothing, and one of a currency
// that there is not came as an order beside the error.
func TestDecodeOrderCurrency(t *testing.T) {
	for _, currency := range []string{"", "EURO"} {
		b, err := proto.Marshal(&ledgerv1.PaymentEffect{Payment: "pay_1", Currency: currency,
			AmountMinor: 5})
		if err != nil {
			t.Fatal(err)
		}
		if o, err := DecodeOrder(b); err == nil || o != (Order{}) {
			t.Errorf("currency %q: got %+v, %v, want an error and nothing else", currency, o, err)
		}
		b, err = proto.Marshal(&ledgerv1.RefundEffect{Refund: "ref_1", Currency: currency,
			AmountMinor: 5})
		if err != nil {
			t.Fatal(err)
		}
		if o, err := DecodeRefundOrder(b); err == nil || o != (RefundOrder{}) {
			t.Errorf("currency %q: got %+v, %v, want an error and nothing else", currency, o, err)
		}
	}
}
