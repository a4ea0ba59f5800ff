package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/quittance/quittance/compaction"
)

// Peers tell where shards are served, where other processes serve some of them. Its methods may be
// called from any goroutine and do not block.
type Peers interface {
	// Owner returns the address (http://host:port) of the process that owns a shard, empty while
	// none does, whether that is this process, and a channel that is closed when either may have
	// changed.
	Owner(shard int) (address string, here bool, changed <-chan struct{})
}

// patience is how long a request waits for its shard to be served, wherever that is. It is that of
// an API, so that a test can wait for as long as a busy machine takes.
const patience = 2 * time.Second

// A crossing is what an exchange needs where other processes serve some of the shards.
type crossing struct {
	hop     *hop      // by which the request came; nil: from a client
	until   time.Time // when patience is over
	over    bool      // it is: what fails now is answered
	counted bool      // against the caller's rate
	raw     []byte    // the body as it came, once it had to be passed on
	taken   bool      // raw was taken
	sent    int       // how often the request was sent to another node
	unclear bool      // it may have been done by one of those it was sent to

	shard   int             // the one that was asked last, or was to be
	pending error           // why there is no answer yet
	absent  bool            // nobody owns the shard
	changed <-chan struct{} // closed when that may no longer be so
}

// An elsewhereError says that a shard is not owned here.
type elsewhereError struct{ shard int }

// Error names the shard, for logs: callers are told what they are of ErrNotServing.
func (e *elsewhereError) Error() string {
	return fmt.Sprintf("api: shard %d is not owned here", e.shard)
}

// Is reports that it is an ErrNotServing.
func (e *elsewhereError) Is(target error) bool { return target == compaction.ErrNotServing }

// attend answers a request where other processes serve some of the shards: here or by passing it
// on, and by trying again for as long as patience lasts while its shard moves.
//
//	entry ── authenticate ──▶ owner of the caller's tenant ── do ──▶ owner of the tenant it is about
//
// Each hop is left out where one node is both. A request that came by a hop is passed on no further
// but from authenticate to do, so it cannot go round.
func (x *exchange) attend(next http.HandlerFunc) {
	c := &crossing{until: time.Now().Add(x.api.patience)}
	x.across = c
	if err := x.arrive(); err != nil {
		c.over = true
		x.fail(err)
		return
	}
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		c.pending, c.changed, c.absent, x.caller = nil, nil, false, nil
		if c.taken {
			x.r.Body, x.r.ContentLength = io.NopCloser(bytes.NewReader(c.raw)), int64(len(c.raw))
		}
		x.try(next)
		if c.pending == nil {
			return
		}
		if away, ok := errors.AsType[*elsewhereError](c.pending); ok && x.pass(away.shard) {
			return
		}
		if !c.taken && x.body != nil { // the connection has given it away
			c.raw, c.taken = x.body, true
		}
		x.newKey = false // a command that was tried may have been done
		if err := x.wait(pause); err != nil {
			x.giveUp(err)
			return
		}
	}
}

// arrive takes the hop that a request came by, if it did.
func (x *exchange) arrive() error {
	h, err := x.api.hops.open(x.r)
	if err == nil && h != nil && !x.route.takes(h) {
		err = errHop
	}
	if err != nil {
		x.Header()[hopHeader] = []string{hopRefused}
		return err
	}
	if h == nil {
		return nil
	}
	x.across.hop = h
	for _, n := range h.Shards {
		if n < 0 || n >= x.api.shards.Count() || !x.api.shards.Owned(n) {
			x.Header()[hopHeader] = []string{hopAgain}
			return &elsewhereError{n}
		}
	}
	return nil
}

// takes reports whether a route is one for a hop.
func (rt *route) takes(h *hop) bool {
	switch h.Kind {
	case hopAuthenticate:
		return rt.roles != nobody && h.Caller == nil && len(h.Shards) == 1
	case hopDo:
		return rt.roles != nobody && h.Caller != nil && len(h.Shards) == 1
	case hopPart:
		return rt.parts && h.Caller != nil
	case hopWebhook:
		return rt.roles == nobody && rt.raw > 0 && len(h.Shards) == 1
	}
	return false
}

// here refuses to answer for a tenant whose shard another process owns.
func (x *exchange) here(tenant string) error {
	c := x.across
	if c == nil {
		return nil
	}
	c.shard = compaction.ShardOf(tenant, x.api.shards.Count())
	if x.api.shards.Owned(c.shard) {
		return nil
	}
	return &elsewhereError{c.shard}
}

