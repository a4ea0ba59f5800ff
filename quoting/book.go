package quoting

import (
	"errors"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
)

// FromBook says what of a line is its price book item's, and was not written by hand. That follows
// the item: at once in a draft, and with the next version in a quote that was issued.
type FromBook struct {
	Known bool // whether it was noted: it is for each line of an item that a draft has had since
	Price bool
	Cost  bool
	Tax   bool
}

// gives returns what of a line in a currency is the item's as the item stands.
func (i *Item) gives(l Line, c money.Currency) FromBook {
	if i.Currency != c {
		return FromBook{Known: true}
	}
	return FromBook{Known: true, Price: l.UnitPrice.Equal(i.UnitPrice),
		Cost: sameOptional(l.UnitCost, i.UnitCost), Tax: l.Tax.same(i.Tax)}
}

// follow returns a line in a currency with what is the item's as the item says it now, and whether
// that is another.
func (i *Item) follow(l Line, c money.Currency) (Line, bool) {
	if i.Currency != c {
		return l, false
	}
	now := l
	if l.Book.Price {
		now.UnitPrice = i.UnitPrice
	}
	if l.Book.Cost {
		now.UnitCost = i.UnitCost
	}
	if l.Book.Tax {
		now.Tax = i.Tax
	}
	return now, !now.UnitPrice.Equal(l.UnitPrice) || !now.Tax.same(l.Tax) ||
		!sameOptional(now.UnitCost, l.UnitCost)
}

// reprice returns a line as a change of the item leaves it, and whether it is another. Where it was
// not noted what of the line is the item's, that is what agrees with the item as it was.
func (i *Item) reprice(l Line, old Item, c money.Currency) (Line, bool) {
	if l.Item != i.ID {
		return l, false
	}
	if !l.Book.Known {
		l.Book = old.gives(l, c)
	}
	return i.follow(l, c)
}

func sameOptional(a, b decimal.NullDecimal) bool {
	return a.Valid == b.Valid && a.Decimal.Equal(b.Decimal)
}

// same reports whether two taxes are the same, however their rates are written.
func (t Tax) same(u Tax) bool { return t.Category == u.Category && t.Rate.Equal(u.Rate) }

// taken returns the lines of a draft, with a note on each of what of it is the price book's. It
// fails with a *FieldError for an item that there is not, and for one that is no longer offered
// unless the draft before had it.
func taken(tx *compaction.Tx, tenant string, d, before Document) ([]Line, error) {
	lines := slices.Clone(d.Lines)
	for n := range lines {
		l := &lines[n]
		l.Book = FromBook{}
		if l.Item == "" {
			continue
		}
		item, err := FindItem(tx, tenant, l.Item)
		var missing *NotFoundError
		if errors.As(err, &missing) {
			err = &FieldError{field("lines", n, "item"), "item", "there is no such price book item"}
		}
		if err != nil {
			return nil, err
		}
		had := func(b Line) bool { return b.Item == l.Item }
		if !item.Active && !slices.ContainsFunc(before.Lines, had) {
			return nil, &FieldError{field("lines", n, "item"), "inactive",
				"the price book item is no longer offered"}
		}
		l.Book = item.gives(*l, d.Currency)
	}
	return lines, nil
}

// follow returns a content in which what is the price book's is as that says it now, priced again.
// It fails with a *FieldError where that has no price.
func (c Content) follow(tx *compaction.Tx, tenant string) (Content, error) {
	d := &c.Document
	d.Lines = slices.Clone(d.Lines)
	for n, l := range d.Lines {
		if l.Item == "" {
			continue
		}
		item, ok, err := Items.Get(tx, compaction.Key(tenant, l.Item))
		if err != nil {
			return c, err
		}
		if !ok {
			continue // nothing says otherwise
		}
		if !l.Book.Known {
			l.Book = item.gives(l, d.Currency)
		}
		d.Lines[n], _ = item.follow(l, d.Currency)
	}
	var err error
	c.Priced, err = Price(*d, nil, tx.Now())
	return c, err
}
