package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/quittance/quittance/ledger/money"
)

// A Problem is an RFC 9457 problem details object: why a request was not done.
type Problem struct {
	Type     string `json:"type" doc:"The kind of problem. It never changes, and leads to a page about it." pattern:"^(/problems/[a-z0-9-]+|about:blank)$" maxLength:"100" example:"/problems/account-overdrawn"`
	Title    string `json:"title" doc:"What went wrong, the same for all problems of the kind." example:"The account does not have enough."`
	Status   int    `json:"status" doc:"The HTTP status of the answer." minimum:"400" maximum:"599" example:"422"`
	Detail   string `json:"detail,omitempty" doc:"What went wrong this time." example:"the account \"wallet:ann\" has 5.00 EUR available and 12.34 were needed"`
	Instance string `json:"instance,omitempty" doc:"The id of the request that met the problem, as in X-Request-Id. Quote it when you ask for help." example:"req_5d3t7k2q-1x"`
	Field    string `json:"field,omitempty" doc:"The path of the field that is refused: names and places from 0, separated by points." example:"postings.0.amount"`
	Rule     string `json:"rule,omitempty" doc:"The rule that is broken, in one word." example:"debits_must_not_exceed_credits"`

	Needed    string `json:"needed,omitempty" doc:"The figure that was needed." example:"12.34"`
	Available string `json:"available,omitempty" doc:"The figure there is." example:"5.00"`
	Currency  string `json:"currency,omitempty" doc:"The ISO 4217 code of both figures, where they are amounts." example:"EUR"`

	RetryAfter int          `json:"retry_after,omitempty" doc:"After how many seconds the request may be repeated, as in Retry-After." minimum:"1" example:"1"`
	Errors     []FieldFault `json:"errors,omitempty" doc:"Every field that is refused, where there are several."`
}

// A FieldFault is one field that is refused.
type FieldFault struct {
	Field  string `json:"field" doc:"The path of the field." example:"lines.0.quantity"`
	Rule   string `json:"rule" doc:"The rule it breaks, in one word." example:"type"`
	Detail string `json:"detail" doc:"What the field must be." example:"must be a text"`
}

// Error returns the detail: a Problem is what huma takes for an error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the type of a problem's answer, for huma.
func (p *Problem) ContentType(string) string { return typeProblem[0] }

// json returns the answer's body.
func (p *Problem) json() []byte { return marshal(p) }

// marshal returns v as JSON without escaping what only HTML needs escaped. It is for values of this
// package, which always encode.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // a value that does not encode is a mistake in this package
	}
	return b.Bytes()
}

// A kind is a row of the table of problems: which errors are of it, and what the caller hears.
type kind struct {
	slug   string
	status int
	rule   string // in one word, of a problem about a field whose error names no rule of its own
	title  string
	help   string // what it means and what to do, for the problem's page
	match  func(err error, p *Problem) bool
}

// problemOf returns the problem that err is: of the first kind that matches, or one that says
// nothing.
func problemOf(err error) *Problem {
	for i := range kinds {
		k := &kinds[i]
		p := &Problem{}
		if err != nil && k.match(err, p) {
			p.Type, p.Title, p.Status = k.address(), k.title, k.status
			if e, ok := errors.AsType[*fieldError](err); ok && p.Field == "" {
				p.Field = e.field
			}
			if p.Field != "" && p.Rule == "" {
				p.Rule = k.rule
			}
			return p
		}
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(http.StatusInternalServerError),
		Status: http.StatusInternalServerError}
}

// address is where the kind's page is served.
func (k *kind) address() string { return "/problems/" + k.slug }

// is matches sentinels; their own text is the detail, never that of what wraps them.
func is(targets ...error) func(error, *Problem) bool {
	return func(err error, p *Problem) bool {
		i := slices.IndexFunc(targets, func(t error) bool { return errors.Is(err, t) })
		if i >= 0 {
			p.Detail = targets[i].Error()
		}
		return i >= 0
	}
}

// as matches a type of refusal; its own text is the detail. Each of fill adds what it has in
// fields.
func as[E error](fill ...func(e E, p *Problem)) func(error, *Problem) bool {
	return func(err error, p *Problem) bool {
		e, ok := errors.AsType[E](err)
		if !ok {
			return false
		}
		p.Detail = e.Error()
		for _, f := range fill {
			f(e, p)
		}
		return true
	}
}

// figures tells two amounts of one currency.
func figures(p *Problem, needed, available money.Amount) {
	p.Needed, p.Available = needed.String(), available.String()
	p.Currency = available.Currency().String()
}

// says matches what another function does and replaces the detail, for errors whose own text is
// written for operators.
func says(detail string, match func(error, *Problem) bool) func(error, *Problem) bool {
	return func(err error, p *Problem) bool {
		if !match(err, p) {
			return false
		}
		p.Detail = detail
		return true
	}
}

// ruled matches what another function does and says which rule is broken, for kinds that are of
// several.
func ruled(rule string, match func(error, *Problem) bool) func(error, *Problem) bool {
	return func(err error, p *Problem) bool {
		if !match(err, p) {
			return false
		}
		p.Rule = rule
		return true
	}
}

// later matches what another function does and says when to try again.
func later(seconds int, match func(error, *Problem) bool) func(error, *Problem) bool {
	return func(err error, p *Problem) bool {
		if !match(err, p) {
			return false
		}
		p.RetryAfter = seconds
		return true
	}
}

// either matches what one of several functions does.
func either(matches ...func(error, *Problem) bool) func(error, *Problem) bool {
	return func(err error, p *Problem) bool {
		return slices.ContainsFunc(matches, func(m func(error, *Problem) bool) bool {
			return m(err, p)
		})
	}
}

// A fieldError says which field of the request an error of a domain is about. The problem is that
// of the error.
type fieldError struct {
	field string
	err   error
}

// Error returns the error's own text.
func (e *fieldError) Error() string { return e.err.Error() }

// Unwrap returns the error.
func (e *fieldError) Unwrap() error { return e.err }

// ofType reports whether err is an E.
func ofType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// at returns err as the fault of a field; nil stays nil.
func at(field string, err error) error {
	if err == nil {
		return nil
	}
	return &fieldError{field, err}
}
