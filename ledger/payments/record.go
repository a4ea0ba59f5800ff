package payments

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// The functions of this file and its siblings are the only ones that know both forms. States and
// kinds have the same numbers in both: a test holds that.

// EncodePayment returns the stored form of a payment, as its final record in the journal is.
func EncodePayment(p Payment) ([]byte, error) {
	return proto.Marshal(&ledgerv1.PaymentRecord{
		Tenant: p.Tenant, Payment: p.ID, Invoice: p.Invoice, Customer: p.Customer,
		Currency:      p.Amount.Currency().String(),
		AmountMinor:   p.Amount.Minor(),
		CaptureMinor:  p.CaptureAmount.Minor(),
		CaptureManual: p.CaptureManual,
		Gateway:       p.Gateway, Method: p.Method, GatewayId: p.GatewayID, Charge: p.Charge,
		Reference: p.Reference, State: ledgerv1.PaymentState(p.State),
		ReceivedMinor:     p.AmountReceived.Minor(),
		RefundedMinor:     p.AmountRefunded.Minor(),
		RefundingMinor:    p.AmountRefunding.Minor(),
		DisputedMinor:     p.AmountDisputed.Minor(),
		FeeMinor:          p.Fee.Minor(),
		Attempts:          uint32(p.Attempts),
		Asked:             uint32(p.Asked),
		Code:              p.Code,
		NextAction:        p.NextAction,
		Conflict:          p.Conflict,
		CreatedUnixNano:   nanoseconds(p.Created),
		UpdatedUnixNano:   nanoseconds(p.Updated),
		ExpiresUnixNano:   nanoseconds(p.Expires),
		ObservedUnixNano:  nanoseconds(p.Observed),
		Sequence:          p.Sequence,
		SucceededUnixNano: nanoseconds(p.Succeeded),
		SettledUnixNano:   nanoseconds(p.Settled),
		SettledBy:         p.SettledBy,
	})
}

// DecodePayment returns the payment of a stored form, as its final record in the journal is.
func DecodePayment(b []byte) (Payment, error) {
	var m ledgerv1.PaymentRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Payment{}, err
	}
	c, err := money.ParseCurrency(m.Currency)
	state := compaction.Enum[State](m.State, &err)
	if err != nil {
		return Payment{}, err
	}
	return Payment{
		ID: m.Payment, Tenant: m.Tenant, Invoice: m.Invoice, Customer: m.Customer,
		Amount:        money.New(m.AmountMinor, c),
		CaptureAmount: money.New(m.CaptureMinor, c),
		CaptureManual: m.CaptureManual,
		Gateway:       m.Gateway, Method: m.Method, GatewayID: m.GatewayId, Charge: m.Charge,
		Reference: m.Reference, State: state, Attempts: int(m.Attempts),
		Asked: int(m.Asked),
		Code:  m.Code, NextAction: m.NextAction, Conflict: m.Conflict,
		AmountReceived:  money.New(m.ReceivedMinor, c),
		AmountRefunded:  money.New(m.RefundedMinor, c),
		AmountRefunding: money.New(m.RefundingMinor, c),
		AmountDisputed:  money.New(m.DisputedMinor, c),
		Fee:             money.New(m.FeeMinor, c),
		Created:         instant(m.CreatedUnixNano),
		Updated:         instant(m.UpdatedUnixNano),
		Expires:         instant(m.ExpiresUnixNano),
		Observed:        instant(m.ObservedUnixNano),
		Sequence:        m.Sequence,
		Succeeded:       instant(m.SucceededUnixNano),
		Settled:         instant(m.SettledUnixNano),
		SettledBy:       m.SettledBy,
	}, nil
}

// EncodeAttempt returns the stored form of an attempt, as its final record in the journal is.
func EncodeAttempt(a Attempt) ([]byte, error) {
	return proto.Marshal(&ledgerv1.AttemptRecord{
		Tenant: a.Tenant, Payment: a.Payment, Number: uint32(a.Number), Effect: a.Effect,
		Gateway: a.Gateway, Method: a.Method, State: ledgerv1.AttemptState(a.State),
		Code: a.Code, Calls: uint32(a.Calls),
		BeganUnixNano: nanoseconds(a.Began), EndedUnixNano: nanoseconds(a.Ended),
	})
}

// DecodeAttempt returns the attempt of a stored form, as its final record in the journal is.
func DecodeAttempt(b []byte) (Attempt, error) {
	var m ledgerv1.AttemptRecord
	err := proto.Unmarshal(b, &m)
	state := compaction.Enum[AttemptState](m.State, &err)
	if err != nil {
		return Attempt{}, err
	}
	return Attempt{
		Tenant: m.Tenant, Payment: m.Payment, Number: int(m.Number), Effect: m.Effect,
		Gateway: m.Gateway, Method: m.Method, State: state,
		Code: m.Code, Calls: int(m.Calls),
		Began: instant(m.BeganUnixNano), Ended: instant(m.EndedUnixNano),
	}, nil
}

// nanoseconds is the stored form of a time: 0 is the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant is the inverse of nanoseconds.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
