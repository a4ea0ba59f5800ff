package api

import (
	"encoding/base64"
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

// of returns the engine's page for what is asked: the rows that begin with prefix, which cursors do
// not name, and one more than wanted, to see whether there is more.
func (p Paging) of(prefix string) (compaction.Page, error) {
	out := compaction.Page{Prefix: prefix, Limit: p.Limit + 1}
	if p.Cursor == "" {
		return out, nil
	}
	after, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || len(after) == 0 {
		return out, at("query.cursor", errCursor)
	}
	out.After = prefix + string(after)
	return out, nil
}

// pageOf makes a page of rows that were read with p.
func pageOf[T, U any](p compaction.Page, rows []compaction.Row[T], f func(T) U) page[U] {
	out := page[U]{Data: make([]U, 0, len(rows))}
	for i, r := range rows {
		if i == p.Limit-1 {
			last := strings.TrimPrefix(rows[i-1].Cursor, p.Prefix)
			out.HasMore, out.NextCursor = true, base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		out.Data = append(out.Data, f(r.Value))
	}
	return out
}
