package quoting

import (
	"strconv"
	"strings"

	"github.com/quittance/quittance/compaction"
)

// An Answer is who says something to a quote, how, and in which words.
type Answer struct {
	Who     string
	Channel Channel
	Text    string // the reason, empty for none
}

func (a Answer) check() error {
	switch {
	case !isName(a.Who):
		return badName("who")
	case a.Channel == 0 || a.Channel >= channelEnd:
		return &FieldError{"channel", "channel",
			"must be link, api, in_person, phone, email or post"}
	case !isText(a.Text, maxDescription, true):
		return badText("text", maxDescription)
	}
	return nil
}

// AcceptQuote records that a customer agrees to what was issued, which hash names, and reserves the
// promotions of the codes given: the agreed price includes them. All of it is one command, so a
// promotion is reserved exactly when the price that it is part of is agreed.
//
// It fails with a *NotFoundError, a *FieldError, a *MoveError for a quote that is not on offer or
// no longer valid, a *HashError for another hash, and a *PromotionError for a code that does not
// apply.
func AcceptQuote(
	tx *compaction.Tx, tenant, id string, by Answer, hash Hash, codes []string,
) (Quote, error) {
	if err := by.check(); err != nil {
		return Quote{}, err
	}
	q, err := FindQuote(tx, tenant, id)
	if err != nil {
		return q, err
	}
	offered := q.Last()
	if q, err = q.move(AcceptEvent, tx.Now()); err != nil {
		return q, err
	}
	if !tx.Now().Before(offered.Expires) { // the clock has not come round to it yet
		return q, &MoveError{"quote", QuoteExpired.String(), AcceptEvent.String()}
	}
	if hash != offered.Hash {
		return q, &HashError{offered.Hash}
	}
	applied, err := Resolve(tx, tenant, codes)
	if err != nil {
		return q, err
	}
	priced, err := Price(offered.Content.Document, applied, tx.Now())
	if err != nil {
		return q, err
	}
	redemptions, err := reserveAll(tx, q, priced)
	if err != nil {
		return q, err
	}
	q = q.change(tx.Now(), func(v *Version) {
		v.Acceptance = &Acceptance{Who: by.Who, Channel: by.Channel, At: tx.Now(), Hash: hash,
			Redemptions: redemptions, Priced: priced}
	})
	Quotes.Put(tx, compaction.Key(tenant, id), q)
	return q, nil
}

// reserveAll reserves the promotions of an agreed price. A quote is accepted once, so the ids of
// its redemptions follow from its own.
func reserveAll(tx *compaction.Tx, q Quote, priced Priced) ([]string, error) {
	var ids []string
	for i, p := range priced.Promotions {
		r, err := Reserve(tx, Redemption{
			Tenant: q.Tenant, ID: redemptionID(q.ID, i+1), Promotion: p.Promotion, Code: p.Code,
			Customer: q.Customer, Quote: q.ID, Amount: p.Amount,
		})
		if err != nil {
			return nil, err
		}
		ids = append(ids, r.ID)
	}
	return ids, nil
}

func redemptionID(quote string, n int) string {
	return "red_" + strings.TrimPrefix(quote, "quo_") + "_" + strconv.Itoa(n)
}

// DeclineQuote records that the customer does not want what was issued. It fails with a
// *NotFoundError, a *FieldError or a *MoveError.
func DeclineQuote(tx *compaction.Tx, tenant, id string, by Answer) (Quote, error) {
	return answer(tx, tenant, id, by, DeclineEvent)
}

// RequestChanges records that the customer wants something else than what was issued; ReviseQuote
// answers it. It fails with a *NotFoundError, a *FieldError or a *MoveError.
func RequestChanges(tx *compaction.Tx, tenant, id string, by Answer) (Quote, error) {
	return answer(tx, tenant, id, by, ChangesEvent)
}

// CancelQuote withdraws a quote, and releases the promotions that its acceptance reserved. It fails
// with a *NotFoundError, a *FieldError, or a *MoveError: a quote of which an invoice was made
// stays.
func CancelQuote(tx *compaction.Tx, tenant, id string, by Answer) (Quote, error) {
	q, err := answer(tx, tenant, id, by, CancelEvent)
	if err != nil {
		return q, err
	}
	if len(q.Bills) > 0 {
		return q, &MoveError{"quote", "accepted and billed", CancelEvent.String()}
	}
	_, err = ReleaseAll(tx, tenant, id)
	return q, err
}

// answer moves a quote and records who wanted it.
func answer(tx *compaction.Tx, tenant, id string, by Answer, e QuoteEvent) (Quote, error) {
	if err := by.check(); err != nil {
		return Quote{}, err
	}
	q, err := FindQuote(tx, tenant, id)
	if err != nil {
		return q, err
	}
	if q, err = q.move(e, tx.Now()); err != nil {
		return q, err
	}
	q = q.change(tx.Now(), func(v *Version) {
		v.Statement = &Statement{by.Who, by.Channel, tx.Now(), by.Text}
	})
	Quotes.Put(tx, compaction.Key(tenant, id), q)
	return q, nil
}
