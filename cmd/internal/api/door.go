package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

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
		x.listen(x.began.Add(rt.timeout + spare))
		defer func() { x.listen(time.Now().Add(spare)) }() // for what is left of the body
		if a.peers != nil {
			x.attend(next)
			return
		}
		x.try(next)
	}
}

// try lets the request in and has it answered.
func (x *exchange) try(next http.HandlerFunc) {
	if err := x.admit(); err != nil {
		x.fail(err)
		return
	}
	if x.route.byHand != nil && x.route.byHand(x) {
		return
	}
	if err := x.scanBody(); err != nil {
		x.fail(err)
		return
	}
	next(x, x.r)
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
	if x.route.bodyLimit() > 0 {
		return x.readBody()
	}
	return nil
}

// identify finds the caller, whether its role may do this, whether it asks too often, and whose
// records the request is about.
func (x *exchange) identify() error {
	c, err := x.authenticate()
	if errors.Is(err, errKey) { // whoever guesses keys has a rate too
		return cmp.Or(x.api.limits.take("from "+x.client(), x.api.clock()), err)
	}
	if err != nil {
		return err
	}
	x.caller, x.tenant = c, c.home
	if err := x.count(); err != nil {
		return err
	}
	if c.role&x.route.roles == 0 {
		return &roleError{x.route.roles}
	}
	switch named := x.r.Header[tenantHeader]; {
	case len(named) > 1:
		return refuse("header."+tenantHeader, "value", "must be there once, or be left out")
	case len(named) == 1 && named[0] != c.home:
		return x.visit(named[0])
	}
	return nil
}

// authenticate returns who asks: by the one key or link that is shown, or as the node says that did
// so.
func (x *exchange) authenticate() (*caller, error) {
	header := x.r.Header.Get("Authorization")
	if len(x.r.Header["Authorization"]) > 1 {
		return nil, errKeys // what is before this server may have looked at another than we would
	}
	if c := x.across; c != nil {
		if c.hop != nil && c.hop.Caller != nil {
			if known := c.hop.Caller.caller(); known != nil {
				return known, nil
			}
			return nil, errHop
		}
		if home, ok := homeOf(header); ok {
			if err := x.here(home); err != nil {
				return nil, err
			}
			// What is remembered of keys is as good as what is read: no longer than the lease. Asked
			// before it is looked up, since a shard that comes back is read anew.
			if err := x.api.shards.Confirm(home); err != nil {
				return nil, err
			}
		}
	}
	return x.api.keys.caller(header)
}

// count counts a request against its caller's rate: once, where the caller is authenticated.
func (x *exchange) count() error {
	if c := x.across; c != nil {
		if c.counted || c.hop != nil && (c.hop.Caller != nil || c.hop.Attempt > 0) {
			return nil
		}
		c.counted = true
	}
	return x.api.limits.take(x.caller.principal, x.api.clock())
}

// visit turns the request to another tenant's records, for callers of the platform that may. To all
// others there is no other tenant.
func (x *exchange) visit(tenant string) error {
	c := x.caller
	reads := c.role == finance && c.home == x.api.platform && !x.route.mutation
	if c.role != platform && !reads || compaction.CheckTenant(tenant) != nil {
		return errTenant
	}
	if x.route.namesTenant {
		return nil // the path or the body goes before the header
	}
	return x.turn(tenant)
}

// turn turns the request to another tenant's records, where they are served.
func (x *exchange) turn(tenant string) error {
	x.tenant = tenant
	if err := x.here(tenant); err != nil {
		return err
	}
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
	switch {
	case len(values) > 1:
		return errRepeats // a repeated request could have them in another order
	case len(values) == 1:
		if compaction.CheckIdempotencyKey(values[0]) != nil {
			return &compaction.KeyError{}
		}
		x.key = values[0]
	case x.key == "":
		x.key, x.newKey = "auto-"+rand.Text(), true // nobody can have used it
	}
	x.Header()[keyHeader] = []string{x.key}
	return nil
}

// readBody reads the body, up to the route's limit.
func (x *exchange) readBody() error {
	limit := x.route.bodyLimit()
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
		return x.checkHop()
	}
	body, err := io.ReadAll(io.LimitReader(x.r.Body, limit+1))
	if err != nil {
		return errBody
	}
	if int64(len(body)) > limit {
		return &sizeError{limit}
	}
	x.body = body
	return x.checkHop()
}

// checkHop refuses a body that is not the one that was passed on.
func (x *exchange) checkHop() error {
	c := x.across
	if c == nil || c.hop == nil {
		return nil
	}
	if sum := sha256.Sum256(x.body); !bytes.Equal(sum[:], c.hop.Body) {
		x.Header()[hopHeader] = []string{hopRefused}
		return errHop
	}
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
