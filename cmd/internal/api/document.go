package api

import (
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting"
)

type taxBody struct {
	Category string      `json:"category" enum:"S,Z,E,AE,K,G,O,L,M,B" doc:"A tax category of EN 16931 (UNTDID 5305)."`
	Rate     decimalText `json:"rate" doc:"In percent, from 0 to 100, with at most six digits after the point." example:"25"`
}

// Line is a line of a document.
type lineBody struct {
	Description  string       `json:"description,omitempty" maxLength:"2000" example:"Fit a tap"`
	Kind         string       `json:"kind,omitempty" enum:"labour,material,equipment,service,fee" doc:"What the line is for."`
	Item         string       `json:"item,omitempty" maxLength:"100" doc:"The price book item that it comes from."`
	Quantity     decimalText  `json:"quantity" doc:"Below zero for what is taken back." example:"2"`
	UnitCode     string       `json:"unit_code,omitempty" maxLength:"100" doc:"A unit of UN/ECE recommendation 20." example:"HUR"`
	UnitPrice    decimalText  `json:"unit_price" doc:"The price of the base quantity." example:"62.30"`
	BaseQuantity decimalText  `json:"base_quantity,omitempty" doc:"How much the unit price is for; 1 unless given." example:"1"`
	Allowances   []amountText `json:"allowances,omitempty" maxItems:"20" doc:"Amounts taken off the line."`
	Charges      []amountText `json:"charges,omitempty" maxItems:"20" doc:"Amounts added to the line."`
	Tax          taxBody      `json:"tax"`
	UnitCost     decimalText  `json:"unit_cost,omitempty" doc:"What the base quantity costs you. Customers never see it." example:"40"`
}

type adjustmentBody struct {
	Amount amountText `json:"amount"`
	Tax    taxBody    `json:"tax"`
	Reason string     `json:"reason,omitempty" maxLength:"200" example:"Travel"`
}

// DocumentBody is what is priced.
type DocumentBody struct {
	Currency        currencyCode     `json:"currency"`
	Lines           []lineBody       `json:"lines" minItems:"1" maxItems:"1000"`
	Allowances      []adjustmentBody `json:"allowances,omitempty" maxItems:"100" doc:"Amounts taken off the document, each in its own tax."`
	Charges         []adjustmentBody `json:"charges,omitempty" maxItems:"100" doc:"Amounts added to the document, each in its own tax."`
	Prepaid         amountText       `json:"prepaid,omitempty" doc:"What has been paid already."`
	Rounding        amountText       `json:"rounding,omitempty" doc:"Added to what is to be paid."`
	PricesInclusive bool             `json:"prices_inclusive,omitempty" doc:"Whether prices, allowances and charges contain their tax."`
}

// document reads the body as quoting's. Paths of fields begin with prefix.
func (b *DocumentBody) document(prefix string) (quoting.Document, error) {
	currency, err := parseCurrency(prefix+"currency", b.Currency)
	if err != nil {
		return quoting.Document{}, err
	}
	r := documentReader{currency: currency}
	d := quoting.Document{Currency: currency, PricesInclusive: b.PricesInclusive}
	d.Prepaid = r.amount(prefix+"prepaid", b.Prepaid)
	d.Rounding = r.amount(prefix+"rounding", b.Rounding)
	d.Lines = make([]quoting.Line, len(b.Lines))
	for i := range b.Lines {
		d.Lines[i] = r.line(prefix+"lines."+strconv.Itoa(i)+".", &b.Lines[i])
	}
	d.Allowances = r.adjustments(prefix+"allowances.", b.Allowances)
	d.Charges = r.adjustments(prefix+"charges.", b.Charges)
	return d, r.err
}

// A documentReader reads the parts of a document and keeps the first refusal.
type documentReader struct {
	currency money.Currency
	err      error
}

func (r *documentReader) amount(field string, text amountText) money.Amount {
	a, err := parseAmount("", text, r.currency)
	if err != nil && r.err == nil {
		_, r.err = parseAmount(field, text, r.currency)
	}
	return a
}

func (r *documentReader) decimal(field string, text decimalText) decimal.Decimal {
	d, err := quoting.ParseDecimal(field, string(text))
	if err != nil && r.err == nil {
		r.err = err
	}
	return d
}

