package quoting

import (
	"unicode/utf8"

	"github.com/quittance/quittance/compaction"
)

// MaxVersions is how many versions a quote may have.
const MaxVersions = 100

// MaxTerms is how many characters the terms of a quote may have.
const MaxTerms = 20_000

// A Draft is what a tradesperson writes.
type Draft struct {
	Document   Document
	Terms      string
	ValidUntil Date // empty: the tenant's validity from the day of issue
}

// content checks a draft and prices it; before is what it replaces. It fails with a *FieldError.
func (d Draft) content(tx *compaction.Tx, tenant string, before Document) (Content, error) {
	if !isText(d.Terms, MaxTerms*utf8.UTFMax, true) || utf8.RuneCountInString(d.Terms) > MaxTerms {
		return Content{}, &FieldError{"terms", "text",
			"must be text without control characters, at most 20000 characters"}
	}
	if d.ValidUntil != "" {
		if _, err := ParseDate("valid_until", string(d.ValidUntil)); err != nil {
			return Content{}, err
		}
	}
	priced, err := Price(d.Document, nil, tx.Now())
	if err != nil {
		return Content{}, err
	}
	d.Document.Lines, err = taken(tx, tenant, d.Document, before)
	return Content{d.Document, priced, d.Terms, d.ValidUntil}, err
}

// CreateQuote stores a new quote for a customer, with the draft as its first version. It fails with
// an *ExistsError, a *NotFoundError for the customer, or a *FieldError.
func CreateQuote(tx *compaction.Tx, tenant, id, customer string, d Draft) (Quote, error) {
	if id == "" || !isText(id, maxID, false) {
		return Quote{}, badText("id", maxID)
	}
	key := compaction.Key(tenant, id)
	if _, ok, err := Quotes.Get(tx, key); err != nil {
		return Quote{}, err
	} else if ok {
		return Quote{}, &ExistsError{"quote"}
	}
	if _, err := FindCustomer(tx, tenant, customer); err != nil {
		return Quote{}, err
	}
	content, err := d.content(tx, tenant, Document{})
	if err != nil {
		return Quote{}, err
	}
	q := Quote{Tenant: tenant, ID: id, Customer: customer, Created: tx.Now(), Updated: tx.Now(),
		Versions: []Version{{State: QuoteDraft, Content: content, Created: tx.Now()}}}
	Quotes.Put(tx, key, q)
	return q, nil
}

// EditQuote replaces the draft of a quote. It fails with a *NotFoundError, a *FieldError, or a
// *MoveError for a quote that is no draft: what was issued is revised.
func EditQuote(tx *compaction.Tx, tenant, id string, d Draft) (Quote, error) {
	q, err := FindQuote(tx, tenant, id)
	if err != nil {
		return q, err
	}
	if q.State() != QuoteDraft {
		return q, &MoveError{"quote", q.State().String(), "edit"}
	}
	content, err := d.content(tx, tenant, q.Last().Content.Document)
	if err != nil {
		return q, err
	}
	q = q.change(tx.Now(), func(v *Version) { v.Content = content })
	Quotes.Put(tx, compaction.Key(tenant, id), q)
	return q, nil
}

// ReviseQuote adds a version to a quote that was issued: a draft that begins with the same content,
// but for what is the price book's, which is as that says it now. The version before it is
// superseded. It fails with a *NotFoundError, a *MoveError, or a *FieldError for one version too
// many and for a content that has no price any more.
func ReviseQuote(tx *compaction.Tx, tenant, id string) (Quote, error) {
	q, err := FindQuote(tx, tenant, id)
	if err != nil {
		return q, err
	}
	if q, err = q.move(SupersedeEvent, tx.Now()); err != nil {
		return q, err
	}
	if len(q.Versions) >= MaxVersions {
		return q, &FieldError{"versions", "too_many", "a quote has at most 100 versions"}
	}
	content, err := q.Last().Content.follow(tx, tenant)
	if err != nil {
		return q, err
	}
	content.ValidUntil = ""
	q.Versions = append(q.Versions, Version{State: QuoteDraft, Content: content, Created: tx.Now()})
	Quotes.Put(tx, compaction.Key(tenant, id), q)
	return q, nil
}

// repriceDrafts takes a change of a price book item into the drafts that have lines of it, and
// returns the ids of those that it changed.
func repriceDrafts(tx *compaction.Tx, old, item Item) ([]string, error) {
	rows, err := Quotes.Lookup(tx, "item",
		compaction.Page{Prefix: compaction.Key(item.Tenant, item.ID) + "/"})
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, row := range rows {
		content, any := row.Value.Last().Content, false
		lines := make([]Line, len(content.Document.Lines))
		for i, l := range content.Document.Lines {
			now, yes := item.reprice(l, old, content.Document.Currency)
			lines[i], any = now, any || yes
		}
		if !any {
			continue
		}
		content.Document.Lines = lines
		if content.Priced, err = Price(content.Document, nil, tx.Now()); err != nil {
			return nil, err
		}
		Quotes.Put(tx, row.Key, row.Value.change(tx.Now(), func(v *Version) { v.Content = content }))
		changed = append(changed, row.Value.ID)
	}
	return changed, nil
}
