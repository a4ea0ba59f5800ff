package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quittance/quittance/compaction"
)

// Webhooks that are not answered 2xx are sent again after a second, then after twice as long each
// time up to an hour, for three days.
const (
	firstRetry   = time.Second
	longestRetry = time.Hour
	sendFor      = 3 * 24 * time.Hour
	sendAtOnce   = 8
)

// sendAll sends webhooks that are due until ctx ends.
func (p *Provider) sendAll(ctx context.Context) error {
	for {
		wait, err := p.sendDue(ctx)
		if err != nil && ctx.Err() == nil {
			p.o.Logger.Warn("the sandbox could not send webhooks", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-time.After(wait):
		}
	}
}

// sendDue sends what is due and returns how long nothing else will be.
func (p *Provider) sendDue(ctx context.Context) (time.Duration, error) {
	const most = time.Second
	for {
		var rows []compaction.Row[Object]
		err := p.shards.Read(books, func(v *compaction.View) (err error) {
			rows, err = Objects.Lookup(v, "send", compaction.Page{Limit: 10 * sendAtOnce})
			return err
		})
		if err != nil {
			return most, err
		}
		wait, now := most, p.now()
		if i := slices.IndexFunc(rows, func(r compaction.Row[Object]) bool {
			return r.Value.Send.After(now)
		}); i >= 0 {
			wait = min(most, max(rows[i].Value.Send.Sub(now), time.Millisecond))
			rows = rows[:i]
		}
		if len(rows) == 0 {
			return wait, nil
		}
		var g errgroup.Group
		g.SetLimit(sendAtOnce)
		for _, r := range rows {
			g.Go(func() error { return p.send(ctx, r.Value) })
		}
		if err := g.Wait(); err != nil {
			return most, err
		}
	}
}

// send sends an event to every endpoint and writes down what came of it. A crash before that sends
// it again, as any provider may.
func (p *Provider) send(ctx context.Context, o Object) error {
	p.mu.Lock()
	endpoints := slices.Clone(p.endpoints)
	p.mu.Unlock()
	taken := true
	for _, e := range endpoints {
		taken = p.post(ctx, e, o.JSON) && taken
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.do(ctx, func(tx *compaction.Tx) error {
		var e event
		now, ok, err := load(tx, kindEvent, o.ID, &e)
		if err != nil || !ok {
			return err
		}
		now.Sent++
		retry := min(firstRetry<<min(now.Sent-1, 20), longestRetry)
		switch age := tx.Now().Unix() - e.Created; {
		case taken && now.Sent < now.Copies:
			now.Send = tx.Now()
		case taken || age > int64(sendFor/time.Second):
			now.Send, e.PendingWebhooks = time.Time{}, 0
		default:
			now.Send, now.Copies = tx.Now().Add(retry), now.Copies+1
		}
		return save(tx, now, e)
	})
}

// post sends a webhook and reports whether it was taken.
func (p *Provider) post(ctx context.Context, e Endpoint, body []byte) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Stripe-Signature", Sign(body, e.Secret, p.o.Clock()))
	answer, err := p.o.Client.Do(r)
	if err != nil {
		return false
	}
	_, copied := io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	closed := answer.Body.Close()
	return copied == nil && closed == nil && answer.StatusCode/100 == 2
}

// Sign returns the Stripe-Signature header of a webhook that is sent at a time:
// t=seconds,v1=HMAC-SHA256 of "seconds.body" by the endpoint's secret, in hexadecimal.
func Sign(body []byte, secret string, at time.Time) string {
	h := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(h, "%d.", at.Unix()) // a hash never fails
	h.Write(body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(h.Sum(nil)))
}

// Pending returns how many webhooks have not been taken: tests wait for none.
func (p *Provider) Pending() (int, error) {
	n := 0
	err := p.shards.Read(books, func(v *compaction.View) error {
		rows, err := Objects.Lookup(v, "send", compaction.Page{})
		n = len(rows)
		return err
	})
	return n, err
}

// Stats returns how often each fault has happened since the provider was opened.
func (p *Provider) Stats() Stats { return p.dice.counts() }

// SetFaults replaces what goes wrong from now on.
func (p *Provider) SetFaults(f Faults) { p.dice.set(f) }
