package api

import "github.com/quittance/quittance/quoting"

// A redemptionRecord as answers show it.
type redemptionRecord struct {
	ID        string       `json:"id" example:"red_01j9qz4m2n8r7t6v5w4x3y2z1a_1"`
	Promotion string       `json:"promotion"`
	Code      string       `json:"code,omitempty" doc:"The code it was given with."`
	Customer  string       `json:"customer"`
	Quote     string       `json:"quote" doc:"The quote whose price it is part of."`
	Status    string       `json:"status" enum:"reserved,redeemed,released,restored"`
	Amount    amountText   `json:"amount" doc:"What it takes off."`
	Currency  currencyCode `json:"currency"`
	Expires   moment       `json:"expires,omitzero" doc:"When a reservation is looked at again."`
	Created   moment       `json:"created"`
	Updated   moment       `json:"updated"`
}

// RedemptionPath names a redemption in the path.
type RedemptionPath struct {
	ID string `path:"id" pattern:"^red_[0-9a-z]{26}_[0-9]{1,2}$" example:"red_01j9qz4m2n8r7t6v5w4x3y2z1a_1" doc:"The redemption's id."`
}

type redemptionList struct {
	Paging
	Promotion string `query:"promotion" pattern:"^pro_[0-9a-z]{26}$" doc:"Only those of a promotion."`
	Quote     string `query:"quote" pattern:"^quo_[0-9a-z]{26}$" doc:"Only those of a quote. Goes with no other filter."`
}

func (a *API) registerRedemptions() {
	const tag = "Promotions"
	query[redemptionList](a, route{
		id: "list-redemptions", path: "/v1/redemptions", tag: tag, roles: anyKey,
		summary: "List redemptions",
		description: "Uses of promotions that belong to open quotes, oldest first. Ended ones are " +
			"found by id.",
	}, func(x *exchange, in *redemptionList) (page[redemptionRecord], error) {
		return listBy(x, in.Paging, quoting.Redemptions,
			[]filter{{"promotion", in.Promotion}, {"quote", in.Quote}}, showRedemption)
	})
	query[RedemptionPath](a, route{
		id: "get-redemption", path: "/v1/redemptions/{id}", tag: tag, roles: anyKey,
		summary: "Get a redemption", description: "One use of a promotion, open or ended.",
	}, func(x *exchange, in *RedemptionPath) (redemptionRecord, error) {
		r, err := findOrRecall(x, in.ID, quoting.FindRedemption, quoting.DecodeRedemption)
		return showRedemption(r), err
	})
}

func showRedemption(r quoting.Redemption) redemptionRecord {
	return redemptionRecord{ID: r.ID, Promotion: r.Promotion, Code: r.Code, Customer: r.Customer,
		Quote: r.Quote, Status: r.State.String(), Amount: amountText(r.Amount.String()),
		Currency: currencyCode(r.Amount.Currency().String()), Expires: moment(r.Expires),
		Created: moment(r.Created), Updated: moment(r.Updated)}
}
