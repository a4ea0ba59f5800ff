package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
)

// A cursor names the place in a list where a page ended, for one list alone: an operation, whose
// records, the record in the path and the filters. To clients it is a text without a meaning.
//
//	base64url ( sum of the list and the place, 8 bytes │ place: what follows the list's prefix )
//
// The sum finds what was mixed up or cut off. It keeps out nobody: whoever makes up a cursor asks
// for rows of a list that is his to read.
const cursorSum = 8

// cursorText is strict, so that no two texts are one cursor.
var cursorText = base64.RawURLEncoding.Strict()

// cursor returns the cursor of a place in the list that is asked for.
func (x *exchange) cursor(place string) string {
	return cursorText.EncodeToString(append(x.sumOf(place), place...))
}

// place returns the place that a cursor names. It fails with errCursor for one that no page of this
// list gave.
func (x *exchange) place(cursor string) (string, error) {
	b, err := cursorText.DecodeString(cursor)
	if err != nil || len(b) <= cursorSum {
		return "", at("query.cursor", errCursor)
	}
	place := string(b[cursorSum:])
	if !bytes.Equal(b[:cursorSum], x.sumOf(place)) {
		return "", at("query.cursor", errCursor)
	}
	return place, nil
}

// sumOf sums up a place and the list that is asked for: every parameter but those of paging tells
// one list from another. A list of all tenants' records is the same whoever asks, and wherever: the
// nodes that have parts of it are given one cursor.
func (x *exchange) sumOf(place string) []byte {
	h := sha256.New()
	put(h, x.route.id)
	if !x.route.parts {
		put(h, x.tenant)
	}
	put(h, x.r.URL.Path)
	query := x.r.URL.Query() // which the door has checked
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name != "cursor" && name != "limit" {
			put(h, name)
			put(h, query.Get(name))
		}
	}
	put(h, "place")
	put(h, place)
	return h.Sum(nil)[:cursorSum]
}
