package api

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting"
)

// PromotionBody is a promotion with the rules by which it is given.
type PromotionBody struct {
	Name             string       `json:"name" minLength:"1" maxLength:"200" pattern:"\\S" example:"Spring"`
	Percent          decimalText  `json:"percent,omitempty" doc:"What it takes off, in percent; or else amount." example:"10"`
	Cap              positiveText `json:"cap,omitempty" doc:"The most that a percentage takes off."`
	Amount           positiveText `json:"amount,omitempty" doc:"What it takes off; or else percent."`
	Currency         currencyCode `json:"currency,omitempty" doc:"Of cap, amount and minimum_spend, where there is one."`
	Funding          string       `json:"funding,omitempty" enum:"tradesperson,platform" doc:"Who pays for it: the tradesperson, as an allowance before tax (unless given), or the platform, as a payment after tax. Only the platform makes those."`
	Kinds            []string     `json:"kinds,omitempty" maxItems:"5" doc:"The kinds of lines it applies to: labour, material, equipment, service, fee. The whole document unless kinds or items are given."`
	Items            []string     `json:"items,omitempty" maxItems:"100" doc:"The price book items it applies to."`
	MinimumSpend     positiveText `json:"minimum_spend,omitempty" doc:"Of the document, before promotions."`
	FirstTime        bool         `json:"first_time,omitempty" doc:"Whether it is only for customers who have never paid."`
	LimitTotal       int          `json:"limit_total,omitempty" minimum:"1" maximum:"1000000000" doc:"How often it may be used, over all codes. Left out, there is no limit."`
	LimitPerCustomer int          `json:"limit_per_customer,omitempty" minimum:"1" maximum:"1000000000" doc:"How often one customer may use it, over all codes. Left out, there is no limit."`
	From             moment       `json:"from,omitzero" doc:"When it begins."`
	To               moment       `json:"to,omitzero" doc:"When it ends."`
	Priority         int          `json:"priority,omitempty" minimum:"-1000" maximum:"1000" doc:"Higher is applied first."`
	Combinable       bool         `json:"combinable,omitempty" doc:"Whether it may be applied together with others."`
}

// A promotionRecord as answers show it.
type promotionRecord struct {
	ID string `json:"id" example:"pro_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	PromotionBody
	Active   bool   `json:"active"`
	Reserved uint64 `json:"reserved" doc:"How many uses wait for a payment."`
	Redeemed uint64 `json:"redeemed" doc:"How many uses were paid for."`
	Created  moment `json:"created"`
	Updated  moment `json:"updated"`
}

type codeBody struct {
	Code string `json:"code" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9-]+$" doc:"What customers enter, in whatever case." example:"SPRING10"`
}

type codeRecord struct {
	Code      string `json:"code" example:"SPRING10"`
	Promotion string `json:"promotion"`
	Active    bool   `json:"active"`
	Created   moment `json:"created"`
}

// PromotionPath names a promotion in the path.
type PromotionPath struct {
	ID string `path:"id" pattern:"^pro_[0-9a-z]{26}$" example:"pro_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The promotion's id."`
}

// CodePath names a promotion code in the path.
type CodePath struct {
	Code string `path:"code" pattern:"^[A-Za-z0-9-]+$" minLength:"1" maxLength:"64" example:"SPRING10" doc:"The code, in whatever case."`
}

type codeInput struct {
	PromotionPath
	Body codeBody
}

type codeList struct {
	Paging
	PromotionPath
}

func (a *API) registerPromotions() {
	const tag = "Promotions"
	mutation[struct{ Body PromotionBody }, promotionRecord](a, route{
		id: "create-promotion", path: "/v1/promotions", tag: tag, roles: sellers, status: 201,
		summary: "Create a promotion",
		description: "A percentage or an amount, with the rules by which it is given. They never " +
			"change: deactivate it and make another.",
		example: `{"name":"Spring","percent":"10","limit_total":100}`,
	}, createPromotion)
	query[Paging](a, route{
		id: "list-promotions", path: "/v1/promotions", tag: tag, roles: anyKey,
		summary:     "List promotions",
		description: "The tenant's promotions, oldest first, and how often each is used.",
	}, listPromotions)
	query[PromotionPath](a, route{
		id: "get-promotion", path: "/v1/promotions/{id}", tag: tag, roles: anyKey,
		summary: "Get a promotion", description: "One promotion, and how often it is used.",
	}, func(x *exchange, in *PromotionPath) (promotionRecord, error) {
		return find(x, in.ID, promotionOf)
	})
	mutation[PromotionPath, promotionRecord](a, route{
		id: "deactivate-promotion", path: "/v1/promotions/{id}/deactivate", tag: tag, roles: sellers,
		summary: "Deactivate a promotion", description: "No more of it is reserved; what is, stays so.",
	}, func(x *exchange, in *PromotionPath) (change, error) {
		tenant := x.tenant
		return change{decide: func(tx *compaction.Tx) (result, error) {
			if _, err := quoting.DeactivatePromotion(tx, tenant, in.ID); err != nil {
				return result{}, err
			}
			p, err := promotionOf(tx, tenant, in.ID)
			return result{body: p}, err
		}}, nil
	})
	a.registerCodes(tag)
}

