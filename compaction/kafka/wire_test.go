package kafka

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A wire is the way to a cluster, on which requests and answers can be lost or held up. It works
// before real brokers as well as before models.
type wire struct {
	mu    sync.Mutex
	rules []*rule
}

// A fate is what becomes of a request.
type fate int

const (
	loseRequest fate = iota // it never comes to the broker, and the connection breaks
	loseAnswer              // the broker does it, and then the connection breaks
	hold                    // it waits until it is released
	holdAnswer              // the broker does it, and the answer waits until it is released
)

// A rule is what becomes of the next requests of a kind.
type rule struct {
	key   int16
	match func(request []byte) bool // nil: every one
	fate  fate
	left  atomic.Int64
	met   chan struct{} // closed when the first one came, or the first answer that is held
	at    time.Time     // when the last one came that was met
	once  sync.Once
	open  chan struct{} // closed when what is held may go on
}

// next makes a rule for the next so many requests of a kind.
func (w *wire) next(key kmsg.Key, f fate, count int, match func(request []byte) bool) *rule {
	r := &rule{key: key.Int16(), match: match, fate: f, met: make(chan struct{}),
		open: make(chan struct{})}
	r.left.Store(int64(count))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules = append(w.rules, r)
	return r
}

// release lets go what is held.
func (r *rule) release() { close(r.open) }

// over ends the rule.
func (r *rule) over() { r.left.Store(0) }

func (w *wire) rule(request []byte) *rule {
	if len(request) < 6 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rules {
		if int16(binary.BigEndian.Uint16(request[4:])) != r.key || r.left.Load() <= 0 ||
			r.match != nil && !r.match(request) {
			continue
		}
		r.left.Add(-1)
		return r
	}
	return nil
}

// dial is a Connection's Dial.
func (w *wire) dial(ctx context.Context, network, host string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: c, wire: w}, nil
}

type wireConn struct {
	net.Conn
	wire *wire
	lose atomic.Bool          // the next answer
	held atomic.Pointer[rule] // of the next answer
}

// Write takes a request; the client writes each as a whole.
func (c *wireConn) Write(b []byte) (int, error) {
	r := c.wire.rule(b)
	if r == nil {
		return c.Conn.Write(b)
	}
	if r.fate == holdAnswer {
		r.at = time.Now()
		c.held.Store(r)
		return c.Conn.Write(b)
	}
	r.once.Do(func() { close(r.met) })
	switch r.fate {
	case loseRequest:
		_ = c.Conn.Close()
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}
	case loseAnswer:
		c.lose.Store(true)
	case hold:
		<-r.open
	}
	return c.Conn.Write(b)
}

func (c *wireConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.lose.Load() {
		_ = c.Conn.Close()
		return 0, io.EOF
	}
	if r := c.held.Swap(nil); n > 0 && r != nil {
		r.once.Do(func() { close(r.met) })
		<-r.open
	}
	return n, err
}

// wired is a log with the suite's topics whose way to the cluster is a wire.
func wired(tb testing.TB, fresh fresh) (*Log, *wire) {
	tb.Helper()
	w := &wire{}
	o := suiteOptions(fresh(tb))
	o.Dial = w.dial
	return opened(tb, o), w
}
