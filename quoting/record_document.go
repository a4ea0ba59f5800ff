package quoting

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

func encodeTax(t Tax) *quotingv1.TaxRecord {
	return &quotingv1.TaxRecord{Category: string(t.Category), Rate: encodeDecimal(t.Rate)}
}

func (d *decoder) tax(m *quotingv1.TaxRecord) Tax {
	return Tax{TaxCategory(m.GetCategory()), d.decimal(m.GetRate())}
}

func encodeDocument(d Document) *quotingv1.DocumentRecord {
	m := &quotingv1.DocumentRecord{
		Currency: d.Currency.String(), PrepaidMinor: d.Prepaid.Minor(),
		RoundingMinor: d.Rounding.Minor(), PricesInclusive: d.PricesInclusive,
		Allowances: encodeAdjustments(d.Allowances), Charges: encodeAdjustments(d.Charges),
	}
	for _, l := range d.Lines {
		m.Lines = append(m.Lines, &quotingv1.LineRecord{
			Description: l.Description, Kind: quotingv1.LineKind(l.Kind), Item: l.Item,
			Quantity: encodeDecimal(l.Quantity), UnitCode: l.UnitCode,
			UnitPrice: encodeDecimal(l.UnitPrice), BaseQuantity: encodeOptional(l.BaseQuantity),
			AllowancesMinor: encodeAmounts(l.Allowances), ChargesMinor: encodeAmounts(l.Charges),
			Tax: encodeTax(l.Tax), UnitCost: encodeOptional(l.UnitCost), Book: encodeBook(l.Book),
		})
	}
	return m
}

func (d *decoder) document(m *quotingv1.DocumentRecord) Document {
	c := d.currency(m.GetCurrency())
	doc := Document{
		Currency: c, Prepaid: money.New(m.GetPrepaidMinor(), c),
		Rounding: money.New(m.GetRoundingMinor(), c), PricesInclusive: m.GetPricesInclusive(),
		Allowances: d.adjustments(m.GetAllowances(), c), Charges: d.adjustments(m.GetCharges(), c),
	}
	for _, l := range m.GetLines() {
		doc.Lines = append(doc.Lines, Line{
			Description: l.Description, Item: l.Item,
			Kind:     compaction.Enum[Kind](l.Kind, &d.err),
			Quantity: d.decimal(l.Quantity), UnitCode: l.UnitCode, UnitPrice: d.decimal(l.UnitPrice),
			BaseQuantity: d.optional(l.BaseQuantity), Allowances: decodeAmounts(l.AllowancesMinor, c),
			Charges: decodeAmounts(l.ChargesMinor, c), Tax: d.tax(l.Tax),
			UnitCost: d.optional(l.UnitCost), Book: decodeBook(l.Book),
		})
	}
	return doc
}

func encodeBook(b FromBook) *quotingv1.LineBookRecord {
	if !b.Known {
		return nil
	}
	return &quotingv1.LineBookRecord{Price: b.Price, Cost: b.Cost, Tax: b.Tax}
}

func decodeBook(m *quotingv1.LineBookRecord) FromBook {
	if m == nil {
		return FromBook{}
	}
	return FromBook{true, m.Price, m.Cost, m.Tax}
}

func encodeAmounts(all []money.Amount) (minor []int64) {
	for _, a := range all {
		minor = append(minor, a.Minor())
	}
	return minor
}

func decodeAmounts(minor []int64, c money.Currency) (all []money.Amount) {
	for _, n := range minor {
		all = append(all, money.New(n, c))
	}
	return all
}

func encodeAdjustments(all []Adjustment) (m []*quotingv1.AdjustmentRecord) {
	for _, a := range all {
		m = append(m, &quotingv1.AdjustmentRecord{
			AmountMinor: a.Amount.Minor(), Tax: encodeTax(a.Tax), Reason: a.Reason})
	}
	return m
}

func (d *decoder) adjustments(
	m []*quotingv1.AdjustmentRecord, c money.Currency,
) (all []Adjustment) {
	for _, a := range m {
		all = append(all, Adjustment{money.New(a.AmountMinor, c), d.tax(a.Tax), a.Reason})
	}
	return all
}

