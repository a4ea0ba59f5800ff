package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// wholeNumber says what a field must be that counts.
const wholeNumber = "must be a whole number, written without point or exponent"

// unread says what is wrong with a number that fits the description and is not read all the same,
// such as 1e3 where a whole one is wanted. huma tells of the number alone and of the whole body, so
// the path is looked for there.
func unread(d *huma.ErrorDetail) (f FieldFault, ok bool) {
	number, of, ok := unreadNumber(d.Message)
	body, whole := d.Value.(string)
	if !ok || !whole {
		return f, false
	}
	f.Rule, f.Detail = "type", wholeNumber
	if strings.HasPrefix(of, "float") {
		f.Rule, f.Detail = "range", "is a number too large to be read"
	}
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var all any
	if err := decoder.Decode(&all); err != nil {
		return f, false
	}
	f.Field, ok = pathOf(all, number)
	return f, ok
}

// unreadNumber returns the number that encoding/json says it cannot read, and into which type.
func unreadNumber(message string) (number json.Number, of string, ok bool) {
	rest, ok := strings.CutPrefix(message, "json: cannot unmarshal number ")
	if !ok {
		return "", "", false
	}
	text, rest, _ := strings.Cut(rest, " into Go ")
	return json.Number(text), rest[strings.LastIndex(rest, " ")+1:], true
}

// pathOf returns the path of the first number that is written as the one wanted, members in the
// order of their names.
func pathOf(in any, wanted json.Number) (path string, ok bool) {
	below := func(name string, v any) bool {
		rest, found := pathOf(v, wanted)
		if found {
			path = strings.TrimSuffix(name+"."+rest, ".")
		}
		return found
	}
	switch in := in.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(in)) {
			if below(name, in[name]) {
				return path, true
			}
		}
	case []any:
		for i, v := range in {
			if below(strconv.Itoa(i), v) {
				return path, true
			}
		}
	default:
		return "", in == wanted
	}
	return "", false
}
