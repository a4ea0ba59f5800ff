package api

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quittance/quittance/compaction"
)

// An exchange is one request and its answer. It is the ResponseWriter that handlers are given, so
// that what is known of a request travels with it and not in a context.
type exchange struct {
	http.ResponseWriter
	api   *API
	r     *http.Request
	id    string
	began time.Time
	route *route // nil until one matched

	caller *caller // who asks; nil where nobody need say
	tenant string  // whose records the request is about
	key    string  // the idempotency key of a mutation
	newKey bool    // the key was made for this very request
	body   []byte
	fields []compaction.Field // of the body, for the idempotency record

	across *crossing // nil where this process serves all shards

	status int // 0 until the answer began

	problemKind string // of an answer that is a problem
	failure     error  // what the answer does not tell, for the log
}

// WriteHeader begins the answer.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the answer's body.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	if x.status >= http.StatusBadRequest && x.problemKind == "" {
		x.problemKind = problemIn(b)
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the connection's own writer.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, api: a, r: r, began: time.Now()}
	x.id = r.Header.Get(requestIDHeader)
	if !isRequestID(x.id) {
		x.id = a.requestIDs.next()
	}
	w.Header()[requestIDHeader] = []string{x.id}
	defer x.end()
	if r.Method == http.MethodPost && r.URL.RawPath == "" {
		if h := a.direct[r.URL.Path]; h != nil { // spares the busiest routes the router's work
			h(x, r)
			return
		}
	}
	a.router.ServeHTTP(x, r)
}

// end answers for a handler that panicked, counts the exchange and logs it.
func (x *exchange) end() {
	if p := recover(); p != nil {
		x.panicked(p)
	}
	took := time.Since(x.began)
	x.api.metrics.observe(x.route, x.status, took)
	x.log(took)
}

// panicked answers 500 where nothing was answered yet. Otherwise the client must see that what it
// was given is not whole, so the connection is cut.
func (x *exchange) panicked(p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	x.api.logger.Error("a handler panicked", "request", x.id, "panic", p,
		"stack", string(debug.Stack()))
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	x.problem(problemOf(nil))
}

// fail answers with the problem that err is. The log has the error itself where that is in no row
// of the table, and where an operator has to see to it.
func (x *exchange) fail(err error) {
	if x.postpone(err) {
		return
	}
	p := problemOf(err)
	if isError(p.Status) {
		x.failure = err
	}
	x.problem(p)
	if errors.Is(err, context.Canceled) && x.r.Context().Err() != nil {
		x.status, x.problemKind = statusClientGone, ""
	}
}

// statusClientGone counts requests whose client went away before the answer. One is written all the
// same: a handler that writes nothing has answered 200, and the server may have been wrong.
const statusClientGone = 499

// listen lets the connection be read until a time: a moment longer than the request may take, and
// once it was answered, for a moment. A read that fails while an answer is awaited is a client that
// went away to the server, and so is one whose time is over, such as the shorter one in which the
// body has to come. And what a client that was refused has still to send is waited for.
func (x *exchange) listen(until time.Time) {
	err := http.NewResponseController(x.ResponseWriter).SetReadDeadline(until)
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		x.api.logger.Debug("a connection has no time set", "request", x.id, "error", err)
	}
}

const spare = 5 * time.Second

// problem writes p as the answer.
func (x *exchange) problem(p *Problem) {
	p.Instance = x.id
	h := x.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = []string{`Bearer realm="quittance"`}
	case http.StatusMethodNotAllowed:
		h["Allow"] = []string{x.api.allowed(x.r)}
	}
	if p.RetryAfter > 0 {
		h["Retry-After"] = []string{strconv.Itoa(p.RetryAfter)}
	}
	x.write(p.Status, p.json())
}

var (
	typeJSON    = []string{"application/json"}
	typeProblem = []string{"application/problem+json"}
)

// write writes a whole JSON answer.
func (x *exchange) write(status int, body []byte) {
	h := x.Header()
	h["Content-Type"] = typeJSON
	if status >= http.StatusBadRequest {
		h["Content-Type"] = typeProblem
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.WriteHeader(status)
	if _, err := x.Write(body); err != nil {
		x.api.logger.Debug("an answer was not taken", "request", x.id, "error", err)
	}
}

const requestIDHeader = "X-Request-Id"

// isRequestID reports whether a client's own request id may be used in place of ours, and logged.
func isRequestID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

// ids makes names that are given out once, by this process and any other.
type ids struct {
	prefix string
	last   atomic.Uint64
}

func newIDs(prefix string) *ids {
	var b [10]byte
	rand.Read(b[:]) // never fails
	return &ids{prefix: prefix + strings.ToLower(base32.StdEncoding.EncodeToString(b[:])) + "-"}
}

func (n *ids) next() string {
	var room [48]byte
	return string(strconv.AppendUint(append(room[:0], n.prefix...), n.last.Add(1), 36))
}