func (a *API) registerCodes(tag string) {
	mutation[codeInput, codeRecord](a, route{
		id: "create-promotion-code", path: "/v1/promotions/{id}/codes", tag: tag, roles: sellers,
		status: 201, summary: "Add a promotion code",
		description: "Gives a promotion a code that customers enter. Limits count over all of its codes.",
		example:     `{"code":"SPRING10"}`,
	}, func(x *exchange, in *codeInput) (change, error) {
		tenant := x.tenant
		return change{decide: func(tx *compaction.Tx) (result, error) {
			c, err := quoting.AddCode(tx, tenant, in.ID, in.Body.Code)
			if ofType[*quoting.ExistsError](err) {
				err = at("code", err)
			}
			return result{body: showCode(c)}, err
		}}, nil
	})
	query[codeList](a, route{
		id: "list-promotion-codes", path: "/v1/promotions/{id}/codes", tag: tag, roles: anyKey,
		summary: "List a promotion's codes", description: "The codes of one promotion.",
	}, func(x *exchange, in *codeList) (page[codeRecord], error) {
		if _, err := find(x, in.ID, quoting.FindPromotion); err != nil {
			return page[codeRecord]{}, err
		}
		return lookup(x, in.Paging, quoting.Codes, "promotion", in.ID, showCode)
	})
	mutation[CodePath, codeRecord](a, route{
		id: "deactivate-promotion-code", path: "/v1/promotion_codes/{code}/deactivate", tag: tag,
		roles: sellers, summary: "Deactivate a promotion code",
		description: "Ends a code; the promotion and its other codes go on.",
	}, func(x *exchange, in *CodePath) (change, error) {
		tenant := x.tenant
		return change{decide: func(tx *compaction.Tx) (result, error) {
			c, err := quoting.DeactivateCode(tx, tenant, in.Code)
			return result{body: showCode(c)}, err
		}}, nil
	})
}

func createPromotion(x *exchange, in *struct{ Body PromotionBody }) (change, error) {
	p, err := in.Body.promotion()
	if err != nil {
		return change{}, err
	}
	if p.Funding == quoting.Platform && x.caller.role != platform {
		return change{}, at("funding", &roleError{platform})
	}
	p.Tenant, p.ID = x.tenant, compaction.NewID("pro", x.api.clock())
	return change{decide: func(tx *compaction.Tx) (result, error) {
		p, err := quoting.CreatePromotion(tx, p)
		return result{body: showPromotion(p, quoting.Usage{}), location: "/v1/promotions/" + p.ID}, err
	}}, nil
}

func (b *PromotionBody) promotion() (quoting.Promotion, error) {
	p := quoting.Promotion{
		Name: b.Name, FirstTime: b.FirstTime, LimitTotal: uint64(b.LimitTotal),
		LimitPerCustomer: uint64(b.LimitPerCustomer), From: time.Time(b.From), To: time.Time(b.To),
		Priority: b.Priority, Combinable: b.Combinable, Funding: quoting.Tradesperson,
	}
	if b.Funding != "" {
		p.Funding, _ = quoting.ParseFunding(b.Funding) // the description lists them
	}
	for i, name := range b.Kinds {
		kind, ok := quoting.ParseKind(name)
		if !ok || name == "" {
			return p, refuse("kinds."+strconv.Itoa(i), "kind",
				"must be labour, material, equipment, service or fee")
		}
		if !slices.Contains(p.Scope.Kinds, kind) { // named twice is named
			p.Scope.Kinds = append(p.Scope.Kinds, kind)
		}
	}
	for _, item := range b.Items {
		if !slices.Contains(p.Scope.Items, item) {
			p.Scope.Items = append(p.Scope.Items, item)
		}
	}
	var err error
	if b.Percent != "" {
		if p.Coupon.Percent, err = quoting.ParseDecimal("percent", string(b.Percent)); err != nil {
			return p, err
		}
		if p.Coupon.Percent.Sign() <= 0 {
			return p, refuse("percent", "range", "must be above 0, and at most 100")
		}
	}
	return p, b.amounts(&p)
}

