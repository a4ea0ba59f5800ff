package main

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting"
)

// benchPricing measures the pricing of a quote of 20 lines with two promotions.
func benchPricing(
	ctx context.Context, _ *program, c benchCommand, _ string,
) ([]figure, error) {
	document, promotions, err := sampleDocument(20)
	if err != nil {
		return nil, err
	}
	at := time.Now()
	f, err := measure(ctx, "price a quote of 20 lines", 1, 1, c.Duration/5,
		func(context.Context, int, int) error {
			_, err := quoting.Price(document, promotions, at)
			return err
		})
	f.note = "two promotions, one goroutine"
	return []figure{f}, err
}

// sampleDocument returns a document with so many lines, and two promotions that apply to it.
func sampleDocument(lines int) (quoting.Document, []quoting.Applied, error) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		return quoting.Document{}, nil, err
	}
	d := quoting.Document{Currency: eur}
	for i := range lines {
		d.Lines = append(d.Lines, quoting.Line{
			Description: fmt.Sprintf("Position %d", i+1), Kind: quoting.Kind(1 + i%4),
			Quantity: decimal.New(int64(15+i), -1), UnitPrice: decimal.New(int64(4999+i*37), -2),
			Tax: quoting.Tax{Category: "S", Rate: decimal.New(int64(20-15*(i%2)), 0)},
		})
	}
	promotions := []quoting.Applied{
		{Code: "SPRING", Promotion: quoting.Promotion{ID: "pro_1", Name: "Spring",
			Funding: quoting.Tradesperson,
			Coupon:  quoting.Coupon{Percent: decimal.New(10, 0)}, Active: true, Combinable: true,
			Scope: quoting.Scope{Kinds: []quoting.Kind{quoting.Labour}}}},
		{Code: "TEN", Promotion: quoting.Promotion{ID: "pro_2", Name: "Ten off",
			Funding: quoting.Tradesperson,
			Coupon:  quoting.Coupon{Amount: money.New(1000, eur)}, Active: true, Combinable: true}},
	}
	return d, promotions, nil
}
