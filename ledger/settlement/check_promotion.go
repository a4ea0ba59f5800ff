package settlement

import (
	"fmt"
	"maps"
	"slices"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

// promotions: what is counted as reserved are the open reservations, and nothing else is.
func (k *checker) promotions() error {
	counts, open, err := k.reservations()
	if err != nil {
		return err
	}
	err = each(k.v, quoting.Usages, func(key string, u quoting.Usage) error {
		if want := counts[key]; u.Reserved != want {
			k.fault(key, fmt.Sprintf("the usage counts %d as reserved and %d are", u.Reserved, want))
		}
		delete(counts, key)
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		k.fault(key, "there is no usage for what is reserved")
	}
	return each(k.v, quoting.FirstPurchases, func(key string, f quoting.FirstPurchase) error {
		if f.Redemption != "" && f.Purchased.IsZero() &&
			!open[compaction.Key(f.Tenant, f.Redemption)] {
			k.fault(key, "a first purchase is reserved for "+f.Redemption+", which is not open")
		}
		return nil
	})
}

// reservations returns how many redemptions are reserved under each key of a usage, and the keys of
// those that are. Only promotions with a limit per customer are counted by customer.
func (k *checker) reservations() (map[string]uint64, map[string]bool, error) {
	counts, open := map[string]uint64{}, map[string]bool{}
	err := each(k.v, quoting.Redemptions, func(key string, r quoting.Redemption) error {
		if r.State != quoting.Reserved {
			return nil
		}
		open[key] = true
		counts[compaction.Key(r.Tenant, r.Promotion)]++
		p, err := quoting.FindPromotion(k.v, r.Tenant, r.Promotion)
		if err == nil && p.LimitPerCustomer > 0 {
			counts[compaction.Key(r.Tenant, r.Promotion, r.Customer)]++
		}
		return err
	})
	return counts, open, err
}
