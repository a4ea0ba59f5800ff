package quoting

import (
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// ReservationPeriod is after how long a reservation is looked at: one whose quote still waits to be
// paid is renewed, because its price is agreed; any other is released.
const ReservationPeriod = 30 * 24 * time.Hour

// A Redemption is one use of a promotion.
type Redemption struct {
	Tenant    string
	ID        string // "red_…"
	Promotion string
	Code      string // empty when the promotion was given without one
	Customer  string
	Quote     string // the quote whose price it is part of
	State     RedemptionState
	Amount    money.Amount // what it takes off
	Expires   time.Time    // of a reservation; zero otherwise
	Created   time.Time
	Updated   time.Time
}

// Redemptions holds the redemptions under Key(tenant, redemption) until what they belong to is
// settled. Its indexes read "tenant/quote/redemption" and "tenant/promotion/redemption".
var Redemptions = compaction.NewTable(compaction.TableSpec[Redemption]{
	Message: (*quotingv1.RedemptionRecord)(nil),
	Encode:  encodeRedemption,
	Decode:  decodeRedemption,
	Indexes: []compaction.Index[Redemption]{
		{Name: "quote", Keys: func(_ string, r Redemption) []string {
			return []string{compaction.Key(r.Tenant, r.Quote, r.ID)}
		}},
		{Name: "promotion", Keys: func(_ string, r Redemption) []string {
			return []string{compaction.Key(r.Tenant, r.Promotion, r.ID)}
		}},
	},
	Due: func(_ string, r Redemption) time.Time {
		if r.State != Reserved {
			return time.Time{}
		}
		return r.Expires
	},
})

func init() { Redemptions.OnDue(lapse) }

// lapse looks at a reservation whose time is over.
func lapse(tx *compaction.Tx, key string, r Redemption) error {
	q, ok, err := Quotes.Get(tx, compaction.Key(r.Tenant, r.Quote))
	if err != nil {
		return err
	}
	if ok && (q.State() == QuoteAccepted || q.State() == QuoteInvoiced) {
		r.Expires = tx.Now().Add(ReservationPeriod)
		Redemptions.Put(tx, key, r)
		return nil
	}
	_, err = Release(tx, r.Tenant, r.ID)
	return err
}

// Reserve takes one use of a promotion, until it is redeemed or released. The command sets Tenant,
// ID, Promotion, Code, Customer, Quote, Amount and Expires; an Expires of zero is ReservationPeriod
// from now.
//
// It fails with a *NotFoundError, with an *ExistsError for an id that is taken, and with a
// *PromotionError for a promotion that is not given now, or not to this customer, or not as often:
// uses that are reserved and those that are redeemed count alike, over all codes.
func Reserve(tx *compaction.Tx, r Redemption) (Redemption, error) {
	p, err := FindPromotion(tx, r.Tenant, r.Promotion)
	if err != nil {
		return r, err
	}
	key := compaction.Key(r.Tenant, r.ID)
	if _, ok, err := Redemptions.Get(tx, key); err != nil {
		return r, err
	} else if ok {
		return r, &ExistsError{"redemption"}
	}
	if err := p.at(tx.Now()); err != nil {
		return r, err
	}
	if err := p.spare(tx, r.Customer); err != nil {
		return r, err
	}
	if p.FirstTime {
		if err := p.claim(tx, r.Customer, r.ID); err != nil {
			return r, err
		}
	}
	if err := recount(tx, &p, r.Customer, 0, Reserved); err != nil {
		return r, err
	}
	r.State, r.Created, r.Updated = Reserved, tx.Now(), tx.Now()
	if r.Expires.IsZero() {
		r.Expires = tx.Now().Add(ReservationPeriod)
	}
	Redemptions.Put(tx, key, r)
	return r, nil
}

// spare refuses a promotion that has no use left for a customer.
func (p *Promotion) spare(s compaction.State, customer string) error {
	if customer == "" && (p.FirstTime || p.LimitPerCustomer > 0) {
		return p.refuse("customer")
	}
	if p.LimitTotal > 0 {
		u, err := UsageOf(s, p.Tenant, p.ID, "")
		if err != nil {
			return err
		}
		if u.Reserved+u.Redeemed >= p.LimitTotal {
			return p.refuse("limit_total")
		}
	}
	if p.LimitPerCustomer > 0 {
		u, err := UsageOf(s, p.Tenant, p.ID, customer)
		if err != nil {
			return err
		}
		if u.Reserved+u.Redeemed >= p.LimitPerCustomer {
			return p.refuse("limit_customer")
		}
	}
	return nil
}

// Redeem makes a reservation final, and notes that its customer has bought. Call it in the command
// that finds the invoice paid. It fails with a *NotFoundError or a *MoveError.
func Redeem(tx *compaction.Tx, tenant, id string) (Redemption, error) {
	r, err := step(tx, tenant, id, RedeemEvent)
	if err != nil || r.Customer == "" {
		return r, err
	}
	if err := MarkPurchase(tx, tenant, r.Customer); err != nil {
		return r, err
	}
	return r, unclaim(tx, r)
}

// Release gives a reservation back. It fails with a *NotFoundError or a *MoveError.
func Release(tx *compaction.Tx, tenant, id string) (Redemption, error) {
	r, err := step(tx, tenant, id, ReleaseEvent)
	if err != nil {
		return r, err
	}
	return r, unclaim(tx, r)
}

// Restore gives back a use that was redeemed, for a purchase that was undone. It stays restored
// when money comes again, and the customer has bought nevertheless. It fails with a *NotFoundError
// or a *MoveError.
func Restore(tx *compaction.Tx, tenant, id string) (Redemption, error) {
	return step(tx, tenant, id, RestoreEvent)
}

// step moves a redemption and recounts.
func step(tx *compaction.Tx, tenant, id string, e RedemptionEvent) (Redemption, error) {
	r, err := FindRedemption(tx, tenant, id)
	if err != nil {
		return r, err
	}
	to, err := r.State.Next(e)
	if err != nil {
		return r, err
	}
	p, err := FindPromotion(tx, tenant, r.Promotion)
	if err != nil {
		return r, err
	}
	if err := recount(tx, &p, r.Customer, r.State, to); err != nil {
		return r, err
	}
	r.State, r.Expires, r.Updated = to, time.Time{}, tx.Now()
	Redemptions.Put(tx, compaction.Key(tenant, id), r)
	return r, nil
}

// FindRedemption returns a redemption. It fails with a *NotFoundError.
func FindRedemption(s compaction.State, tenant, id string) (Redemption, error) {
	return find(s, Redemptions, compaction.Key(tenant, id), "redemption")
}

// RedemptionsOf returns the redemptions that are part of a quote's price.
func RedemptionsOf(s compaction.State, tenant, quote string) ([]Redemption, error) {
	rows, err := Redemptions.Lookup(s, "quote",
		compaction.Page{Prefix: compaction.Key(tenant, quote) + "/"})
	if err != nil {
		return nil, err
	}
	var all []Redemption
	for _, row := range rows {
		all = append(all, row.Value)
	}
	return all, nil
}

// RedeemAll redeems what is reserved for a quote, and leaves the rest as it is. It returns what it
// redeemed.
func RedeemAll(tx *compaction.Tx, tenant, quote string) ([]Redemption, error) {
	return each(tx, tenant, quote, Reserved, Redeem)
}

// ReleaseAll releases what is reserved for a quote, and leaves the rest as it is. It returns what
// it released.
func ReleaseAll(tx *compaction.Tx, tenant, quote string) ([]Redemption, error) {
	return each(tx, tenant, quote, Reserved, Release)
}

// RestoreAll restores what is redeemed for a quote, and leaves the rest as it is. It returns what
// it restored.
func RestoreAll(tx *compaction.Tx, tenant, quote string) ([]Redemption, error) {
	return each(tx, tenant, quote, Redeemed, Restore)
}

// each does something to the redemptions of a quote that are in a state.
func each(
	tx *compaction.Tx, tenant, quote string, in RedemptionState,
	do func(tx *compaction.Tx, tenant, id string) (Redemption, error),
) ([]Redemption, error) {
	all, err := RedemptionsOf(tx, tenant, quote)
	if err != nil {
		return nil, err
	}
	var done []Redemption
	for _, r := range all {
		if r.State != in {
			continue
		}
		if r, err = do(tx, tenant, r.ID); err != nil {
			return nil, err
		}
		done = append(done, r)
	}
	return done, nil
}
