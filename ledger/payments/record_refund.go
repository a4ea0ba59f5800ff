package payments

import (
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// EncodeRefund returns the stored form of a refund, as its final record in the journal is.
func EncodeRefund(r Refund) ([]byte, error) {
	return proto.Marshal(&ledgerv1.RefundRecord{
		Tenant: r.Tenant, Refund: r.ID, Payment: r.Payment, CreditNote: r.CreditNote,
		Currency: r.Amount.Currency().String(), AmountMinor: r.Amount.Minor(),
		Gateway: r.Gateway, GatewayId: r.GatewayID, Reason: r.Reason,
		State: ledgerv1.RefundState(r.State), Code: r.Code, Conflict: r.Conflict,
		CreatedUnixNano: nanoseconds(r.Created), UpdatedUnixNano: nanoseconds(r.Updated),
		ObservedUnixNano: nanoseconds(r.Observed), Sequence: r.Sequence, SettledBy: r.SettledBy,
	})
}

// DecodeRefund returns the refund of a stored form, as its final record in the journal is.
func DecodeRefund(b []byte) (Refund, error) {
	var m ledgerv1.RefundRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Refund{}, err
	}
	c, err := money.ParseCurrency(m.Currency)
	state := compaction.Enum[RefundState](m.State, &err)
	if err != nil {
		return Refund{}, err
	}
	return Refund{
		ID: m.Refund, Tenant: m.Tenant, Payment: m.Payment, CreditNote: m.CreditNote,
		Amount:  money.New(m.AmountMinor, c),
		Gateway: m.Gateway, GatewayID: m.GatewayId, Reason: m.Reason,
		State: state, Code: m.Code, Conflict: m.Conflict,
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
		Observed: instant(m.ObservedUnixNano), Sequence: m.Sequence, SettledBy: m.SettledBy,
	}, nil
}

// EncodeDispute returns the stored form of a dispute, as its final record in the journal is.
func EncodeDispute(d Dispute) ([]byte, error) {
	return proto.Marshal(&ledgerv1.DisputeRecord{
		Tenant: d.Tenant, Dispute: d.ID, Payment: d.Payment,
		Gateway: d.Gateway, GatewayId: d.GatewayID,
		Currency: d.Amount.Currency().String(), AmountMinor: d.Amount.Minor(),
		WithdrawnMinor: d.Withdrawn.Minor(), ReinstatedMinor: d.Reinstated.Minor(),
		FeeMinor: d.Fee.Minor(), Reason: d.Reason, State: ledgerv1.DisputeState(d.State),
		Conflict: d.Conflict, EvidenceDueUnixNano: nanoseconds(d.EvidenceDue),
		CreatedUnixNano: nanoseconds(d.Created), UpdatedUnixNano: nanoseconds(d.Updated),
		ObservedUnixNano: nanoseconds(d.Observed), Sequence: d.Sequence,
	})
}

// DecodeDispute returns the dispute of a stored form, as its final record in the journal is.
func DecodeDispute(b []byte) (Dispute, error) {
	var m ledgerv1.DisputeRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Dispute{}, err
	}
	c, err := money.ParseCurrency(m.Currency)
	state := compaction.Enum[DisputeState](m.State, &err)
	if err != nil {
		return Dispute{}, err
	}
	return Dispute{
		ID: m.Dispute, Tenant: m.Tenant, Payment: m.Payment,
		Gateway: m.Gateway, GatewayID: m.GatewayId,
		Amount:     money.New(m.AmountMinor, c),
		Withdrawn:  money.New(m.WithdrawnMinor, c),
		Reinstated: money.New(m.ReinstatedMinor, c),
		Fee:        money.New(m.FeeMinor, c),
		Reason:     m.Reason, State: state, Conflict: m.Conflict,
		EvidenceDue: instant(m.EvidenceDueUnixNano),
		Created:     instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
		Observed: instant(m.ObservedUnixNano), Sequence: m.Sequence,
	}, nil
}
