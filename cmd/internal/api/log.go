package api

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// log writes the exchange's line: one for each request that failed, and for the others where the
// log takes Debug. It has nothing of the request but what the API itself knows by name, and the id
// that a client chose, once it looks like one.
func (x *exchange) log(took time.Duration) {
	level, message := x.level()
	if !x.api.logger.Enabled(x.r.Context(), level) {
		return
	}
	pattern, tenant := "", ""
	if x.route != nil {
		pattern = x.route.path
	}
	if x.caller != nil {
		tenant = x.caller.home
	}
	line := []slog.Attr{
		slog.String("request", x.id), slog.String("method", methodOf(x.r)),
		slog.String("route", pattern), slog.Int("status", x.status),
		slog.Duration("took", took), slog.String("tenant", tenant),
	}
	if x.problemKind != "" {
		line = append(line, slog.String("problem", x.problemKind))
	}
	if x.failure != nil {
		line = append(line, slog.Any("error", x.failure))
	}
	x.api.logger.LogAttrs(x.r.Context(), level, message, line...)
}

// level is how much the exchange's line matters, and its message. What is ours to fix or for an
// operator to see to is an error. A shard that is not served is neither: it says so itself.
func (x *exchange) level() (slog.Level, string) {
	switch {
	case x.status < http.StatusBadRequest:
		return slog.LevelDebug, "request"
	case isError(x.status):
		return slog.LevelError, "a request failed"
	}
	return slog.LevelInfo, "a request failed"
}

func isError(status int) bool {
	return status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable
}

// methodOf is the request's method, if it is one: clients may send any word for it.
func methodOf(r *http.Request) string {
	if slices.Contains(methods, r.Method) || r.Method == http.MethodHead ||
		r.Method == http.MethodOptions {
		return r.Method
	}
	return "other"
}

// problemIn returns the kind of the problem that an answer is, "" where it is none. Answers are
// looked at, and not what made them: some were made before, some by another node, some by huma.
func problemIn(answer []byte) string {
	rest, ok := bytes.CutPrefix(answer, []byte(`{"type":"`))
	kind, _, whole := bytes.Cut(rest, []byte{'"'})
	if !ok || !whole {
		return ""
	}
	return strings.TrimPrefix(string(kind), "/problems/")
}