func encodePriced(p Priced) *quotingv1.PricedRecord {
	m := &quotingv1.PricedRecord{
		Currency: p.Currency.String(), LineTotalMinor: p.LineTotal.Minor(),
		AllowanceTotalMinor: p.AllowanceTotal.Minor(), ChargeTotalMinor: p.ChargeTotal.Minor(),
		TaxExclusiveMinor: p.TaxExclusive.Minor(), TaxMinor: p.Tax.Minor(),
		PromotionTotalMinor: p.PromotionTotal.Minor(), PrepaidMinor: p.Prepaid.Minor(),
		RoundingMinor: p.Rounding.Minor(), PayableMinor: p.Payable.Minor(),
		Margin: encodeMargin(p.Margin),
	}
	for _, l := range p.Lines {
		m.Lines = append(m.Lines, &quotingv1.PricedLineRecord{NetMinor: l.Net.Minor(),
			PromotionMinor: l.Promotion.Minor(), Margin: encodeMargin(l.Margin)})
	}
	for _, t := range p.Taxes {
		m.Taxes = append(m.Taxes, &quotingv1.TaxTotalRecord{Tax: encodeTax(t.Tax),
			TaxableMinor: t.Taxable.Minor(), AmountMinor: t.Amount.Minor()})
	}
	for _, x := range p.Promotions {
		r := &quotingv1.PricedPromotionRecord{
			Promotion: x.Promotion, Code: x.Code, Name: x.Name,
			Funding: quotingv1.PromotionFunding(x.Funding), Scope: x.Scope,
			Percent: encodeDecimal(x.Percent), BasisMinor: x.Basis.Minor(), Limited: x.Limited,
			AmountMinor: x.Amount.Minor(),
		}
		for _, s := range x.Shares {
			r.Shares = append(r.Shares, &quotingv1.TaxShareRecord{
				Tax: encodeTax(s.Tax), AmountMinor: s.Amount.Minor()})
		}
		m.Promotions = append(m.Promotions, r)
	}
	return m
}

func (d *decoder) priced(m *quotingv1.PricedRecord) Priced {
	c := d.currency(m.GetCurrency())
	amount := func(minor int64) money.Amount { return money.New(minor, c) }
	p := Priced{
		Currency: c, LineTotal: amount(m.GetLineTotalMinor()),
		AllowanceTotal: amount(m.GetAllowanceTotalMinor()), ChargeTotal: amount(m.GetChargeTotalMinor()),
		TaxExclusive: amount(m.GetTaxExclusiveMinor()), Tax: amount(m.GetTaxMinor()),
		TaxInclusive:   amount(m.GetTaxExclusiveMinor() + m.GetTaxMinor()),
		PromotionTotal: amount(m.GetPromotionTotalMinor()), Prepaid: amount(m.GetPrepaidMinor()),
		Rounding: amount(m.GetRoundingMinor()), Payable: amount(m.GetPayableMinor()),
		Margin: d.margin(m.GetMargin(), c),
	}
	for _, l := range m.GetLines() {
		p.Lines = append(p.Lines,
			PricedLine{amount(l.NetMinor), amount(l.PromotionMinor), d.margin(l.Margin, c)})
	}
	for _, t := range m.GetTaxes() {
		p.Taxes = append(p.Taxes, TaxTotal{d.tax(t.Tax), amount(t.TaxableMinor), amount(t.AmountMinor)})
	}
	for _, x := range m.GetPromotions() {
		r := PricedPromotion{
			Promotion: x.Promotion, Code: x.Code, Name: x.Name, Scope: x.Scope,
			Funding: compaction.Enum[Funding](x.Funding, &d.err),
			Percent: d.decimal(x.Percent), Basis: amount(x.BasisMinor),
			Limited: x.Limited, Amount: amount(x.AmountMinor),
		}
		for _, s := range x.Shares {
			r.Shares = append(r.Shares, TaxShare{d.tax(s.Tax), amount(s.AmountMinor)})
		}
		p.Promotions = append(p.Promotions, r)
	}
	return p
}

func encodeMargin(m Margin) *quotingv1.MarginRecord {
	if !m.Known {
		return nil
	}
	return &quotingv1.MarginRecord{CostMinor: m.Cost.Minor(), AmountMinor: m.Amount.Minor(),
		Percent: encodeDecimal(m.Percent)}
}

func (d *decoder) margin(m *quotingv1.MarginRecord, c money.Currency) Margin {
	if m == nil {
		return Margin{}
	}
	return Margin{true, money.New(m.CostMinor, c), money.New(m.AmountMinor, c), d.decimal(m.Percent)}
}
