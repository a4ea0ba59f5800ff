package quoting

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// An Item is an entry of a tenant's price book.
type Item struct {
	Tenant    string
	ID        string // "itm_…"
	Name      string
	Kind      Kind
	UnitCode  string
	Currency  money.Currency
	UnitPrice decimal.Decimal
	UnitCost  decimal.NullDecimal // internal
	Tax       Tax
	Active    bool
	Created   time.Time
	Updated   time.Time
}

// Items holds the price book under Key(tenant, item).
var Items = compaction.NewTable(compaction.TableSpec[Item]{
	Message: (*quotingv1.ItemRecord)(nil),
	Encode:  encodeItem,
	Decode:  decodeItem,
})

func (i *Item) check() error {
	switch {
	case i.ID == "" || !isText(i.ID, maxID, false):
		return badText("id", maxID)
	case !isName(i.Name):
		return badName("name")
	case i.Kind >= kindEnd:
		return &FieldError{"kind", "kind", "must be labour, material, equipment, service or fee"}
	case !isText(i.UnitCode, maxID, false):
		return badText("unit_code", maxID)
	case i.Currency.IsZero():
		return &FieldError{"currency", "required", "must be a currency of ISO 4217"}
	case !bounded(i.UnitPrice):
		return tooLong("unit_price")
	case i.UnitCost.Valid && !bounded(i.UnitCost.Decimal):
		return tooLong("unit_cost")
	}
	_, err := i.Tax.millionths("tax")
	return err
}

// CreateItem stores a new entry of the price book. It fails with an *ExistsError or a *FieldError.
func CreateItem(tx *compaction.Tx, i Item) (Item, error) {
	if err := i.check(); err != nil {
		return i, err
	}
	key := compaction.Key(i.Tenant, i.ID)
	if _, ok, err := Items.Get(tx, key); err != nil {
		return i, err
	} else if ok {
		return i, &ExistsError{"price book item"}
	}
	i.Created, i.Updated = tx.Now(), tx.Now()
	Items.Put(tx, key, i)
	return i, nil
}

// UpdateItem replaces an entry of the price book, and returns the ids of the drafts it repriced:
// what of their lines is the item's price, cost or tax is the new one at once. Quotes that were
// issued stay as they are until they are revised. It fails with a *NotFoundError or a *FieldError.
func UpdateItem(tx *compaction.Tx, i Item) (Item, []string, error) {
	if err := i.check(); err != nil {
		return i, nil, err
	}
	old, err := FindItem(tx, i.Tenant, i.ID)
	if err != nil {
		return i, nil, err
	}
	i.Created, i.Updated = old.Created, tx.Now()
	Items.Put(tx, compaction.Key(i.Tenant, i.ID), i)
	repriced, err := repriceDrafts(tx, old, i)
	return i, repriced, err
}

// FindItem returns an entry of the price book. It fails with a *NotFoundError.
func FindItem(s compaction.State, tenant, id string) (Item, error) {
	return find(s, Items, compaction.Key(tenant, id), "price book item")
}
