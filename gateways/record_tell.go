package gateways

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	gatewaysv1 "github.com/quittance/quittance/gateways/v1"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// Encode returns the message as it goes from process to process.
func (t Tell) Encode() ([]byte, error) {
	return proto.Marshal(&gatewaysv1.Tell{Tenant: t.Tenant, Kind: t.Kind, Payload: t.Payload})
}

// DecodeTell returns the message of an encoded form.
func DecodeTell(b []byte) (Tell, error) {
	var m gatewaysv1.Tell
	if err := proto.Unmarshal(b, &m); err != nil {
		return Tell{}, err
	}
	return Tell{Tenant: m.Tenant, Kind: m.Kind, Payload: m.Payload}, nil
}

func encodeDispute(payment string, f payments.DisputeFact) ([]byte, error) {
	return proto.Marshal(&gatewaysv1.DisputeTell{
		Payment: payment, Gateway: f.Gateway, GatewayId: f.GatewayID,
		GatewayPayment: f.GatewayPayment, State: uint32(f.State), Amount: tellAmount(f.Amount),
		Withdrawn: tellAmount(f.Withdrawn), Reinstated: tellAmount(f.Reinstated),
		Fee: tellAmount(f.Fee), Reason: f.Reason,
		EvidenceDueUnixNano: nanoseconds(f.EvidenceDue), CreatedUnixNano: nanoseconds(f.Created),
		ObservedUnixNano: nanoseconds(f.Observed), Sequence: f.Sequence,
	})
}

func decodeDispute(b []byte) (payment string, f payments.DisputeFact, err error) {
	var m gatewaysv1.DisputeTell
	err = proto.Unmarshal(b, &m)
	state := compaction.Enum[payments.DisputeState](m.State, &err)
	if err != nil {
		return "", payments.DisputeFact{}, err
	}
	f = payments.DisputeFact{
		Gateway: m.Gateway, GatewayID: m.GatewayId, GatewayPayment: m.GatewayPayment,
		State: state, Reason: m.Reason,
		EvidenceDue: instant(m.EvidenceDueUnixNano), Created: instant(m.CreatedUnixNano),
		Observed: instant(m.ObservedUnixNano), Sequence: m.Sequence,
	}
	for _, a := range []struct {
		to   *money.Amount
		from *gatewaysv1.TellAmount
	}{{&f.Amount, m.Amount}, {&f.Withdrawn, m.Withdrawn}, {&f.Reinstated, m.Reinstated},
		{&f.Fee, m.Fee}} {
		if a.from == nil {
			continue
		}
		c, err := money.ParseCurrency(a.from.Currency)
		if err != nil {
			return "", payments.DisputeFact{}, err
		}
		*a.to = money.New(a.from.Minor, c)
	}
	return m.Payment, f, nil
}

// tellAmount is nil for the zero Amount, which has no currency.
func tellAmount(a money.Amount) *gatewaysv1.TellAmount {
	if a.Currency().IsZero() {
		return nil
	}
	return &gatewaysv1.TellAmount{Minor: a.Minor(), Currency: a.Currency().String()}
}

// nanoseconds is the form of a time on its way: 0 is the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
