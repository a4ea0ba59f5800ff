package sandbox

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A form is a request's parameters, in Stripe's encoding: "metadata[tenant]=acme", "expand[]=a",
// "created[gte]=1".
type form struct{ values url.Values }

// maxParameters bounds a request's parameters.
const maxParameters = 200

// parseForm reads parameters. It fails on what is not encoded as a form, and on too many.
func parseForm(encoded string) (form, error) {
	if strings.Count(encoded, "&") >= maxParameters {
		return form{}, invalid("", "parameter_invalid", "too many parameters")
	}
	v, err := url.ParseQuery(encoded)
	if err != nil {
		return form{}, invalid("", "parameter_invalid", "the request is not form-encoded")
	}
	return form{v}, nil
}

// text returns a parameter, empty if it was not given.
func (f form) text(name string) string { return f.values.Get(name) }

// required returns a parameter that must be given.
func (f form) required(name string) (string, error) {
	s := f.text(name)
	if s == "" {
		return "", invalid(name, "parameter_missing", "Missing required param: "+name+".")
	}
	return s, nil
}

// amount returns a parameter that is a whole number above zero, or 0 if it was not given.
func (f form) amount(name string) (int64, error) {
	s := f.text(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/1000 {
		return 0, invalid(name, "parameter_invalid_integer", "Invalid integer: "+name+".")
	}
	return n, nil
}

// number returns a parameter that is a whole number, or otherwise if it was not given.
func (f form) number(name string, otherwise int64) (int64, error) {
	s := f.text(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, invalid(name, "parameter_invalid_integer", "Invalid integer: "+name+".")
	}
	return n, nil
}

// pairs returns the parameters name[key].
func (f form) pairs(name string) (map[string]string, error) {
	m := map[string]string{}
	for k, v := range f.values {
		rest, ok := strings.CutPrefix(k, name+"[")
		key, closed := strings.CutSuffix(rest, "]")
		if !ok || !closed {
			continue
		}
		if len(m) == 50 || len(key) > 40 || len(v[0]) > 500 {
			return nil, invalid(name, "parameter_invalid", name+" is too large.")
		}
		m[key] = v[0]
	}
	return m, nil
}

// list returns the parameters name[] and name[0], name[1]…, sorted.
func (f form) list(name string) []string {
	var all []string
	for k, v := range f.values {
		if rest, ok := strings.CutPrefix(k, name+"["); ok && strings.HasSuffix(rest, "]") {
			all = append(all, v...)
		}
	}
	slices.Sort(all)
	return all
}

// fingerprint is the same for the same request, whatever the order of its parameters.
func (f form) fingerprint(path string) string { return path + "?" + f.values.Encode() }

// An apiError is a request that was refused before it changed anything.
type apiError struct {
	status  int
	problem problem
}

// Error is the message that the client is shown.
func (e *apiError) Error() string { return e.problem.Message }

// invalid refuses a parameter.
func invalid(param, code, message string) *apiError {
	return &apiError{400, problem{Type: "invalid_request_error", Code: code, Param: param,
		Message: message}}
}

// missing refuses an id that is not known.
func missing(kind, id, param string) *apiError {
	const most = 60
	if len(id) > most {
		id = id[:most]
	}
	return &apiError{404, problem{Type: "invalid_request_error", Code: "resource_missing",
		Param: param, Message: "No such " + kind + ": '" + strings.ToValidUTF8(id, "?") + "'"}}
}
