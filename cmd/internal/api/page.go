package api

import (
	"strings"

	"github.com/quittance/quittance/compaction"
)

// Paging has the query parameters of a list.
type Paging struct {
	Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"How many at most."`
	Cursor string `query:"cursor" maxLength:"1000" pattern:"^[A-Za-z0-9_-]+$" doc:"The next_cursor of the page before."`
}

// A Page is a part of a list.
type page[T any] struct {
	Data       []T    `json:"data" doc:"The records of this page."`
	HasMore    bool   `json:"has_more" doc:"Whether there is another page."`
	NextCursor string `json:"next_cursor,omitempty" doc:"The cursor of the next page, if there is one."`
}

// A paged input is one with Paging. query gives it to the operation with the place that its cursor
// names in the cursor's stead, so that no list can leave a cursor unchecked.
type paged interface{ unseal(x *exchange) error }

func (p *Paging) unseal(x *exchange) (err error) {
	if p.Cursor != "" {
		p.Cursor, err = x.place(p.Cursor)
	}
	return err
}

// A sealed answer is a page. Operations return it with the place it ended at, and query puts the
// cursor there.
type sealed interface{ seal(x *exchange) }

func (p *page[T]) seal(x *exchange) {
	if p.NextCursor != "" {
		p.NextCursor = x.cursor(p.NextCursor)
	}
}

// of returns the engine's page for what is asked: the rows that begin with prefix, which places do
// not name, and one more than wanted, to see whether there is more.
func (p Paging) of(prefix string) compaction.Page {
	out := compaction.Page{Prefix: prefix, Limit: p.Limit + 1}
	if p.Cursor != "" {
		out.After = prefix + p.Cursor
	}
	return out
}

// pageOf makes a page of rows that were read with p.
func pageOf[T, U any](p compaction.Page, rows []compaction.Row[T], f func(T) U) page[U] {
	out := page[U]{Data: make([]U, 0, len(rows))}
	for i, r := range rows {
		if i == p.Limit-1 {
			out.HasMore, out.NextCursor = true, strings.TrimPrefix(rows[i-1].Cursor, p.Prefix)
			break
		}
		out.Data = append(out.Data, f(r.Value))
	}
	return out
}
