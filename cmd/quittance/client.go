package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
)

// Roles of API keys, as dev.json names them.
const (
	roleTradesperson = "tradesperson"
	roleFinance      = "finance"
	rolePlatform     = "platform"
)

// A client calls the public API of a running server with one key.
type client struct {
	url, key string
	http     *http.Client
}

// client returns a client of the server that the flags name, with the key of a role.
func (r remoteFlags) client(p *program, role string) (*client, error) {
	url, key, err := r.remote(p, role)
	if err != nil {
		return nil, err
	}
	return &client{url, key, newHTTPClient()}, nil
}

// A problem is an answer of the API that says why not.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Instance is the request's id, by which the server's log tells of it.
	Instance string `json:"instance"`
	route    string
}

// Error says what was asked for and why it was refused. The reason of a fault of the server's own
// is in its log only.
func (e *problem) Error() string {
	if e.Status == http.StatusInternalServerError && e.Instance != "" {
		return fmt.Sprintf("%s: %d %s: why is in the server's log, in the lines of %s",
			e.route, e.Status, e.Title, e.Instance)
	}
	return fmt.Sprintf("%s: %d %s: %s (%s)", e.route, e.Status, e.Title, e.Detail, e.Type)
}

// call sends a body as JSON, nil for none, and reads the answer into out, nil for not at all.
// Refusals are of type *problem.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	_, err := c.send(ctx, method, path, "", body, out, nil)
	return err
}

// send is call with an idempotency key, empty for none. It returns the answer's body, and puts its
// header into header where that is not nil.
func (c *client) send(
	ctx context.Context, method, path, key string, body, out any, header http.Header,
) (text []byte, err error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	q, err := http.NewRequestWithContext(ctx, method, c.url+path, content)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		q.Header.Set("Idempotency-Key", key)
	}
	a, err := c.http.Do(q)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	if header != nil {
		maps.Copy(header, a.Header)
	}
	if text, err = io.ReadAll(a.Body); err != nil {
		return nil, err
	}
	if a.StatusCode >= http.StatusBadRequest {
		return text, refusal(method+" "+path, a, text)
	}
	if out == nil {
		return text, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return text, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return text, nil
}

// newHTTPClient returns a client that waits as long as a server may answer, and not for ever.
func newHTTPClient() *http.Client { return &http.Client{Timeout: writeTimeout + time.Minute} }

// refusal returns what an answer that is none of success says.
func refusal(route string, a *http.Response, text []byte) error {
	refused := &problem{route: route, Status: a.StatusCode}
	if err := json.Unmarshal(text, refused); err != nil {
		refused.Title, refused.Detail = a.Status, string(text[:min(len(text), 300)])
	}
	return refused
}
