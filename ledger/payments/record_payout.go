package payments

import (
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// EncodePayout returns the stored form of a payout, as its final record in the journal is.
func EncodePayout(p Payout) ([]byte, error) {
	return proto.Marshal(&ledgerv1.PayoutRecord{
		Tenant: p.Tenant, Payout: p.ID, Gateway: p.Gateway, GatewayId: p.GatewayID,
		Currency: p.Amount.Currency().String(), AmountMinor: p.Amount.Minor(),
		State: ledgerv1.PayoutState(p.State), Lines: uint32(p.Lines),
		Answered: uint32(p.Answered), LinesMinor: p.LinesSum.Minor(), Fetched: p.Fetched,
		Trace: p.Trace, Code: p.Code, Conflict: p.Conflict,
		ArrivalUnixNano: nanoseconds(p.Arrival), CreatedUnixNano: nanoseconds(p.Created),
		UpdatedUnixNano: nanoseconds(p.Updated), ObservedUnixNano: nanoseconds(p.Observed),
		Sequence: p.Sequence,
	})
}

// DecodePayout returns the payout of a stored form, as its final record in the journal is.
func DecodePayout(b []byte) (Payout, error) {
	var m ledgerv1.PayoutRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Payout{}, err
	}
	c, err := money.ParseCurrency(m.Currency)
	state := compaction.Enum[PayoutState](m.State, &err)
	if err != nil {
		return Payout{}, err
	}
	return Payout{
		ID: m.Payout, Tenant: m.Tenant, Gateway: m.Gateway, GatewayID: m.GatewayId,
		Amount: money.New(m.AmountMinor, c), State: state,
		Fetched: m.Fetched, Lines: int(m.Lines), Answered: int(m.Answered),
		LinesSum: money.New(m.LinesMinor, c),
		Trace:    m.Trace, Code: m.Code, Conflict: m.Conflict,
		Arrival: instant(m.ArrivalUnixNano), Created: instant(m.CreatedUnixNano),
		Updated: instant(m.UpdatedUnixNano), Observed: instant(m.ObservedUnixNano),
		Sequence: m.Sequence,
	}, nil
}

// EncodePayoutLine returns the stored form of a payout line, as its final record in the journal
// is.
func EncodePayoutLine(l PayoutLine) ([]byte, error) { return proto.Marshal(lineRecord(l)) }

func lineRecord(l PayoutLine) *ledgerv1.PayoutLineRecord {
	return &ledgerv1.PayoutLineRecord{
		Tenant: l.Tenant, Payout: l.Payout, Line: l.ID,
		Kind: ledgerv1.PayoutLineKind(l.Kind), Owner: l.Owner, Payment: l.Payment,
		Refund: l.Refund, GatewayPayment: l.GatewayPayment, Source: l.Source,
		Currency: l.Net.Currency().String(), GrossMinor: l.Gross.Minor(),
		FeeMinor: l.Fee.Minor(), NetMinor: l.Net.Minor(),
		State: ledgerv1.PayoutLineState(l.State), Code: l.Code,
		CreatedUnixNano: nanoseconds(l.Created), AnsweredUnixNano: nanoseconds(l.Answered),
	}
}

// DecodePayoutLine returns the payout line of a stored form, as its final record in the journal
// is.
func DecodePayoutLine(b []byte) (PayoutLine, error) {
	var m ledgerv1.PayoutLineRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return PayoutLine{}, err
	}
	return lineOf(&m)
}

func lineOf(m *ledgerv1.PayoutLineRecord) (PayoutLine, error) {
	c, err := money.ParseCurrency(m.GetCurrency())
	kind := compaction.Enum[LineKind](m.GetKind(), &err)
	state := compaction.Enum[LineState](m.GetState(), &err)
	if err != nil {
		return PayoutLine{}, err
	}
	return PayoutLine{
		ID: m.Line, Tenant: m.Tenant, Payout: m.Payout, Owner: m.Owner,
		Kind: kind, Payment: m.Payment, Refund: m.Refund,
		GatewayPayment: m.GatewayPayment, Source: m.Source,
		Gross: money.New(m.GrossMinor, c), Fee: money.New(m.FeeMinor, c),
		Net: money.New(m.NetMinor, c), State: state, Code: m.Code,
		Created: instant(m.CreatedUnixNano), Answered: instant(m.AnsweredUnixNano),
	}, nil
}
