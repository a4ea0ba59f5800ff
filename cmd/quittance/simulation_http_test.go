package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// url is where others reach the node's process.
func (n *simNode) url() string { return "http://" + n.host }

// cluster makes the process one of those that know of each other: it follows the directory, and
// has the log confirm a shard that another has claimed. What it returns ends that.
func (n *simNode) cluster(p *simProcess, logger *slog.Logger) (*cluster, func(), error) {
	c, err := newCluster(&engine{log: p.log, shards: p.shards}, kafka.Options{
		Connection: n.s.connection(n, p.wire), Node: n.name, Address: n.url()}, session, logger)
	if err != nil {
		return nil, nil, err
	}
	follow, end := context.WithCancel(p.ctx)
	c.follow = end
	go c.directory.Run(follow)
	go c.watch(follow, logger)
	return c, c.close, nil
}

// serve answers requests over HTTP until the process ends, in a seed that has some.
func (n *simNode) serve(p *simProcess, c *cluster, logger *slog.Logger) error {
	if n.s.http == nil {
		return nil
	}
	a, err := api.New(api.Options{Shards: p.shards, Clock: n.now, Logger: logger, Peers: c,
		HopSecret: make([]byte, 32), Dial: p.wire.reach})
	if err != nil {
		return err
	}
	var l net.Listener
	for l == nil { // the process before this one may not have let go of it yet
		if l, err = n.s.network.Listen("tcp", n.host); err == nil {
			break
		}
		select {
		case <-p.ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
	server := newHTTPServer(a, logger)
	ended := context.AfterFunc(p.ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(gatedListener{l, p.wire}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A gatedListener takes connections to a process: nothing goes over them while it stands still or
// its wire is cut.
type gatedListener struct {
	net.Listener
	wire *wire
}

// Accept takes a connection.
func (l gatedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return gatedConn{c, l.wire}, nil
}

// reach connects to another node.
func (w *wire) reach(ctx context.Context, network, host string) (net.Conn, error) {
	if err := w.pass(ctx); err != nil {
		return nil, err
	}
	c, err := w.network.DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	w.hops.Add(1)
	return gatedConn{c, w}, nil
}

// pass waits until the process neither stands still nor is cut off. It fails when it has ended.
func (w *wire) pass(ctx context.Context) error {
	for {
		w.stand()
		w.mu.Lock()
		cut, dead := w.cuts > 0, w.dead
		w.mu.Unlock()
		if dead || !cut {
			return map[bool]error{true: errWire}[dead]
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// A gatedConn is a connection that a wire may hold up.
type gatedConn struct {
	net.Conn
	wire *wire
}

// Read receives, once the wire lets it.
func (c gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if e := c.wire.pass(context.Background()); e != nil {
		return 0, errors.Join(e, c.Close())
	}
	return n, err
}

// Write sends, once the wire lets it.
func (c gatedConn) Write(b []byte) (int, error) {
	if err := c.wire.pass(context.Background()); err != nil {
		return 0, errors.Join(err, c.Close())
	}
	return c.Conn.Write(b)
}

// send asks any node over HTTP to post o, again and again until one answers, or the client's
// patience ends.
func (c *simClient) send(o *simOp, patience int) (a compaction.Answer, err error) {
	for tries := 1; ; tries++ {
		a, err = c.try(o, c.s.nodes[c.rng.IntN(len(c.s.nodes))])
		if err == nil || tries == patience || c.s.over() {
			return a, err
		}
		time.Sleep(time.Duration(100+c.rng.IntN(900)) * time.Millisecond)
	}
}

// try asks a node once.
func (c *simClient) try(o *simOp, n *simNode) (a compaction.Answer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]any{"metadata": map[string]string{"op": o.id},
		"postings": []map[string]string{{"debit": string(o.debit), "credit": string(o.credit),
			"amount": fmt.Sprintf("%d.%02d", o.amount/100, o.amount%100), "currency": "EUR"}}})
	if err != nil {
		return a, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url()+"/v1/transactions",
		bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", o.id)
	answer, err := c.s.http.RoundTrip(r)
	if err != nil {
		return a, fmt.Errorf("%w: %w", errGone, err)
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return a, fmt.Errorf("%w: %w", errGone, err)
	}
	switch {
	case answer.StatusCode == http.StatusServiceUnavailable:
		return a, fmt.Errorf("%w: %s", errGone, text)
	case answer.StatusCode != http.StatusCreated:
		c.s.fault("%s: %s over HTTP: %s: %s", c.name, o.id, answer.Status, text)
		return a, fmt.Errorf("%w: %s", errGone, text)
	}
	var said struct{ ID string }
	err = json.Unmarshal(text, &said)
	c.s.sent.Add(1)
	return compaction.Answer{Code: 201, Body: []byte(said.ID),
		Replayed: answer.Header.Get("Idempotency-Replayed") != ""}, err
}
