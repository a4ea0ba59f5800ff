package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// A wire is one process's network to the brokers: each request may get lost, or its answer, or the
// answer comes late; all of it may be cut for a while; and it ends with the process. What happens
// to a request is decided by a seed and the requests before it.
type wire struct {
	network *kfake.VirtualNetwork
	hops    *atomic.Int64               // counts connections to other nodes
	alter   func(b []byte, answer bool) // what goes over it

	mu    sync.Mutex
	rng   *rand.Rand
	rates rates
	cuts  int // while there are some, nothing goes either way and nobody is told
	dead  bool
	woken chan struct{} // closed when a process that stands still goes on; nil while it does not
	conns map[*wireConn]bool
	fates map[fate]int // how often each happened
}

// Rates are how many of a thousand requests meet each fate: of those that end transactions, which
// are what a commit hangs on, and of all others.
type rates struct{ end, other int }

// A fate is what becomes of a request.
type fate uint8

const (
	passes     fate = iota
	lost            // it never reaches the broker, and the connection ends
	answerLost      // the broker has done it, and the connection ends
	answerLate      // the broker has done it, and the answer takes its time
	fates
)

// String names a fate as a schedule tells it.
func (f fate) String() string {
	return [...]string{"passes", "lost", "answer lost", "answer late"}[f]
}

// hop is how long a request takes on its way. Who asks again at once until something has changed,
// such as kgo where a leader has moved, would else do so for ever at one moment: no time passes
// while somebody is at work.
const hop = 100 * time.Microsecond

// endTxn is the key of the request that commits.
const endTxn = 26

var errWire = errors.New("the network of this process has ended")

func newWire(n *simNode, rng *rand.Rand) *wire {
	return &wire{network: &n.s.network, hops: &n.s.hops, alter: n.unfence, rng: rng,
		conns: map[*wireConn]bool{}, fates: map[fate]int{}}
}

// dial connects to a broker. While the wire is cut it waits in vain.
func (w *wire) dial(ctx context.Context, network, host string) (net.Conn, error) {
	w.stand()
	for {
		w.mu.Lock()
		cut, dead := w.cuts > 0, w.dead
		w.mu.Unlock()
		if dead {
			return nil, errWire
		}
		if !cut {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	inner, err := w.network.DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	c := &wireConn{Conn: inner, wire: w}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return nil, errors.Join(errWire, inner.Close())
	}
	w.conns[c] = true
	return c, nil
}

// disturb sets how often requests get lost from now on.
func (w *wire) disturb(r rates) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rates = r
}

// sever cuts the wire, or mends it: connections that lost something meanwhile end then.
func (w *wire) sever(cut bool) {
	w.mu.Lock()
	if w.cuts++; !cut {
		w.cuts -= 2
	}
	var ended []*wireConn
	for c := range w.conns {
		if w.cuts == 0 && c.holed {
			ended = append(ended, c)
		}
	}
	w.mu.Unlock()
	for _, c := range ended {
		_ = c.Close() // it is a pipe in memory
	}
}

// still has the process stand still: what it sends and receives waits until it is woken.
func (w *wire) still() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woken == nil && !w.dead {
		w.woken = make(chan struct{})
	}
}

// wake has it go on.
func (w *wire) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woken != nil {
		close(w.woken)
		w.woken = nil
	}
}

// stand waits for as long as the process stands still.
func (w *wire) stand() {
	w.mu.Lock()
	woken := w.woken
	w.mu.Unlock()
	if woken != nil {
		<-woken
	}
}

// stands reports whether the process stands still.
func (w *wire) stands() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.woken != nil
}

// end ends the wire with its process. The brokers see the connections close.
func (w *wire) end() {
	w.wake()
	w.mu.Lock()
	w.dead = true
	var ended []*wireConn
	for c := range w.conns {
		ended = append(ended, c)
	}
	w.mu.Unlock()
	for _, c := range ended {
		_ = c.Close() // it is a pipe in memory
	}
}

// fate decides what becomes of a request.
func (w *wire) fate(key int16) (fate, time.Duration) {
	rate := w.rates.other
	if key == endTxn {
		rate = w.rates.end
	}
	if rate == 0 || w.rng.IntN(1000) >= rate {
		return passes, 0
	}
	f := 1 + fate(w.rng.IntN(int(fates)-1))
	w.fates[f]++
	return f, time.Duration(w.rng.IntN(3000)) * time.Millisecond
}

// A wireConn is a connection of a wire. A client writes each request at once.
type wireConn struct {
	net.Conn
	wire *wire

	// covered by wire.mu:
	holed bool          // something was swallowed: it cannot go on once the wire is mended
	lose  bool          // the next answer is lost
	late  time.Duration // the next answer takes so long
}

// Write sends a request, unless something becomes of it.
func (c *wireConn) Write(b []byte) (int, error) {
	c.wire.stand()
	c.wire.mu.Lock()
	if c.wire.cuts > 0 {
		c.holed = true
		c.wire.mu.Unlock()
		return len(b), nil
	}
	f := passes
	if len(b) >= 6 {
		var late time.Duration
		switch f, late = c.wire.fate(int16(binary.BigEndian.Uint16(b[4:]))); f {
		case answerLost:
			c.lose = true
		case answerLate:
			c.late = late
		}
	}
	c.wire.mu.Unlock()
	time.Sleep(hop)
	if f == lost {
		return len(b), c.Close()
	}
	c.wire.alter(b, false)
	return c.Conn.Write(b)
}

// Read receives an answer, unless something becomes of it.
func (c *wireConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		c.wire.stand()
		c.wire.mu.Lock()
		cut, lose, late := c.wire.cuts > 0, c.lose, c.late
		c.holed = c.holed || cut && n > 0
		c.late = 0
		c.wire.mu.Unlock()
		switch {
		case err != nil:
			return n, err
		case lose:
			return 0, errors.Join(io.EOF, c.Close())
		case cut:
			continue
		}
		time.Sleep(late)
		c.wire.alter(b[:n], true)
		return n, nil
	}
}

// Close ends the connection.
func (c *wireConn) Close() error {
	c.wire.mu.Lock()
	delete(c.wire.conns, c)
	c.wire.mu.Unlock()
	return c.Conn.Close()
}

// severed reports whether nobody hears of the process: its wire is cut, or it stands still.
func (w *wire) severed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts > 0 || w.woken != nil
}
