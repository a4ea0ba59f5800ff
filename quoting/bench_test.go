package quoting

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
)

var eur = money.MustParseCurrency("EUR")

// twentyLines is a tradesperson's document of the larger kind: kinds, costs, two taxes, allowances.
func twentyLines() Document {
	d := Document{Currency: eur}
	for i := range 20 {
		l := Line{
			Description: "Copper pipe, laid and tested",
			Kind:        Kind(i%4 + 1),
			Quantity: decimal.New(
				int64(25+i),
				-1,
			),
			UnitPrice: decimal.New(int64(4999+37*i), -2),
			UnitCode:  "MTR",
			Tax:       Tax{StandardRate, decimal.New(int64(20-15*(i%2)), 0)},
			UnitCost:  decimal.NewNullDecimal(decimal.New(3100, -2)),
		}
		if i%5 == 0 {
			l.Allowances = []money.Amount{money.New(100, eur)}
		}
		d.Lines = append(d.Lines, l)
	}
	d.Charges = []Adjustment{
		{Amount: money.New(2500, eur), Tax: Tax{StandardRate, decimal.New(20, 0)}},
	}
	return d
}

// threePromotions is one of lines, one of the document and one that the platform pays.
func threePromotions() []Applied {
	p := func(id string, percent int64, f Funding, kinds ...Kind) Applied {
		return Applied{
			Promotion: Promotion{
				ID:         id,
				Name:       id,
				Funding:    f,
				Active:     true,
				Combinable: true,
				Coupon: Coupon{
					Percent: decimal.New(percent, 0),
				},
				Scope: Scope{Kinds: kinds},
			},
			Code: id,
		}
	}
	return []Applied{
		p("pro_a", 10, Tradesperson, Labour),
		p("pro_b", 5, Tradesperson),
		p("pro_c", 3, Platform),
	}
}

// BenchmarkPrice20 is the aim of the design: 20 lines with promotions in less than 50 µs.
func BenchmarkPrice20(b *testing.B) {
	d, promotions, at := twentyLines(), threePromotions(), time.Unix(1e9, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Price(d, promotions, at); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPriceWorst is the most that a document may hold: it bounds how long one command can keep
// a shard from the others.
func BenchmarkPriceWorst(b *testing.B) {
	d := Document{Currency: eur}
	for i := range MaxLines {
		d.Lines = append(d.Lines, Line{
			Quantity: decimal.New(7, -29), UnitPrice: decimal.RequireFromString(
				"123456789012345678901234567.89"),
			Tax: Tax{StandardRate, decimal.New(int64(i%MaxTaxes), -2)},
		})
	}
	var promotions []Applied
	for i := range MaxPromotions {
		promotions = append(promotions, promotion(string(rune('a'+i)), func(p *Promotion) {
			p.Coupon.Percent = decimal.New(1, 0)
		}))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Price(d, promotions, time.Unix(1e9, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