// amounts reads the amounts of a promotion, which are in its currency.
func (b *PromotionBody) amounts(p *quoting.Promotion) error {
	if b.Amount == "" && b.Cap == "" && b.MinimumSpend == "" {
		return nil
	}
	if b.Currency == "" {
		return refuse("currency", "required", "is required with amount, cap and minimum_spend")
	}
	currency, err := parseCurrency("currency", b.Currency)
	if err != nil {
		return err
	}
	if p.Coupon.Amount, err = aboveZero("amount", b.Amount, currency); err != nil {
		return err
	}
	if p.Coupon.Cap, err = aboveZero("cap", b.Cap, currency); err != nil {
		return err
	}
	p.MinimumSpend, err = parseAmount("minimum_spend", b.MinimumSpend, currency)
	return err
}

// listPromotions reads a page of promotions and the use of each as of the same moment.
func listPromotions(x *exchange, in *Paging) (page[promotionRecord], error) {
	p := in.of(x.tenant + "/")
	var rows []compaction.Row[quoting.Promotion]
	used := map[string]quoting.Usage{}
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		if rows, err = quoting.Promotions.Scan(v, p); err != nil {
			return err
		}
		for _, r := range rows {
			if used[r.Key], err = quoting.UsageOf(v, x.tenant, r.Value.ID, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return page[promotionRecord]{}, err
	}
	return pageOf(p, rows, func(p quoting.Promotion) promotionRecord {
		return showPromotion(p, used[compaction.Key(p.Tenant, p.ID)])
	}), nil
}

// aboveZero reads an amount of a field that means something else when it is left out: nothing of it
// is refused.
func aboveZero(field string, text positiveText, c money.Currency) (money.Amount, error) {
	a, err := parseAmount(field, text, c)
	if err == nil && text != "" && a.Sign() == 0 {
		err = refuse(field, "range", "must be above 0: leave it out for none")
	}
	return a, err
}

// locateCode returns err as the fault of the promotion code that it is about: one that is none, or
// whose promotion is refused, and of several codes of one promotion the last.
func locateCode(s compaction.State, tenant string, codes []string, err error) error {
	refused, about := errors.AsType[*quoting.PromotionError](err)
	missing, none := errors.AsType[*quoting.NotFoundError](err)
	if !about && (!none || missing.Kind != "promotion code") {
		return err
	}
	located := err
	for i, text := range codes {
		c, findErr := quoting.FindCode(s, tenant, text)
		switch field := "promotion_codes." + strconv.Itoa(i); {
		case none && findErr != nil:
			return at(field, err)
		case about && findErr == nil && c.Promotion == refused.Promotion:
			located = at(field, err)
		}
	}
	return located
}

// promotionOf reads a promotion and its use.
func promotionOf(s compaction.State, tenant, id string) (promotionRecord, error) {
	p, err := quoting.FindPromotion(s, tenant, id)
	if err != nil {
		return promotionRecord{}, err
	}
	u, err := quoting.UsageOf(s, tenant, id, "")
	return showPromotion(p, u), err
}

func showPromotion(p quoting.Promotion, u quoting.Usage) promotionRecord {
	out := promotionRecord{ID: p.ID, Active: p.Active, Reserved: u.Reserved, Redeemed: u.Redeemed,
		Created: moment(p.Created), Updated: moment(p.Updated)}
	out.PromotionBody = PromotionBody{
		Name: p.Name, Cap: positiveText(optionalAmount(p.Coupon.Cap)),
		Amount:  positiveText(optionalAmount(p.Coupon.Amount)),
		Funding: p.Funding.String(), Items: p.Scope.Items,
		MinimumSpend: positiveText(optionalAmount(p.MinimumSpend)), FirstTime: p.FirstTime,
		LimitTotal: int(p.LimitTotal), LimitPerCustomer: int(p.LimitPerCustomer),
		From: moment(p.From), To: moment(p.To), Priority: p.Priority, Combinable: p.Combinable,
	}
	for _, kind := range p.Scope.Kinds {
		out.Kinds = append(out.Kinds, kind.String())
	}
	if p.Coupon.Percent.Sign() > 0 {
		out.Percent = decimalText(p.Coupon.Percent.String())
	}
	for _, a := range []quoting.Coupon{p.Coupon, {Amount: p.MinimumSpend}} {
		for _, b := range []string{a.Amount.Currency().String(), a.Cap.Currency().String()} {
			if b != "" {
				out.Currency = currencyCode(b)
			}
		}
	}
	return out
}

func showCode(c quoting.Code) codeRecord {
	return codeRecord{Code: c.Code, Promotion: c.Promotion, Active: c.Active,
		Created: moment(c.Created)}
}
