package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/quittance/quittance/compaction"
)

// A change is the command of a mutation.
type change struct {
	// decide changes the state and returns what to answer. It runs on the shard's own goroutine.
	decide func(tx *compaction.Tx) (result, error)
	cost   int
	tenant string // whose shard decides; empty is the exchange's tenant
}

// A result is the answer of a change: status 0 is the route's own.
type result struct {
	status   int
	body     any
	location string
	record   any // what to remember in place of body, where that holds a secret
}

// do has the change decided once, whatever happens, and answers.
func (x *exchange) do(c change) {
	tenant := c.tenant
	if tenant == "" {
		tenant = x.tenant
	}
	if err := x.here(tenant); err != nil {
		x.fail(err)
		return
	}
	answer, err := x.api.engine.Do(x.r.Context(), compaction.Command{
		Tenant: tenant, Cost: c.cost,
		Idempotency: &compaction.Idempotency{
			Principal: x.caller.principal, Operation: x.route.id, Key: x.key,
			Fields: x.allFields(), New: x.newKey,
		},
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			r, err := c.decide(tx)
			if err != nil {
				return compaction.Answer{}, err
			}
			return r.answer(x.route.status), nil
		},
		Refuse: x.refuse,
	})
	x.answer(answer, err)
}

// answer tells what a command said.
func (x *exchange) answer(answer compaction.Answer, err error) {
	if err != nil {
		x.fail(err)
		return
	}
	h := x.Header()
	if answer.Location != "" {
		h["Location"] = []string{answer.Location}
	}
	if answer.Replayed {
		h[replayedHeader] = []string{"true"}
	}
	x.write(answer.Code, answer.Body)
}

func (r result) answer(status int) compaction.Answer {
	if r.status != 0 {
		status = r.status
	}
	a := compaction.Answer{Code: status, Location: r.location}
	if b, ok := r.body.(written); ok {
		a.Body = b
	} else {
		a.Body = marshal(r.body)
	}
	if r.record != nil {
		a.Record = marshal(r.record)
	}
	return a
}

// refuse turns a refusal into the answer to remember. What may pass by itself is not remembered,
// nor what is ours to fix: a repeated request deserves another try.
func (x *exchange) refuse(err error) (compaction.Answer, bool) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests {
		return compaction.Answer{}, false
	}
	p.Instance = x.id
	return compaction.Answer{Code: p.Status, Body: p.json()}, true
}

// allFields returns what a repeated request must have in common with the first: the members of the
// body, and what the path names.
func (x *exchange) allFields() []compaction.Field {
	params := chi.RouteContext(x.r.Context())
	if params == nil || len(params.URLParams.Keys) == 0 {
		return x.fields
	}
	fields := slices.Clone(x.fields)
	for i, name := range params.URLParams.Keys {
		fields = append(fields, compaction.Field{
			Name: "path." + name, Value: []byte(params.URLParams.Values[i])})
	}
	slices.SortStableFunc(fields, func(a, b compaction.Field) int {
		return strings.Compare(a.Name, b.Name)
	})
	return fields
}
