package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A connection is one kept-alive HTTP/1.1 connection over which prepared requests are sent. It
// reads of a response only what it must: a client that shares the machine with the server it
// measures takes away what it uses itself. net/http's client costs as much as the server.
type connection struct {
	raw  net.Conn
	in   *bufio.Reader
	body []byte
}

// dial opens a connection to host:port.
func dial(ctx context.Context, host string) (*connection, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return &connection{raw: raw, in: bufio.NewReaderSize(raw, 16<<10)}, nil
}

// send sends a whole request and returns the status of its response and the body, which is valid
// until the next call.
func (c *connection) send(request []byte) (status int, body []byte, err error) {
	if _, err := c.raw.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, errResponse
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, errResponse
	}
	length := 0
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return 0, nil, errResponse
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = -1
		}
	}
	c.body = c.body[:0]
	if length < 0 {
		return status, c.body, c.chunks()
	}
	c.body = slices.Grow(c.body, length)[:length]
	_, err = io.ReadFull(c.in, c.body)
	return status, c.body, err
}

// chunks reads a body that was sent without saying how long it is.
func (c *connection) chunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 24)
		if err != nil {
			return errResponse
		}
		at := len(c.body)
		c.body = slices.Grow(c.body, int(n)+2)[:at+int(n)+2]
		if _, err := io.ReadFull(c.in, c.body[at:]); err != nil {
			return err
		}
		c.body = c.body[:at+int(n)]
		if n == 0 {
			return nil
		}
	}
}

var errResponse = errors.New("a response that is not HTTP/1.1 as the server writes it")

// close ends the connection.
func (c *connection) close() error { return c.raw.Close() }

// A figure is what a measurement found.
type figure struct {
	name          string
	done          int // operations, or records, or postings
	took          time.Duration
	p50, p95, p99 time.Duration // of one call; zero where calls were not timed
	note          string
}

// rate is how many were done a second.
func (f figure) rate() float64 { return float64(f.done) / f.took.Seconds() }

// measure has callers call do again and again for a time, after a tenth of it to warm up, and times
// each call. A call counts as `each` operations. The first error ends the measurement.
func measure(
	ctx context.Context, name string, callers, each int, duration time.Duration,
	do func(ctx context.Context, caller, n int) error,
) (figure, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now().Add(duration / 10)
	end := begin.Add(duration)
	samples := make([][]time.Duration, callers)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			last := time.Now()
			for n := 0; last.Before(end) && ctx.Err() == nil; n++ {
				if err := do(ctx, caller, n); err != nil {
					cancel(fmt.Errorf("%s: %w", name, err))
					return
				}
				now := time.Now()
				if last.After(begin) {
					samples[caller] = append(samples[caller], now.Sub(last))
				}
				last = now
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return figure{}, err
	}
	all := slices.Concat(samples...)
	f := figure{name: name, done: each * len(all), took: duration}
	f.timed(all)
	return f, nil
}

// timed sets how long calls took, from the time of each. It sorts them.
func (f *figure) timed(all []time.Duration) {
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	at := func(part int) time.Duration { return all[(len(all)-1)*part/100] }
	f.p50, f.p95, f.p99 = at(50), at(95), at(99)
}
