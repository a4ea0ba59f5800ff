package api

import (
	"slices"
	"strings"
)

// A malformedError refuses a body that is not JSON, or not such JSON as this API takes.
type malformedError struct {
	path []string // innermost first
	rule string
	fix  string
}

// Rules of JSON that a body may break.
const (
	ruleSyntax   = "syntax"   // RFC 8259
	ruleEncoding = "encoding" // UTF-8, and whole characters
	ruleDepth    = "depth"    // at most maxDepth levels
	ruleUnique   = "unique"   // an object has one member of a name
)

// longestPath is how many bytes of a field's path a problem repeats: names are the caller's.
const longestPath = 200

// Error says where and what is wrong.
func (e *malformedError) Error() string {
	if len(e.path) == 0 {
		return "the body " + e.fix
	}
	return e.field() + " " + e.fix
}

// field is the path of the value, as problems name it.
func (e *malformedError) field() string {
	path := slices.Clone(e.path)
	slices.Reverse(path)
	field := strings.Join(path, ".")
	if len(field) > longestPath {
		field = strings.ToValidUTF8(field[:longestPath], "")
	}
	return field
}

// A forbiddenValueError refuses a value that is JSON and that no field takes: null, or text with
// the character NUL.
type forbiddenValueError struct{ malformedError }

// inside adds the name of the value that an error was met in.
func inside(name string, err error) error {
	switch e := err.(type) {
	case *malformedError:
		e.path = append(e.path, name)
	case *forbiddenValueError:
		e.path = append(e.path, name)
	}
	return err
}