// postpone leaves a request unanswered that failed because its shard is not served here now, and
// reports whether it did. To the node that passed the request on it says that it may be sent again:
// there is one place that waits for a shard.
func (x *exchange) postpone(err error) bool {
	c := x.across
	if c == nil || c.over || x.status != 0 || !x.passes(err) {
		return false
	}
	if c.hop != nil && (c.hop.Kind != hopAuthenticate || slices.Contains(c.hop.Shards, c.shard)) {
		word := hopAgain
		if errors.Is(err, compaction.ErrUnknownOutcome) {
			word = hopUnclear
		}
		x.Header()[hopHeader] = []string{word}
		return false
	}
	if errors.Is(err, compaction.ErrUnknownOutcome) {
		c.unclear = true
	}
	c.pending = err
	return true
}

// passes reports whether an error may be over when the request is tried again. What may have been
// done is tried again under its idempotency key alone.
func (x *exchange) passes(err error) bool {
	if _, stopped := errors.AsType[*compaction.StoppedError](err); stopped {
		return false
	}
	if errors.Is(err, compaction.ErrUnknownOutcome) {
		return x.route.mutation && x.key != ""
	}
	return errors.Is(err, compaction.ErrNotServing) || errors.Is(err, compaction.ErrFenced) ||
		errors.Is(err, compaction.ErrClosed)
}

// wait waits until the owner of the exchange's shard may have changed. Where there is one and it
// does not serve yet, nothing tells when it will: it is asked again after a pause. It fails when
// patience or the request is over.
func (x *exchange) wait(pause time.Duration) error {
	c := x.across
	changed := c.changed
	if changed == nil {
		_, _, changed = x.api.peers.Owner(c.shard)
	}
	left := time.Until(c.until)
	if left <= 0 {
		return c.pending
	}
	if c.absent || pause > left {
		pause = left
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-x.r.Context().Done():
		return x.r.Context().Err()
	}
	return nil
}

// giveUp answers a request that nobody answered in time.
func (x *exchange) giveUp(err error) {
	x.across.over = true
	if x.across.unclear && x.route.mutation && !errors.Is(err, context.Canceled) {
		err = compaction.ErrUnknownOutcome
	}
	if x.route.mutation {
		if x.nameOwnKey(); x.key != "" {
			x.Header()[keyHeader] = []string{x.key} // to repeat the request with
		}
	}
	x.fail(err)
}

// take reads the body to pass it on: one byte more than the route takes if there is that much, so
// that the owner refuses it in its turn, after who asks.
func (x *exchange) take() error {
	c := x.across
	if c.taken || x.route.bodyLimit() == 0 {
		return nil
	}
	if x.body != nil {
		c.raw, c.taken = x.body, true
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(x.r.Body, x.route.bodyLimit()+1))
	if err != nil {
		return errBody
	}
	c.raw, c.taken = raw, true
	return nil
}

// client returns the host that the client asks from.
func (x *exchange) client() string {
	if c := x.across; c != nil && c.hop != nil {
		return c.hop.From
	}
	host, _, _ := net.SplitHostPort(x.r.RemoteAddr)
	return host
}

// newTransport returns the connections to other nodes, by TCP unless dial is given. It is used by
// all requests.
func newTransport(
	dial func(ctx context.Context, network, address string) (net.Conn, error),
) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	return &http.Transport{
		DialContext:         dial,
		DisableCompression:  true, // answers are passed on as they are
		MaxIdleConns:        1024,
		MaxIdleConnsPerHost: 256, // as many as requests at once in the measurements
		MaxConnsPerHost:     1024,
		IdleConnTimeout:     time.Minute, // less than the server's own
		// No time for headers is set: a report takes minutes, and an owner that does not answer
		// is left when another takes its place.
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        32 << 10,
		ReadBufferSize:         32 << 10,
	}
}

// watch cancels what an owner was asked when another has been in its place for a moment: a process
// that is stopped in its tracks keeps its connections. What it may have done is found out under the
// idempotency key. The moment is for the answers of an owner that gave its shard up in order.
func (a *API) watch(
	ctx context.Context, cancel context.CancelFunc, shard int, address string,
	changed <-chan struct{},
) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		var owner string
		if owner, _, changed = a.peers.Owner(shard); owner == address || owner == "" {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
			cancel()
		}
		return
	}
}
