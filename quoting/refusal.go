package quoting

import "fmt"

// A FieldError refuses a value that the caller gave.
type FieldError struct {
	Field string // the path of the field, as the API names it: "lines.3.quantity"
	Rule  string // the rule it breaks, one word: "digits", "range", "required"
	Fix   string // what the rule asks for: "at most 30 digits"
}

// Error names the field and says what it must be. It never quotes the value.
func (e *FieldError) Error() string { return e.Field + ": " + e.Fix }

// A NotFoundError reports that the tenant has no such record.
type NotFoundError struct {
	Kind string // "quote", "customer", "promotion code"
}

// Error names the kind of record.
func (e *NotFoundError) Error() string { return "there is no such " + e.Kind }

// An ExistsError refuses to create a record under an id or a code that is taken.
type ExistsError struct {
	Kind string // "customer", "promotion code"
}

// Error names the kind of record.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("there is already such a %s: choose another", e.Kind)
}
