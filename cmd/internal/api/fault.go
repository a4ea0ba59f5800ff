package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/danielgtaylor/huma/v2/validation"
)

// huma keeps what an error looks like in variables of its own. They are set here once for the
// program: nothing else in it uses huma.
func init() {
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = func(
		c huma.Context, status int, _ string, errs ...error,
	) huma.StatusError {
		p := problemOf(faultOf(status, errs))
		if _, w := humachi.Unwrap(c); w != nil {
			x := w.(*exchange)
			p.Instance = x.id
		}
		return p
	}
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError {
		return problemOf(faultOf(status, errs))
	}
}

// faultOf returns what huma found wrong as a refusal of ours. What huma says of values is not
// repeated: they are the caller's, and may be secret.
func faultOf(status int, errs []error) error {
	switch status {
	case http.StatusUnsupportedMediaType:
		return &mediaTypeError{typeJSON[0]}
	case http.StatusInternalServerError:
		return nil
	}
	e := &validationError{}
	for _, err := range errs {
		detail, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		if d := detail.ErrorDetail(); strings.HasPrefix(d.Location, "path.") {
			return errNotFound // an id that cannot be one is an id that nobody has
		} else if len(e.faults) < 20 {
			e.faults = append(e.faults, fault(d))
		}
	}
	if len(e.faults) == 0 {
		e.faults = []FieldFault{{"", "required", "needs a body"}}
	}
	return e
}

// fault says of one field what is wrong with it.
func fault(d *huma.ErrorDetail) FieldFault {
	field := strings.TrimPrefix(strings.TrimPrefix(d.Location, "body"), ".")
	field = strings.NewReplacer("[", ".", "]", "").Replace(field)
	rule, detail := explain(d)
	if rule == "required" {
		field = strings.TrimPrefix(field+"."+missing(d.Message), ".")
	}
	if len(field) > 200 {
		field = field[:200]
	}
	return FieldFault{Field: strings.ToValidUTF8(field, ""), Rule: rule, Detail: detail}
}

// missing returns the name in huma's message about a required property.
func missing(message string) string {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	return strings.TrimSuffix(strings.TrimPrefix(message, before), after)
}

// explain turns huma's message into a rule of one word and a sentence about the field.
func explain(d *huma.ErrorDetail) (rule, detail string) {
	rest := func(prefix string) (string, bool) {
		return strings.CutPrefix(d.Message, strings.TrimSuffix(prefix, "%d"))
	}
	switch m := d.Message; m {
	case validation.MsgUnexpectedProperty, "unknown query parameter":
		return "unknown", "is not known here"
	case validation.MsgExpectedString:
		if _, number := d.Value.(float64); number {
			return "type", `must be a text: write the number in quotes, such as "12.50"`
		}
		return "type", "must be a text"
	case validation.MsgExpectedBoolean:
		return "type", "must be true or false"
	case validation.MsgExpectedInteger, "invalid integer":
		return "type", "must be a whole number"
	case validation.MsgExpectedArray:
		return "type", "must be a list"
	case validation.MsgExpectedObject:
		return "type", "must be an object"
	case validation.MsgExpectedRFC3339DateTime:
		return "format", `must be a time as in RFC 3339: "2026-03-01T12:00:00Z"`
	case validation.MsgExpectedRFC3339Date:
		return "format", `must be a date: "2026-03-01"`
	}
	if missing(d.Message) != d.Message {
		return "required", "is required"
	}
	for _, r := range [...]struct{ rule, message, detail string }{
		{"pattern", "expected string to match pattern ", "must match "},
		{"min_length", validation.MsgExpectedMinLength, "must have at least this many characters: "},
		{"max_length", validation.MsgExpectedMaxLength, "must have at most this many characters: "},
		{"min_items", validation.MsgExpectedMinItems, "must have at least this many elements: "},
		{"max_items", validation.MsgExpectedMaxItems, "must have at most this many elements: "},
		{"max_properties", validation.MsgExpectedMaxProperties, "must have at most this many members: "},
		{"minimum", "expected number >= ", "must be at least "},
		{"maximum", "expected number <= ", "must be at most "},
		{"enum", "expected value to be one of ", "must be one of "},
	} {
		if after, ok := rest(r.message); ok {
			return r.rule, r.detail + after
		}
	}
	if strings.HasPrefix(d.Message, "required ") {
		return "required", "is required"
	}
	return "invalid", "does not fit the API's description"
}