func (r *documentReader) optional(field string, text decimalText) decimal.NullDecimal {
	if text == "" {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(r.decimal(field, text))
}

func (r *documentReader) tax(prefix string, t taxBody) quoting.Tax {
	return quoting.Tax{Category: quoting.TaxCategory(t.Category),
		Rate: r.decimal(prefix+"tax.rate", t.Rate)}
}

func (r *documentReader) line(prefix string, b *lineBody) quoting.Line {
	kind, _ := quoting.ParseKind(b.Kind) // the description lists the kinds
	l := quoting.Line{
		Description: b.Description, Kind: kind, Item: b.Item, UnitCode: b.UnitCode,
		Quantity:     r.decimal(prefix+"quantity", b.Quantity),
		UnitPrice:    r.decimal(prefix+"unit_price", b.UnitPrice),
		BaseQuantity: r.optional(prefix+"base_quantity", b.BaseQuantity),
		UnitCost:     r.optional(prefix+"unit_cost", b.UnitCost),
		Tax:          r.tax(prefix, b.Tax),
	}
	for i, text := range b.Allowances {
		l.Allowances = append(l.Allowances, r.amount(prefix+"allowances."+strconv.Itoa(i), text))
	}
	for i, text := range b.Charges {
		l.Charges = append(l.Charges, r.amount(prefix+"charges."+strconv.Itoa(i), text))
	}
	return l
}

func (r *documentReader) adjustments(prefix string, list []adjustmentBody) []quoting.Adjustment {
	if len(list) == 0 {
		return nil
	}
	out := make([]quoting.Adjustment, len(list))
	for i, b := range list {
		p := prefix + strconv.Itoa(i) + "."
		out[i] = quoting.Adjustment{Amount: r.amount(p+"amount", b.Amount), Tax: r.tax(p, b.Tax),
			Reason: b.Reason}
	}
	return out
}

// Priced are a document's figures.
type Priced struct {
	Currency       currencyCode      `json:"currency"`
	Lines          []amountText      `json:"lines" doc:"The net amount of each line."`
	LineTotal      amountText        `json:"line_total"`
	AllowanceTotal amountText        `json:"allowance_total" doc:"Document allowances, and promotions that the tradesperson funds."`
	ChargeTotal    amountText        `json:"charge_total"`
	TaxExclusive   amountText        `json:"tax_exclusive" doc:"line_total − allowance_total + charge_total, without tax."`
	Tax            amountText        `json:"tax"`
	TaxInclusive   amountText        `json:"tax_inclusive" doc:"tax_exclusive + tax."`
	Prepaid        amountText        `json:"prepaid"`
	PromotionTotal amountText        `json:"promotion_total" doc:"What the platform pays for promotions, after tax."`
	Rounding       amountText        `json:"rounding"`
	Payable        amountText        `json:"payable" doc:"tax_inclusive − prepaid − promotion_total + rounding."`
	Taxes          []taxTotal        `json:"taxes" doc:"The tax of each category and rate."`
	Promotions     []pricedPromotion `json:"promotions" doc:"What each promotion takes off."`
	LineDetails    []lineDetail      `json:"line_details,omitempty" doc:"What the promotions take off each line and what it leaves. Customers never see it."`
	Margin         *margin           `json:"margin,omitempty" doc:"What is left after cost, where every line has a cost. Customers never see it."`
}

type lineDetail struct {
	Net       amountText `json:"net" doc:"Before promotions."`
	Promotion amountText `json:"promotion" doc:"Its part of the promotions that the tradesperson funds."`
	Margin    *margin    `json:"margin,omitempty" doc:"What is left after its cost, where it has one."`
}

type taxTotal struct {
	Category string      `json:"category" enum:"S,Z,E,AE,K,G,O,L,M,B"`
	Rate     decimalText `json:"rate"`
	Taxable  amountText  `json:"taxable"`
	Amount   amountText  `json:"amount"`
}

type pricedPromotion struct {
	Promotion string      `json:"promotion" doc:"The promotion's id."`
	Code      string      `json:"code,omitempty"`
	Name      string      `json:"name"`
	Funding   string      `json:"funding" enum:"tradesperson,platform"`
	Scope     string      `json:"scope" enum:"lines,document"`
	Percent   decimalText `json:"percent,omitempty" doc:"Of the basis, where it is a percentage."`
	Basis     amountText  `json:"basis" doc:"What was left in its scope when it was applied."`
	Limited   string      `json:"limited,omitempty" enum:"cap,remaining" doc:"Why it took off less than it is worth."`
	Amount    amountText  `json:"amount" doc:"What it takes off."`
}

type margin struct {
	Cost    amountText  `json:"cost"`
	Amount  amountText  `json:"amount"`
	Percent decimalText `json:"percent" doc:"Of what is charged without tax."`
}

// showPriced returns figures as answers show them; internal says whether costs may be seen.
func showPriced(p *quoting.Priced, internal bool) Priced {
	text := func(a money.Amount) amountText { return amountText(a.String()) }
	out := Priced{
		Currency: currencyCode(p.Currency.String()), Lines: make([]amountText, len(p.Lines)),
		LineTotal: text(p.LineTotal), AllowanceTotal: text(p.AllowanceTotal),
		ChargeTotal: text(p.ChargeTotal), TaxExclusive: text(p.TaxExclusive), Tax: text(p.Tax),
		TaxInclusive: text(p.TaxInclusive), Prepaid: text(p.Prepaid),
		PromotionTotal: text(p.PromotionTotal), Rounding: text(p.Rounding), Payable: text(p.Payable),
		Taxes: make([]taxTotal, len(p.Taxes)), Promotions: make([]pricedPromotion, len(p.Promotions)),
	}
	for i := range p.Lines {
		out.Lines[i] = text(p.Lines[i].Net)
	}
	for i, t := range p.Taxes {
		out.Taxes[i] = taxTotal{string(t.Category), decimalText(t.Rate.String()), text(t.Taxable),
			text(t.Amount)}
	}
	for i, q := range p.Promotions {
		out.Promotions[i] = pricedPromotion{Promotion: q.Promotion, Code: q.Code, Name: q.Name,
			Funding: q.Funding.String(), Scope: q.Scope, Basis: text(q.Basis), Limited: q.Limited,
			Amount: text(q.Amount)}
		if q.Percent.Sign() > 0 {
			out.Promotions[i].Percent = decimalText(q.Percent.String())
		}
	}
	if internal {
		out.Margin, out.LineDetails = showMargin(p.Margin), showLineDetails(p.Lines)
	}
	return out
}

// showMargin returns a margin as answers show it, nil where the cost is not known.
func showMargin(m quoting.Margin) *margin {
	if !m.Known {
		return nil
	}
	return &margin{amountText(m.Cost.String()), amountText(m.Amount.String()),
		decimalText(m.Percent.String())}
}

func showLineDetails(lines []quoting.PricedLine) []lineDetail {
	out := make([]lineDetail, len(lines))
	for i, l := range lines {
		out[i] = lineDetail{amountText(l.Net.String()), amountText(l.Promotion.String()),
			showMargin(l.Margin)}
	}
	return out
}

// showDocument returns a document as it was written; internal says whether costs may be seen.
func showDocument(d *quoting.Document, internal bool) DocumentBody {
	out := DocumentBody{
		Currency: currencyCode(d.Currency.String()), Lines: make([]lineBody, len(d.Lines)),
		Prepaid: optionalAmount(d.Prepaid), Rounding: optionalAmount(d.Rounding),
		Allowances: showAdjustments(d.Allowances), Charges: showAdjustments(d.Charges),
		PricesInclusive: d.PricesInclusive,
	}
	for i := range d.Lines {
		l := &d.Lines[i]
		b := lineBody{
			Description: l.Description, Kind: l.Kind.String(), Item: l.Item, UnitCode: l.UnitCode,
			Quantity: decimalText(l.Quantity.String()), UnitPrice: decimalText(l.UnitPrice.String()),
			BaseQuantity: optionalDecimal(l.BaseQuantity), Tax: showTax(l.Tax),
		}
		for _, a := range l.Allowances {
			b.Allowances = append(b.Allowances, amountText(a.String()))
		}
		for _, a := range l.Charges {
			b.Charges = append(b.Charges, amountText(a.String()))
		}
		if internal {
			b.UnitCost = optionalDecimal(l.UnitCost)
		}
		out.Lines[i] = b
	}
	return out
}

func showAdjustments(list []quoting.Adjustment) []adjustmentBody {
	var out []adjustmentBody
	for _, a := range list {
		out = append(out, adjustmentBody{amountText(a.Amount.String()), showTax(a.Tax), a.Reason})
	}
	return out
}

func showTax(t quoting.Tax) taxBody {
	return taxBody{string(t.Category), decimalText(t.Rate.String())}
}

// optionalDecimal is empty for no decimal.
func optionalDecimal(d decimal.NullDecimal) decimalText {
	if !d.Valid {
		return ""
	}
	return decimalText(d.Decimal.String())
}

// optionalAmount is empty for nothing.
func optionalAmount(a money.Amount) amountText {
	if a.IsZero() {
		return ""
	}
	return amountText(a.String())
}
