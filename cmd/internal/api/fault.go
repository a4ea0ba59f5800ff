package api

import (
	"net/http"
	"slices"
	"strconv"
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
func faultOf(status int, errs []error) error { return faultsOf(status, errs, maxFaults) }

// maxFaults is how many fields a refusal tells of.
const maxFaults = 20

// faultsOf is faultOf, for so many fields at most.
func faultsOf(status int, errs []error, most int) error {
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
		} else if len(e.faults) < most {
			e.add(fault(d))
		}
	}
	if len(e.faults) == 0 {
		e.faults = []FieldFault{{"", "required", "needs a body"}}
	}
	return e
}

// add adds a fault of a field that has none yet: what is wrong with it first is what to mend first.
func (e *validationError) add(f FieldFault) {
	if !slices.ContainsFunc(e.faults, func(g FieldFault) bool { return g.Field == f.Field }) {
		e.faults = append(e.faults, f)
	}
}

// fault says of one field what is wrong with it.
func fault(d *huma.ErrorDetail) FieldFault {
	if f, ok := unread(d); ok {
		f.Field = cut(f.Field)
		return f
	}
	field := strings.TrimPrefix(strings.TrimPrefix(d.Location, "body"), ".")
	field = strings.NewReplacer("[", ".", "]", "").Replace(field)
	rule, detail := explain(d)
	if rule == "required" {
		field = strings.TrimPrefix(field+"."+missing(d.Message), ".")
	}
	return FieldFault{Field: cut(field), Rule: rule, Detail: detail + advice[field+" "+rule]}
}

// cut returns as much of a path as is told: its names may be the caller's.
func cut(path string) string { return strings.ToValidUTF8(path[:min(len(path), 200)], "") }

// advice says of a field and a rule what else to do than to mend the value.
var advice = map[string]string{
	"validity_days minimum":      ": leave it out for 30",
	"limit_total minimum":        ": leave it out for no limit",
	"limit_per_customer minimum": ": leave it out for no limit",
}

// missing returns the name in huma's message about a required property.
func missing(message string) string {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	return strings.TrimSuffix(strings.TrimPrefix(message, before), after)
}

// explain turns huma's message into a rule of one word and a sentence about the field.
func explain(d *huma.ErrorDetail) (rule, detail string) {
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
		return "type", wholeNumber
	case validation.MsgExpectedArray:
		return "type", "must be a list"
	case validation.MsgExpectedObject:
		return "type", "must be an object"
	case validation.MsgExpectedRFC3339DateTime:
		return "format", `must be a time as in RFC 3339: "2026-03-01T12:00:00Z"`
	case validation.MsgExpectedRFC3339Date:
		return "format", `must be a date: "2026-03-01"`
	}
	if missing(d.Message) != d.Message || strings.HasPrefix(d.Message, "required ") {
		return "required", "is required"
	}
	for _, r := range bounds {
		if after, ok := strings.CutPrefix(d.Message, strings.TrimSuffix(r.message, "%d")); ok {
			return r.rule, r.say(after)
		}
	}
	return "invalid", "does not fit the API's description"
}

// bounds are huma's messages that end in what a value must be, and how that is said here.
var bounds = [...]struct {
	rule, message string
	say           func(limit string) string
}{
	{"pattern", "expected string to match pattern ", sentence},
	{"min_length", validation.MsgExpectedMinLength,
		after("must have at least this many characters: ")},
	{"max_length", validation.MsgExpectedMaxLength,
		after("must have at most this many characters: ")},
	{"min_items", validation.MsgExpectedMinItems, after("must have at least this many elements: ")},
	{"max_items", validation.MsgExpectedMaxItems, after("must have at most this many elements: ")},
	{"max_properties", validation.MsgExpectedMaxProperties,
		after("must have at most this many members: ")},
	{"minimum", "expected number >= ", number("must be at least ")},
	{"maximum", "expected number <= ", number("must be at most ")},
	{"enum", "expected value to be one of ", choices},
}

// after says a limit as huma writes it.
func after(words string) func(string) string {
	return func(limit string) string { return words + limit }
}

// number says a limit in digits, where huma may write an exponent.
func number(words string) func(string) string {
	return func(limit string) string {
		if n, err := strconv.ParseFloat(limit, 64); err == nil {
			limit = strconv.FormatFloat(n, 'f', -1, 64)
		}
		return words + limit
	}
}

// choices says what a value may be, each choice in quotes.
func choices(limit string) string {
	limit = strings.Trim(limit, `"`)
	return `must be one of "` + strings.ReplaceAll(limit, ", ", `", "`) + `"`
}
