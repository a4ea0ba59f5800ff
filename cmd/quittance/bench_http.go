package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// benchHTTP measures the general ledger over HTTP, 64 connections, each of which sends a request
// when the one before was answered: one posting a request between one hot pair of accounts, the
// same over many accounts, and batches of 50.
func benchHTTP(
	ctx context.Context, p *program, c benchCommand, dir string,
) (_ []figure, err error) {
	b := &httpBench{duration: c.Duration, key: p.getenv("QUITTANCE_KEY")}
	address := c.URL
	switch {
	case address != "" && b.key == "":
		return nil, &usageError{"--url: a running server needs a key: set QUITTANCE_KEY"}
	case address == "":
		data := filepath.Join(dir, "data")
		server, err := startChild(ctx, io.Discard, "serve", "--dev", "--data", data,
			"--listen", "127.0.0.1:0", "--log-level", "error")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, server.stop()) }()
		d, err := readDev(filepath.Join(data, "dev.json"))
		if err != nil {
			return nil, err
		}
		address, b.key = d.URL, d.Keys[roleTradesperson]
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	b.host = u.Host
	var figures []figure
	for _, m := range []struct{ batch, pairs int }{{1, 1}, {1, 10_000}, {50, 1}, {50, 10_000}} {
		f, err := b.run(ctx, m.batch, m.pairs)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// benchConnections is how many requests are under way at a time.
const benchConnections = 64

// An httpBench posts to a server.
type httpBench struct {
	host, key string
	duration  time.Duration
	runs      int
}

// run posts on all connections, so many postings a request over so many pairs of accounts.
func (b *httpBench) run(ctx context.Context, batch, pairs int) (_ figure, err error) {
	b.runs++
	connections := make([]*connection, benchConnections)
	for i := range connections {
		if connections[i], err = dial(ctx, b.host); err != nil {
			return figure{}, err
		}
		defer func() { err = errors.Join(err, connections[i].close()) }()
	}
	name := fmt.Sprintf("HTTP, %d connections", benchConnections)
	if batch > 1 {
		name += fmt.Sprintf(", batches of %d", batch)
	}
	buffers := make([][]byte, benchConnections)
	unique := strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.Itoa(b.runs)
	f, err := measure(ctx, name, benchConnections, batch, b.duration,
		func(_ context.Context, caller, n int) error {
			place := caller + n*benchConnections
			body := transactionBody(batch, place, pairs)
			key := unique + "-" + strconv.Itoa(place)
			buffers[caller] = b.request(buffers[caller][:0], batch > 1, key, body)
			status, answer, err := connections[caller].send(buffers[caller])
			if err == nil {
				err = measurable(status, answer)
			}
			return err
		})
	f.note = "one hot pair"
	if pairs > 1 {
		f.note = thousands(2*pairs) + " accounts"
	}
	return f, err
}

// measurable fails with what an answer says that is none of success.
func measurable(status int, answer []byte) error {
	switch {
	case status >= 200 && status <= 299:
		return nil
	case status == http.StatusTooManyRequests:
		return errors.New("the server limits how often a key may ask: " +
			"start the one to be measured with --rate 0")
	}
	return fmt.Errorf("status %d: %s", status, answer)
}

// request appends a whole request to buf.
func (b *httpBench) request(buf []byte, batch bool, key, body string) []byte {
	path := "/v1/transactions"
	if batch {
		path += "/batch"
	}
	buf = append(buf, "POST "+path+" HTTP/1.1\r\nHost: "+b.host+"\r\nAuthorization: Bearer "...)
	buf = append(buf, b.key...)
	buf = append(buf, "\r\nContent-Type: application/json\r\nIdempotency-Key: "...)
	buf = append(buf, key...)
	buf = append(buf, "\r\nContent-Length: "...)
	buf = strconv.AppendInt(buf, int64(len(body)), 10)
	buf = append(buf, "\r\n\r\n"...)
	return append(buf, body...)
}

// transactionBody returns a body with one posting, or with a batch of as many transactions as told,
// between pairs of accounts taken in turn from a place on.
func transactionBody(batch, place, pairs int) string {
	if batch == 1 {
		return transactionJSON(place % pairs)
	}
	all := make([]string, batch)
	for i := range all {
		all[i] = transactionJSON((place*batch + i) % pairs)
	}
	return `{"transactions":[` + strings.Join(all, ",") + `]}`
}

func transactionJSON(pair int) string {
	n := strconv.Itoa(pair)
	return `{"postings":[{"debit":"assets:cash:` + n + `","credit":"income:sales:` + n +
		`","amount":"12.34","currency":"EUR"}]}`
}
