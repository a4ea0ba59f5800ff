package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A payer takes quotes to payment, one after the other, and does not give up when the server is
// killed: it repeats what was not answered, with the same key, until it is.
type payer struct {
	n        int
	client   *client
	customer string

	mu       sync.Mutex
	answers  []answered // every answer so far
	payments []paid
	failed   error
}

// paid is a payment that was begun, and its amount.
type paid struct{ id, amount string }

// newPayer makes a payer with a customer of its own.
func newPayer(t *testing.T, d devFile, n int) *payer {
	t.Helper()
	p := &payer{n: n, client: d.as(roleTradesperson)}
	p.client.http.Timeout = 15 * time.Second
	body := map[string]string{"name": "Ida"}
	customer, err := p.insist(t.Context(), "/v1/customers", "customer", body)
	if err != nil {
		t.Fatal(err)
	}
	p.customer = customer.ID
	return p
}

// run takes quotes to payment until ctx ends, beginning new ones while there is to be load. What
// was begun is brought to a payment.
func (p *payer) run(ctx context.Context, load *atomic.Bool) {
	for n := 0; ctx.Err() == nil; n++ {
		if !load.Load() {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if err := p.flow(context.WithoutCancel(ctx), fmt.Sprint(n)); err != nil {
			p.mu.Lock()
			p.failed = err
			p.mu.Unlock()
			return
		}
		time.Sleep(20 * time.Millisecond) // what is asked of the provider grows with what it did
	}
}

// flow takes one quote from its draft to a payment.
func (p *payer) flow(ctx context.Context, n string) error {
	amount := fmt.Sprintf("%d.%02d", 1+rand.IntN(900), rand.IntN(100))
	quote, err := p.insist(ctx, "/v1/quotes", n+"-quote", map[string]any{
		"customer": p.customer, "currency": "EUR", "lines": []any{map[string]any{
			"quantity": "1", "unit_price": amount, "tax": map[string]string{"category": "Z", "rate": "0"},
		}},
	})
	if err != nil {
		return err
	}
	at := "/v1/quotes/" + quote.ID
	issued, err := p.insist(ctx, at+"/issue", n+"-issue", nil)
	if err != nil {
		return err
	}
	_, err = p.insist(ctx, at+"/accept", n+"-accept",
		map[string]any{"who": "Ida", "hash": issued.Hash, "promotion_codes": []string{}})
	if err != nil {
		return err
	}
	invoice, err := p.insist(ctx, "/v1/invoices", n+"-invoice", map[string]string{"quote": quote.ID})
	if err != nil {
		return err
	}
	at = "/v1/invoices/" + invoice.ID
	if _, err := p.insist(ctx, at+"/finalize", n+"-finalize", nil); err != nil {
		return err
	}
	payment, err := p.insist(ctx, "/v1/payments", n+"-payment", map[string]string{
		"invoice": invoice.ID, "gateway": "stripe", "method": "pm_card_visa"})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.payments = append(p.payments, paid{payment.ID, amount})
	return nil
}

// insist repeats a request with one key until it is answered.
func (p *payer) insist(ctx context.Context, path, key string, body any) (reference, error) {
	key = fmt.Sprintf("payer-%d-%s", p.n, key)
	var out reference
	var answer string
	err := insisted(func() (err error) {
		answer, _, err = p.client.repeat(ctx, path, key, body)
		return err
	})
	if err != nil {
		return out, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append(p.answers, answered{path, key, body, answer})
	return out, json.Unmarshal([]byte(answer), &out)
}

// repeat asks for some of the answers again, the newest among them. Each must be as it was.
func (p *payer) repeat() (int, error) {
	p.mu.Lock()
	failed, answers := p.failed, p.answers
	p.mu.Unlock()
	if failed != nil {
		return 0, failed
	}
	some := answers[max(0, len(answers)-10):]
	for range min(10, len(answers)) {
		some = append(some[:len(some):len(some)], answers[rand.IntN(len(answers))])
	}
	for _, a := range some {
		if err := a.again(context.Background(), p.client); err != nil {
			return 0, err
		}
	}
	return len(some), nil
}

// finish waits until each payment has succeeded: a declined one is tried again. It adds what was to
// be paid to amounts.
func (p *payer) finish(amounts map[string]string) error {
	if p.failed != nil {
		return p.failed
	}
	ctx := context.Background()
	for _, payment := range p.payments {
		amounts[payment.id] = payment.amount
		for tries, began := 0, time.Now(); ; time.Sleep(20 * time.Millisecond) {
			var now struct{ Status, Code, Conflict string }
			err := insisted(func() error {
				return p.client.call(ctx, http.MethodGet, "/v1/payments/"+payment.id, nil, &now)
			})
			if err != nil {
				return err
			}
			if now.Status == "succeeded" || now.Status == "settled" {
				break
			}
			if now.Status == "requires_payment_method" && now.Code != "" { // it was declined
				tries++
				key := fmt.Sprintf("%s-again-%d", payment.id, tries)
				_, err := p.insist(ctx, "/v1/payments/"+payment.id+"/confirm", key, map[string]string{})
				var moved *problem
				if err != nil && !(errors.As(err, &moved) && moved.Status == http.StatusConflict) {
					return err
				}
			}
			if time.Since(began) > 2*time.Minute {
				return fmt.Errorf("payment %s is %s after two minutes (%s %s)", payment.id, now.Status,
					now.Code, now.Conflict)
			}
		}
	}
	return nil
}
