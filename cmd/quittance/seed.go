package main

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/quoting"
)

// seedDemo makes the demo business, as far as it is not there, and writes dev.json.
func seedDemo(ctx context.Context, e *engine, url, sandbox string) (devFile, error) {
	d, err := openDev(ctx, e)
	if err != nil {
		return d, err
	}
	now := time.Now()
	for _, tenant := range []quoting.Tenant{
		{ID: platformTenant, Name: "The marketplace"},
		{ID: demoTenant, Name: "Nora Keller, plumbing and heating", TimeZone: "Europe/Vienna",
			PlatformFee: decimal.New(2, 0)},
	} {
		fill := func(*compaction.Tx) error { return nil }
		if tenant.ID == demoTenant {
			fill = newBusiness(now).write
		}
		err := decide(ctx, e.shards, tenant.ID, func(tx *compaction.Tx) error {
			_, err := quoting.CreateTenant(tx, tenant)
			if exists := (*quoting.ExistsError)(nil); errors.As(err, &exists) {
				return nil // all of it was made in one command
			}
			return errors.Join(err, fill(tx))
		})
		if err != nil {
			return d, err
		}
	}
	d.URL, d.Sandbox = url, sandbox
	return d, d.write(e.dir)
}

// A business is what the demo business has at first. Its ids are made before the command.
type business struct {
	customers  []quoting.Customer
	items      []quoting.Item
	promotions []quoting.Promotion
	codes      [][]string // of each promotion
	quote      string
}

func newBusiness(now time.Time) business {
	eur := money.MustParseCurrency("EUR")
	vat := quoting.Tax{Category: quoting.StandardRate, Rate: decimal.New(20, 0)}
	item := func(name string, k quoting.Kind, unit string, price, cost int64) quoting.Item {
		return quoting.Item{Tenant: demoTenant, ID: compaction.NewID("itm", now), Name: name, Kind: k,
			UnitCode: unit, Currency: eur, UnitPrice: decimal.New(price, -2), Tax: vat, Active: true,
			UnitCost: decimal.NewNullDecimal(decimal.New(cost, -2))}
	}
	customer := func(name, email string) quoting.Customer {
		return quoting.Customer{Tenant: demoTenant, ID: compaction.NewID("cus", now), Name: name,
			Email: email, Address: "Hauptplatz 1\n4020 Linz"}
	}
	promotion := func(name string, c quoting.Coupon, f quoting.Funding) quoting.Promotion {
		return quoting.Promotion{Tenant: demoTenant, ID: compaction.NewID("pro", now), Name: name,
			Coupon: c, Funding: f, Combinable: true}
	}
	return business{
		customers: []quoting.Customer{customer("Ida Brandt", "ida@example.org"),
			customer("Hotel am See", "office@hotel.example")},
		items: []quoting.Item{item("Plumber, an hour", quoting.Labour, "HUR", 6230, 3800),
			item("Copper pipe 15 mm, a metre", quoting.Material, "MTR", 890, 410),
			item("Travel", quoting.Fee, "C62", 3500, 0)},
		promotions: []quoting.Promotion{
			promotion("Spring, ten percent",
				quoting.Coupon{Percent: decimal.New(10, 0), Cap: money.New(20000, eur)},
				quoting.Tradesperson),
			promotion("Welcome, 25 from the marketplace",
				quoting.Coupon{Amount: money.New(2500, eur)}, quoting.Platform)},
		codes: [][]string{{"SPRING10", "FLYER"}, {"WELCOME25"}},
		quote: compaction.NewID("quo", now),
	}
}

// write writes all of it in one command, and issues a quote.
func (b business) write(tx *compaction.Tx) error {
	for _, c := range b.customers {
		if _, err := quoting.CreateCustomer(tx, c); err != nil {
			return err
		}
	}
	for _, i := range b.items {
		if _, err := quoting.CreateItem(tx, i); err != nil {
			return err
		}
	}
	for i, p := range b.promotions {
		if _, err := quoting.CreatePromotion(tx, p); err != nil {
			return err
		}
		for _, code := range b.codes[i] {
			if _, err := quoting.AddCode(tx, demoTenant, p.ID, code); err != nil {
				return err
			}
		}
	}
	document := quoting.Document{Currency: b.items[0].Currency}
	for i, quantity := range []int64{6, 14, 1} {
		from := b.items[i]
		document.Lines = append(document.Lines, quoting.Line{Description: from.Name, Kind: from.Kind,
			Item: from.ID, Quantity: decimal.New(quantity, 0), UnitCode: from.UnitCode,
			UnitPrice: from.UnitPrice, UnitCost: from.UnitCost, Tax: from.Tax})
	}
	_, err := quoting.CreateQuote(tx, demoTenant, b.quote, b.customers[0].ID,
		quoting.Draft{Document: document, Terms: "Payable within 14 days."})
	if err != nil {
		return err
	}
	_, err = quoting.IssueQuote(tx, demoTenant, b.quote)
	return err
}
