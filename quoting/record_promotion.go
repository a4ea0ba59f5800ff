package quoting

import (
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

func encodePromotion(p Promotion) ([]byte, error) {
	m := &quotingv1.PromotionRecord{
		Tenant: p.Tenant, Promotion: p.ID, Name: p.Name, Percent: encodeDecimal(p.Coupon.Percent),
		Currency: p.currency().String(), AmountMinor: p.Coupon.Amount.Minor(),
		CapMinor: p.Coupon.Cap.Minor(), MinimumSpendMinor: p.MinimumSpend.Minor(),
		Funding: quotingv1.PromotionFunding(p.Funding), Items: p.Scope.Items,
		FirstTime: p.FirstTime, LimitTotal: p.LimitTotal, LimitPerCustomer: p.LimitPerCustomer,
		FromUnixNano: nanoseconds(p.From), ToUnixNano: nanoseconds(p.To),
		Priority: int64(p.Priority), Combinable: p.Combinable, Inactive: !p.Active,
		CreatedUnixNano: nanoseconds(p.Created), UpdatedUnixNano: nanoseconds(p.Updated),
	}
	for _, k := range p.Scope.Kinds {
		m.Kinds = append(m.Kinds, quotingv1.LineKind(k))
	}
	return proto.Marshal(m)
}

func decodePromotion(b []byte) (Promotion, error) {
	var m quotingv1.PromotionRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Promotion{}, err
	}
	var d decoder
	c := d.currency(m.Currency)
	p := Promotion{
		Tenant: m.Tenant, ID: m.Promotion, Name: m.Name,
		Coupon:  Coupon{d.decimal(m.Percent), money.New(m.CapMinor, c), money.New(m.AmountMinor, c)},
		Funding: compaction.Enum[Funding](m.Funding, &d.err), Scope: Scope{Items: m.Items},
		MinimumSpend: money.New(m.MinimumSpendMinor, c), FirstTime: m.FirstTime,
		LimitTotal: m.LimitTotal, LimitPerCustomer: m.LimitPerCustomer,
		From: instant(m.FromUnixNano), To: instant(m.ToUnixNano), Priority: int(m.Priority),
		Combinable: m.Combinable, Active: !m.Inactive,
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}
	for _, k := range m.Kinds {
		p.Scope.Kinds = append(p.Scope.Kinds, compaction.Enum[Kind](k, &d.err))
	}
	return whole(p, d.err)
}

func encodeCode(c Code) ([]byte, error) {
	return proto.Marshal(&quotingv1.CodeRecord{Tenant: c.Tenant, Code: c.Code,
		Promotion: c.Promotion, Inactive: !c.Active, CreatedUnixNano: nanoseconds(c.Created)})
}

func decodeCode(b []byte) (Code, error) {
	var m quotingv1.CodeRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Code{}, err
	}
	return Code{m.Tenant, m.Code, m.Promotion, !m.Inactive, instant(m.CreatedUnixNano)}, nil
}

func encodeRedemption(r Redemption) ([]byte, error) {
	return proto.Marshal(&quotingv1.RedemptionRecord{
		Tenant: r.Tenant, Redemption: r.ID, Promotion: r.Promotion, Code: r.Code,
		Customer: r.Customer, Quote: r.Quote, State: quotingv1.RedemptionState(r.State),
		Currency: r.Amount.Currency().String(), AmountMinor: r.Amount.Minor(),
		ExpiresUnixNano: nanoseconds(r.Expires), CreatedUnixNano: nanoseconds(r.Created),
		UpdatedUnixNano: nanoseconds(r.Updated),
	})
}

func decodeRedemption(b []byte) (Redemption, error) {
	var m quotingv1.RedemptionRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Redemption{}, err
	}
	var d decoder
	r := Redemption{
		Tenant: m.Tenant, ID: m.Redemption, Promotion: m.Promotion, Code: m.Code,
		Customer: m.Customer, Quote: m.Quote,
		State:  compaction.Enum[RedemptionState](m.State, &d.err),
		Amount: money.New(m.AmountMinor, d.currency(m.Currency)), Expires: instant(m.ExpiresUnixNano),
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}
	return whole(r, d.err)
}

// EncodeRedemption returns the stored form of a redemption, as its final record in the journal is.
func EncodeRedemption(r Redemption) ([]byte, error) { return encodeRedemption(r) }

// DecodeRedemption returns the redemption of a stored form.
func DecodeRedemption(stored []byte) (Redemption, error) { return decodeRedemption(stored) }

func encodeUsage(u Usage) ([]byte, error) {
	return proto.Marshal(&quotingv1.UsageRecord{Tenant: u.Tenant, Promotion: u.Promotion,
		Customer: u.Customer, Reserved: u.Reserved, Redeemed: u.Redeemed})
}

func decodeUsage(b []byte) (Usage, error) {
	var m quotingv1.UsageRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Usage{}, err
	}
	return Usage{m.Tenant, m.Promotion, m.Customer, m.Reserved, m.Redeemed}, nil
}

func encodeFirstPurchase(f FirstPurchase) ([]byte, error) {
	return proto.Marshal(&quotingv1.FirstPurchaseRecord{Tenant: f.Tenant, Customer: f.Customer,
		Redemption: f.Redemption, PurchasedUnixNano: nanoseconds(f.Purchased)})
}

func decodeFirstPurchase(b []byte) (FirstPurchase, error) {
	var m quotingv1.FirstPurchaseRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return FirstPurchase{}, err
	}
	return FirstPurchase{m.Tenant, m.Customer, m.Redemption, instant(m.PurchasedUnixNano)}, nil
}
