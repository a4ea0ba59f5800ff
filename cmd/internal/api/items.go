package api

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

// ItemBody is what a tenant says of an entry of its price book.
type ItemBody struct {
	Name      string       `json:"name" minLength:"1" maxLength:"200" pattern:"\\S" example:"Hour of a plumber"`
	Kind      string       `json:"kind,omitempty" enum:"labour,material,equipment,service,fee"`
	UnitCode  string       `json:"unit_code,omitempty" maxLength:"100" doc:"A unit of UN/ECE recommendation 20." example:"HUR"`
	Currency  currencyCode `json:"currency"`
	UnitPrice decimalText  `json:"unit_price" example:"62.30"`
	UnitCost  decimalText  `json:"unit_cost,omitempty" doc:"What it costs you. Customers never see it." example:"40"`
	Tax       taxBody      `json:"tax"`
	Inactive  bool         `json:"inactive,omitempty" doc:"Whether it is no longer offered: no new line takes it."`
}

// An itemRecord as answers show it.
type itemRecord struct {
	ID string `json:"id" example:"itm_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	ItemBody
	Created moment `json:"created"`
	Updated moment `json:"updated"`
}

type itemUpdate struct {
	Item     itemRecord `json:"item"`
	Repriced []string   `json:"repriced" doc:"The drafts of quotes whose lines took the new price."`
}

// ItemPath names an entry of the price book in the path.
type ItemPath struct {
	ID string `path:"id" pattern:"^itm_[0-9a-z]{26}$" example:"itm_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The item's id."`
}

type itemInput struct {
	ItemPath
	Body ItemBody
}

func (a *API) registerItems() {
	const tag = "Customers and price book"
	example := `{"name":"Hour of a plumber","kind":"labour","unit_code":"HUR","currency":"EUR",` +
		`"unit_price":"62.30","unit_cost":"40","tax":{"category":"S","rate":"19"}}`
	mutation[struct{ Body ItemBody }, itemRecord](a, route{
		id: "create-item", path: "/v1/items", tag: tag, roles: sellers, status: 201,
		summary: "Create a price book item", description: "An entry that lines of quotes may come from.",
		example: example,
	}, func(x *exchange, in *struct{ Body ItemBody }) (change, error) {
		i, err := in.Body.item(x.tenant, compaction.NewID("itm", x.api.clock()))
		return change{decide: func(tx *compaction.Tx) (result, error) {
			i, err := quoting.CreateItem(tx, i)
			return result{body: showItem(i), location: "/v1/items/" + i.ID}, err
		}}, err
	})
	query[Paging](a, route{
		id: "list-items", path: "/v1/items", tag: tag, roles: anyKey,
		summary: "List the price book", description: "The tenant's price book, oldest first.",
	}, func(x *exchange, in *Paging) (page[itemRecord], error) {
		return list(x, *in, quoting.Items, showItem)
	})
	query[ItemPath](a, route{
		id: "get-item", path: "/v1/items/{id}", tag: tag, roles: anyKey,
		summary: "Get a price book item", description: "One entry of the price book.",
	}, func(x *exchange, in *ItemPath) (itemRecord, error) {
		i, err := find(x, in.ID, quoting.FindItem)
		return showItem(i), err
	})
	mutation[itemInput, itemUpdate](a, route{
		id: "put-item", method: "PUT", path: "/v1/items/{id}", tag: tag, roles: sellers,
		summary: "Change a price book item",
		description: "Replaces an entry of the price book. Lines of drafts that had its price, cost or " +
			"tax take the new one at once; what was issued stays as it is until it is revised.",
		example: example,
	}, func(x *exchange, in *itemInput) (change, error) {
		i, err := in.Body.item(x.tenant, in.ID)
		return change{decide: func(tx *compaction.Tx) (result, error) {
			i, repriced, err := quoting.UpdateItem(tx, i)
			return result{body: itemUpdate{showItem(i), append([]string{}, repriced...)}}, err
		}}, err
	})
}

func (b *ItemBody) item(tenant, id string) (quoting.Item, error) {
	currency, err := parseCurrency("currency", b.Currency)
	if err != nil {
		return quoting.Item{}, err
	}
	r := documentReader{currency: currency}
	kind, _ := quoting.ParseKind(b.Kind) // the description lists the kinds
	i := quoting.Item{
		Tenant: tenant, ID: id, Name: b.Name, Kind: kind, UnitCode: b.UnitCode, Currency: currency,
		UnitPrice: r.decimal("unit_price", b.UnitPrice),
		UnitCost:  r.optional("unit_cost", b.UnitCost), Tax: r.tax("", b.Tax), Active: !b.Inactive,
	}
	return i, r.err
}

func showItem(i quoting.Item) itemRecord {
	out := itemRecord{ID: i.ID, Created: moment(i.Created), Updated: moment(i.Updated)}
	out.ItemBody = ItemBody{
		Name: i.Name, Kind: i.Kind.String(), UnitCode: i.UnitCode,
		Currency: currencyCode(i.Currency.String()), UnitPrice: decimalText(i.UnitPrice.String()),
		UnitCost: optionalDecimal(i.UnitCost), Tax: showTax(i.Tax), Inactive: !i.Active,
	}
	return out
}
