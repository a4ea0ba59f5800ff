package quoting

import (
	"fmt"
	"time"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// A Usage counts the redemptions of a promotion, or of a promotion by one customer. It outlives the
// redemptions that it counts.
type Usage struct {
	Tenant    string
	Promotion string
	Customer  string // empty for all together
	Reserved  uint64
	Redeemed  uint64
}

// Usages holds the counts under Key(tenant, promotion) and, for promotions with a limit per
// customer, under Key(tenant, promotion, customer). A count of nothing has no record.
var Usages = compaction.NewTable(compaction.TableSpec[Usage]{
	Message: (*quotingv1.UsageRecord)(nil),
	Encode:  encodeUsage,
	Decode:  decodeUsage,
})

// A FirstPurchase says that a customer has bought, or has a first purchase reserved.
type FirstPurchase struct {
	Tenant     string
	Customer   string
	Redemption string    // of a promotion for first purchases that is reserved; or empty
	Purchased  time.Time // zero when the customer never paid
}

// FirstPurchases holds them under Key(tenant, customer).
var FirstPurchases = compaction.NewTable(compaction.TableSpec[FirstPurchase]{
	Message: (*quotingv1.FirstPurchaseRecord)(nil),
	Encode:  encodeFirstPurchase,
	Decode:  decodeFirstPurchase,
})

// UsageOf returns how often a promotion is used, in all or, with a customer, by that one. Only
// promotions with a limit per customer are counted by customer.
func UsageOf(s compaction.State, tenant, promotion, customer string) (Usage, error) {
	u, ok, err := Usages.Get(s, usageKey(tenant, promotion, customer))
	if !ok {
		u = Usage{Tenant: tenant, Promotion: promotion, Customer: customer}
	}
	return u, err
}

func usageKey(tenant, promotion, customer string) string {
	if customer == "" {
		return compaction.Key(tenant, promotion)
	}
	return compaction.Key(tenant, promotion, customer)
}

// count returns u after a redemption went from one state to another; state 0 is not there yet.
func (u Usage) count(from, to RedemptionState) (Usage, error) {
	for _, step := range [...]struct {
		state RedemptionState
		by    int
	}{{from, -1}, {to, +1}} {
		n := &u.Reserved
		switch step.state {
		case Reserved:
		case Redeemed:
			n = &u.Redeemed
		default:
			continue // does not count
		}
		if step.by < 0 && *n == 0 {
			return u, fmt.Errorf("quoting: the usage of promotion %s has lost a count", u.Promotion)
		}
		*n += uint64(step.by)
	}
	return u, nil
}

// put stores u, or ends its record when it counts nothing.
func (u Usage) put(tx *compaction.Tx) {
	key := usageKey(u.Tenant, u.Promotion, u.Customer)
	if u.Reserved+u.Redeemed == 0 {
		Usages.Delete(tx, key)
		return
	}
	Usages.Put(tx, key, u)
}

// recount counts a redemption's step from one state to another.
func recount(tx *compaction.Tx, p *Promotion, customer string, from, to RedemptionState) error {
	counted := []string{""}
	if p.LimitPerCustomer > 0 {
		counted = append(counted, customer)
	}
	for _, who := range counted {
		u, err := UsageOf(tx, p.Tenant, p.ID, who)
		if err != nil {
			return err
		}
		if u, err = u.count(from, to); err != nil {
			return err
		}
		u.put(tx)
	}
	return nil
}

// MarkPurchase notes that a customer has paid, so that promotions for first purchases are no longer
// for them. Call it in the command that finds an invoice paid.
func MarkPurchase(tx *compaction.Tx, tenant, customer string) error {
	key := compaction.Key(tenant, customer)
	f, _, err := FirstPurchases.Get(tx, key)
	if err != nil || !f.Purchased.IsZero() {
		return err
	}
	f.Tenant, f.Customer, f.Purchased = tenant, customer, tx.Now()
	FirstPurchases.Put(tx, key, f)
	return nil
}

// claim reserves the customer's first purchase for a redemption.
func (p *Promotion) claim(tx *compaction.Tx, customer, redemption string) error {
	key := compaction.Key(p.Tenant, customer)
	_, ok, err := FirstPurchases.Get(tx, key)
	if err != nil {
		return err
	}
	if ok { // bought, or about to buy at the price of another first purchase
		return p.refuse("first_time")
	}
	FirstPurchases.Put(tx, key, FirstPurchase{
		Tenant: p.Tenant, Customer: customer, Redemption: redemption})
	return nil
}

// unclaim gives back the first purchase that a redemption has reserved, if it has.
func unclaim(tx *compaction.Tx, r Redemption) error {
	key := compaction.Key(r.Tenant, r.Customer)
	f, ok, err := FirstPurchases.Get(tx, key)
	switch {
	case err != nil || !ok || f.Redemption != r.ID:
		return err
	case f.Purchased.IsZero():
		FirstPurchases.Delete(tx, key)
	default:
		f.Redemption = ""
		FirstPurchases.Put(tx, key, f)
	}
	return nil
}
