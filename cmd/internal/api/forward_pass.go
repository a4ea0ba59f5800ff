package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting/access"
)

// pass passes the request on to the owner of a shard and reports whether it is answered, by the
// owner or with why it cannot be.
func (x *exchange) pass(shard int) bool {
	a, c := x.api, x.across
	address, self, changed := a.peers.Owner(shard)
	c.shard, c.changed, c.absent = shard, changed, address == ""
	if address == "" || self {
		return false // self: it was owned here, or is about to be
	}
	base, err := url.Parse(address)
	if err == nil {
		err = x.take()
	}
	var h hop
	if err == nil {
		h, err = x.hopTo(shard)
	}
	if err != nil {
		c.over = !x.passes(err)
		x.fail(err)
		return x.status != 0
	}
	var writes atomic.Int32
	ctx, cancel := context.WithCancel(httptrace.WithClientTrace(x.r.Context(),
		&httptrace.ClientTrace{WroteHeaders: func() { writes.Add(1) }}))
	defer cancel()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go a.watch(watching, cancel, shard, address, changed)
	failure := error(nil)
	proxy := httputil.ReverseProxy{
		Transport: a.transport,
		ErrorLog:  slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = base.Scheme, base.Host, ""
			r.Out.URL.RawQuery = r.In.URL.RawQuery // refused by the owner if it cannot be read
			a.hops.sign(r.Out, h)
		},
		ModifyResponse: func(r *http.Response) error {
			stop() // the owner has answered: what comes is its word, whoever owns the shard now
			return x.accept(r)
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { failure = err },
	}
	proxy.ServeHTTP(x, x.outgoing(ctx, h.Kind))
	c.sent++
	a.metrics.passed(h.Kind, failure)
	if failure == nil {
		return true
	}
	a.logger.Debug("a request could not be passed on", "request", x.id, "shard", shard,
		"to", address, "error", failure)
	if !unsent(failure, int(writes.Load())) {
		c.unclear = true
	}
	return false
}

// hopTo returns what is said of the request to the owner of a shard.
func (x *exchange) hopTo(shard int) (hop, error) {
	c := x.across
	sum := sha256.Sum256(c.raw)
	h := hop{Shards: []int{shard}, Body: sum[:], Attempt: c.sent}
	switch {
	case x.route.roles == nobody:
		h.Kind = hopWebhook
	case x.caller == nil:
		h.Kind, h.From = hopAuthenticate, x.client()
	default:
		h.Kind = hopDo
		var err error
		if h.Caller, err = x.vouch(); err != nil {
			return h, err
		}
	}
	// From a hop, only the authenticated request leaves: whatever else nodes disagree on, nothing
	// goes round.
	if c.hop != nil && (h.Kind != hopDo || c.hop.Kind != hopAuthenticate) {
		return h, errHop
	}
	return h, nil
}

// vouch returns who asks, for another node to believe. It is read anew: what is remembered of keys
// may be old news where this node has lost the shard and has not heard of it.
func (x *exchange) vouch() (*courier, error) {
	if h := x.across.hop; h != nil && h.Caller != nil {
		return h.Caller, nil
	}
	token, _ := bearer(x.r.Header.Get("Authorization"))
	c, err := x.api.keys.find(token)
	if err != nil {
		if errors.Is(err, access.ErrUnauthorized) {
			err = errKey // revoked since it was admitted
		}
		return nil, err
	}
	return courierOf(c), nil
}

// outgoing returns the request as it is to be passed on, unsigned.
func (x *exchange) outgoing(ctx context.Context, kind hopKind) *http.Request {
	r := x.r.Clone(ctx)
	for _, name := range []string{hopHeader, "Connection", "Upgrade", "Te", "Expect", "Trailer"} {
		delete(r.Header, name)
	}
	if kind != hopAuthenticate {
		delete(r.Header, "Authorization") // the owner is told who asks
	}
	r.Header[requestIDHeader] = []string{x.id}
	if x.route.mutation {
		x.nameOwnKey()
		if len(r.Header[keyHeader]) == 0 {
			r.Header[keyHeader] = []string{x.key}
		}
	}
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
	delete(r.Header, "Content-Length")
	if n := len(x.across.raw); n > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(x.across.raw)), int64(n)
	}
	return r
}

// nameOwnKey makes the idempotency key of a mutation whose client sent none: here, once, and then
// kept on every way the request goes.
func (x *exchange) nameOwnKey() {
	if values := x.r.Header[keyHeader]; len(values) > 0 {
		if len(values) == 1 && compaction.CheckIdempotencyKey(values[0]) == nil {
			x.key = values[0]
		}
	} else if x.key == "" {
		x.key = "auto-" + rand.Text()
	}
}

// wholeAnswer is how long an answer may be that is taken whole before it is given to the client.
const wholeAnswer = 16 << 20

// What another node said in place of an answer for the client.
var (
	errAgain   = errors.New("api: the node that owned the shard does not serve it now")
	errUnclear = errors.New("api: the node that owned the shard does not know what was done")
	errRefused = errors.New("api: a node refused what another passed on: compare their clocks " +
		"and secrets")
)

// accept takes the head of an owner's answer, and the whole answer unless it is a long report. One
// that breaks off before anything of it was given to the client is asked for again, for a mutation
// too: the request carries its idempotency key, and the answer is recorded under it together with
// what was done, so that the shard's owner, whoever it is then, either gives the answer again or
// has done nothing.
func (x *exchange) accept(r *http.Response) error {
	switch r.Header.Get(hopHeader) {
	case "":
	case hopUnclear:
		return errUnclear
	case hopRefused:
		x.api.logger.Warn("a node refused a request that was passed on", "request", x.id)
		return errRefused
	default:
		return errAgain
	}
	if n := r.ContentLength; n >= 0 && n <= wholeAnswer {
		body := make([]byte, n)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return err
		}
		if err := r.Body.Close(); err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	clear(x.Header()) // the answer has the request's id, and all else that it needs
	return nil
}

// unsent reports whether a request that failed has certainly not been done, having been written so
// often: the transport writes one again by itself where a connection that it had kept breaks, so
// that what is said of the last time says nothing of the first.
func unsent(err error, writes int) bool {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return writes == 0
	}
	return writes <= 1 && (errors.Is(err, errAgain) || errors.Is(err, errRefused))
}

// ask sends a request of the nodes' own to another and returns its answer, which is short. Errors
// are of what passes, but for a *Problem, which is the other's answer.
func (a *API) ask(r *http.Request, body []byte, h hop) ([]byte, error) {
	sum := sha256.Sum256(body)
	h.Body = sum[:]
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	a.hops.sign(r, h)
	res, err := a.transport.RoundTrip(r)
	a.metrics.passed(h.Kind, err)
	if err != nil {
		return nil, errors.Join(compaction.ErrNotServing, err)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, wholeAnswer+1))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, errors.Join(compaction.ErrNotServing, err)
	}
	switch word := res.Header.Get(hopHeader); {
	case word == hopRefused:
		a.logger.Warn("a node refused a request of another", "to", r.URL.Host)
		return nil, errors.Join(compaction.ErrNotServing, errRefused)
	case word != "" || res.StatusCode >= http.StatusInternalServerError || len(answer) > wholeAnswer:
		return nil, errors.Join(compaction.ErrNotServing,
			errors.New("api: a node answered "+strconv.Itoa(res.StatusCode)))
	case res.StatusCode != http.StatusOK:
		return nil, &Problem{Status: res.StatusCode, Detail: res.Status}
	}
	return answer, nil
}
