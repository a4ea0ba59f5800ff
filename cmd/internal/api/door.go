package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/quittance/quittance/compaction"
)

// door returns the handler of a route: it lets in who may, with a body that can be read, and only
// for so long.
func (a *API) door(rt *route, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		x.route = rt
		ctx, cancel := context.WithTimeout(r.Context(), rt.timeout)
		defer cancel()
		x.r = r.WithContext(ctx)
		if err := x.admit(); err != nil {
			x.fail(err)
			return
		}
		if rt.byHand != nil && rt.byHand(x) {
			return
		}
		if err := x.scanBody(); err != nil {
			x.fail(err)
			return
		}
		next(x, x.r)
	}
}

// admit checks who asks, how often, under which key, and reads the body.
func (x *exchange) admit() error {
	if x.route.roles != nobody {
		if err := x.identify(); err != nil {
			return err
		}
	}
	if x.route.mutation {
		if err := x.nameKey(); err != nil {
			return err
		}
	}
	if x.r.URL.RawQuery != "" {
		if err := x.checkQuery(); err != nil {
			return err
		}
	}
	if x.route.limit > 0 || x.route.mutation || x.route.raw > 0 {
		return x.readBody()
	}
	return nil
}

// identify finds the caller, whether its role may do this, whether it asks too often, and whose
// records the request is about.
func (x *exchange) identify() error {
	c, err := x.api.keys.caller(x.r.Header.Get("Authorization"))
	if errors.Is(err, errKey) { // whoever guesses keys has a rate too
		host, _, _ := net.SplitHostPort(x.r.RemoteAddr)
		return cmp.Or(x.api.limits.take("from "+host, x.api.clock()), err)
	}
	if err != nil {
		return err
	}
	x.caller, x.tenant = c, c.home
	if err := x.api.limits.take(c.principal, x.api.clock()); err != nil {
		return err
	}
	if c.role&x.route.roles == 0 {
		return &roleError{x.route.roles}
	}
	if named := x.r.Header[tenantHeader]; len(named) > 0 && named[0] != c.home {
		return x.visit(named[0])
	}
	return nil
}

// visit turns the request to another tenant's records, for callers of the platform that may. To all
// others there is no other tenant.
func (x *exchange) visit(tenant string) error {
	c := x.caller
	reads := c.role == finance && c.home == x.api.platform && !x.route.mutation
	if c.role != platform && !reads || compaction.CheckTenant(tenant) != nil {
		return errTenant
	}
	x.tenant = tenant
	return x.api.tenantExists(tenant)
}

// checkQuery refuses parameters that are there without a value, or twice: they would be read as
// something else than was written.
func (x *exchange) checkQuery() error {
	q, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return refuse("query", "syntax", "cannot be read: escape what is no letter or digit")
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if len(q[name]) != 1 || q[name][0] == "" {
			return refuse("query."+strings.ToValidUTF8(name[:min(len(name), 100)], ""), "value",
				"must have one value, or be left out")
		}
	}
	return nil
}

const (
	tenantHeader   = "Quittance-Tenant"
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotency-Replayed"
)

// nameKey takes the request's idempotency key, or makes one.
func (x *exchange) nameKey() error {
	values := x.r.Header[keyHeader]
	if len(values) == 0 {
		x.key, x.newKey = "auto-"+rand.Text(), true // nobody can have used it
	} else if x.key = values[0]; compaction.CheckIdempotencyKey(x.key) != nil {
		return &compaction.KeyError{}
	}
	x.Header()[keyHeader] = []string{x.key}
	return nil
}

// readBody reads the body, up to the route's limit.
func (x *exchange) readBody() error {
	limit := max(x.route.limit, x.route.raw)
	if limit == 0 {
		limit = 1024 // of a body that must be empty
	}
	if x.r.ContentLength > limit {
		return &sizeError{limit}
	}
	if x.route.raw == 0 {
		if err := x.checkMediaType(); err != nil {
			return err
		}
	}
	if n := x.r.ContentLength; n >= 0 {
		x.body = make([]byte, n)
		if _, err := io.ReadFull(x.r.Body, x.body); err != nil {
			return errBody
		}
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(x.r.Body, limit+1))
	if err != nil {
		return errBody
	}
	if int64(len(body)) > limit {
		return &sizeError{limit}
	}
	x.body = body
	return nil
}

// checkMediaType refuses a body that says it is something else than JSON in UTF-8. One that says
// nothing is taken for it.
func (x *exchange) checkMediaType() error {
	h := x.r.Header
	if x.r.ContentLength == 0 {
		return nil
	}
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return &mediaTypeError{typeJSON[0]}
	}
	switch declared := h.Get("Content-Type"); declared {
	case "", typeJSON[0]:
		return nil
	default:
		media, rest, _ := strings.Cut(declared, ";")
		rest = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(rest), `"`, ""))
		if !strings.EqualFold(strings.TrimSpace(media), typeJSON[0]) ||
			rest != "" && rest != "charset=utf-8" {
			return &mediaTypeError{typeJSON[0]}
		}
		h["Content-Type"] = typeJSON
		return nil
	}
}

// scanBody checks the body as JSON and takes it apart for the idempotency record.
func (x *exchange) scanBody() error {
	switch {
	case x.route.raw > 0:
		return nil
	case x.route.limit == 0:
		if b := bytes.TrimSpace(x.body); len(b) > 0 && string(b) != "{}" {
			return errKeepEmpty
		}
		return nil
	case len(x.body) == 0:
		return &validationError{[]FieldFault{{"", "required", "needs a body"}}}
	}
	fields, err := scan(x.body)
	if err != nil {
		return err
	}
	x.fields = fields
	x.r.Body = io.NopCloser(bytes.NewReader(x.body))
	return nil
}
