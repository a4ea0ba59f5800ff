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
	codes := in.Body.PromotionCodes
	if len(codes) == 0 {
		p, err := quoting.Price(d, nil, x.api.clock())
		return showPreview(d, p), err
	}
	var p quoting.Priced
	err = x.api.shards.Read(x.tenant, func(v *compaction.View) error {
		applied, err := quoting.Resolve(v, x.tenant, codes)
		if err == nil {
			p, err = quoting.Price(d, applied, x.api.clock())
		}
		return locateCode(v, x.tenant, codes, err)
	})
	return showPreview(d, p), err
}

func showPreview(d quoting.Document, p quoting.Priced) preview {
	return preview{showPriced(&p, true), showRules(quoting.Explain(d, p))}
}
