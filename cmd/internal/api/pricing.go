package api

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

type previewBody struct {
	DocumentBody
	PromotionCodes []string `json:"promotion_codes,omitempty" maxItems:"10" doc:"Codes of the tenant's promotions to apply." example:"[\"SPRING10\"]"`
}

// A preview has the figures of a document that is not kept.
type preview struct {
	Priced
	Rules []ruleStep `json:"rules" doc:"The rules by which the figures came about, in order."`
}

func (a *API) registerPricing() {
	query(a, route{
		id: "preview-pricing", method: "POST", path: "/v1/pricing/preview", tag: "Pricing",
		roles: anyKey, summary: "Price a document",
		description: "Computes a document's figures as EN 16931 orders them, and keeps nothing: lines " +
			"are rounded, tax is taken once per category and rate, what is prepaid comes off last.",
		example: `{"currency":"EUR","lines":[{"quantity":"20","unit_price":"62.30",` +
			`"tax":{"category":"S","rate":"22"}}],"allowances":[],"charges":[],"prepaid":"0",` +
			`"rounding":"0"}`,
	}, previewPricing)
}

func previewPricing(x *exchange, in *struct{ Body previewBody }) (preview, error) {
	d, err := in.Body.document("")
	if err != nil {
		return preview{}, err
	}
	var applied []quoting.Applied
	if len(in.Body.PromotionCodes) > 0 {
		err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
			applied, err = quoting.Resolve(v, x.tenant, in.Body.PromotionCodes)
			return err
		})
		if err != nil {
			return preview{}, err
		}
	}
	p, err := quoting.Price(d, applied, x.api.clock())
	if err != nil {
		return preview{}, err
	}
	return preview{showPriced(&p, true), showRules(quoting.Explain(d, p))}, nil
}
