package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quittance/quittance/cmd/internal/api"
)

// A reference is what every answer of the API has.
type reference struct {
	ID     string  `json:"id"`
	Status string  `json:"status"`
	Code   string  `json:"code"` // why a payment was declined
	Hash   string  `json:"hash"`
	Priced figures `json:"priced"`
}

// post sends a command with a key of this run, so that it is done once whatever happens.
func (d *demo) post(ctx context.Context, c *client, path, key string, body, out any) error {
	_, err := c.send(ctx, http.MethodPost, path, d.name+"-"+key, body, out, nil)
	return err
}

// setUp makes the customer and the promotion that this run works with.
func (d *demo) setUp(ctx context.Context) error {
	var customer, promotion reference
	err := d.post(ctx, d.seller, "/v1/customers", "customer",
		map[string]string{"name": "Ann Smith", "email": "ann@example.org"}, &customer)
	if err != nil {
		return err
	}
	d.customer = customer.ID
	err = d.post(ctx, d.seller, "/v1/promotions", "promotion",
		map[string]string{"name": "Ten percent", "percent": demoPercent.String()}, &promotion)
	if err != nil {
		return err
	}
	d.code = strings.ToUpper(d.name)
	return d.post(ctx, d.seller, "/v1/promotions/"+promotion.ID+"/codes", "code",
		map[string]string{"code": d.code}, nil)
}

// quoted drafts a quote of the document. Its price must be what the document wants.
func (d *demo) quoted(ctx context.Context, j *journey) error {
	body := map[string]any{"customer": d.customer}
	for name, value := range j.body {
		body[name] = value
	}
	var q reference
	if err := d.post(ctx, d.seller, "/v1/quotes", "quote-"+j.id, body, &q); err != nil {
		return err
	}
	j.quote = q.ID
	j.expected = j.want.Payable
	if !q.Priced.Payable.Equal(j.want.Payable) {
		j.wrong = fmt.Sprintf("quoted at %s", q.Priced.Payable)
	}
	return nil
}

// issued makes the draft an offer.
func (d *demo) issued(ctx context.Context, j *journey) error {
	var q reference
	err := d.post(ctx, d.seller, "/v1/quotes/"+j.quote+"/issue", "issue-"+j.id, nil, &q)
	j.hash = q.Hash
	return err
}

// accepted has the customer accept by a link of their own, with the code or without.
func (d *demo) accepted(ctx context.Context, j *journey) error {
	var link struct{ Token string }
	subject := map[string]string{"subject": j.quote}
	err := d.post(ctx, d.seller, "/v1/links", "link-"+j.id, subject, &link)
	if err != nil {
		return err
	}
	customer := &client{url: d.dev.URL, key: link.Token, http: d.seller.http}
	body := map[string]any{"who": "Ann Smith", "hash": j.hash}
	if j.coded {
		body["promotion_codes"] = []string{strings.ToLower(d.code)} // in whatever case
	}
	var q reference
	err = d.post(ctx, customer, "/v1/quotes/"+j.quote+"/accept", "accept-"+j.id, body, &q)
	if err != nil || !j.coded {
		return err
	}
	digits := digitsOf(q.Priced.Payable)
	if j.expected, err = lessPromotion(j.want, q.Priced, demoPercent, digits); err != nil {
		j.wrong = err.Error()
	}
	return nil
}

// invoiced bills the whole of the quote and gives the invoice its number.
func (d *demo) invoiced(ctx context.Context, j *journey) error {
	var i reference
	err := d.post(ctx, d.seller, "/v1/invoices", "invoice-"+j.id,
		map[string]string{"quote": j.quote}, &i)
	if err != nil {
		return err
	}
	j.invoice = i.ID
	return d.post(ctx, d.seller, "/v1/invoices/"+j.invoice+"/finalize", "finalize-"+j.id, nil, nil)
}

// paid pays the invoice: by a card, or by a transfer that the customer announces.
func (d *demo) paid(ctx context.Context, j *journey) error {
	body := map[string]string{"invoice": j.invoice, "gateway": "stripe", "method": "pm_card_visa"}
	if j.offline {
		body["gateway"], body["method"] = "offline", "transfer"
		body["reference"] = d.transfer(j)
	}
	var p reference
	err := d.post(ctx, d.seller, "/v1/payments", "pay-"+j.id, body, &p)
	j.payment = p.ID
	return err
}

// transfer is what the customer writes on a transfer.
func (d *demo) transfer(j *journey) string { return fmt.Sprintf("%s-%d", d.code, j.n) }

// captured waits until the payment has succeeded.
func (d *demo) captured(ctx context.Context, j *journey) error {
	return d.wait(ctx, "/v1/payments/"+j.payment, "succeeded", "settled")
}

// settled waits until the payment has cleared.
func (d *demo) settled(ctx context.Context, j *journey) error {
	return d.wait(ctx, "/v1/payments/"+j.payment, "settled")
}

// waitAtMost is how long the demo waits for something that happens by itself.
const waitAtMost = time.Minute

// wait asks for a payment until it has one of the statuses, or none that leads to them.
func (d *demo) wait(ctx context.Context, path string, statuses ...string) error {
	var got reference
	for began := time.Now(); time.Since(began) < waitAtMost; {
		got = reference{}
		if err := d.seller.call(ctx, http.MethodGet, path, nil, &got); err != nil {
			return err
		}
		if slices.Contains(statuses, got.Status) {
			return nil
		}
		if err := got.final(); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("%s is %s after %s, and not %v", path, got.Status, waitAtMost, statuses)
}

// final says why a payment does not succeed any more, unless somebody does something about it.
func (r reference) final() error {
	switch r.Status {
	case "requires_payment_method":
		if r.Code == "" {
			return nil // its first attempt has not begun
		}
		return fmt.Errorf("the card was declined: %s", r.Code)
	case "canceled", "expired", "conflicted":
		return fmt.Errorf("the payment is %s", r.Status)
	}
	return nil
}

// paidOut asks the provider to pay out now what it holds, and tells the server what the bank shows:
// each transfer, and each payout.
func (d *demo) paidOut(ctx context.Context) error {
	if d.dev.Sandbox == "" {
		return errors.New("the server has no sandbox that could be asked to pay out")
	}
	provider := &client{url: d.dev.Sandbox, key: d.providerKey(), http: d.seller.http}
	if err := provider.call(ctx, http.MethodPost, "/v1/test_helpers/payouts", nil, nil); err != nil {
		return err
	}
	for _, j := range d.journeys {
		if !j.offline {
			continue
		}
		entry := map[string]string{"id": "bank-" + d.transfer(j), "currency": j.currency,
			"amount": j.expected.String(), "reference": "transfer of A. Smith, " + d.transfer(j),
			"booked_on": d.began.UTC().Format(time.DateOnly)}
		err := d.post(ctx, d.finance, "/v1/statement_entries", "bank-"+j.id, entry, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", j.id, err)
		}
	}
	return nil
}

// banked tells the platform's books what its bank shows: each payout that is expected there.
func (d *demo) banked(ctx context.Context) error {
	var page struct {
		Data []struct{ ID, Kind, Gateway, Amount, Currency string }
	}
	err := d.platform.call(ctx, http.MethodGet, "/v1/expectations?limit=100", nil, &page)
	if err != nil {
		return err
	}
	seen := 0
	for _, x := range page.Data {
		if x.Kind != "payout" {
			continue
		}
		entry := map[string]string{"id": "bank-" + x.ID, "currency": x.Currency, "amount": x.Amount,
			"reference": "payout " + strings.TrimPrefix(x.ID, x.Gateway+"-"),
			"booked_on": d.began.UTC().Format(time.DateOnly)}
		var bank struct{ Matched bool }
		err := d.post(ctx, d.platform, "/v1/statement_entries", "bank-"+x.ID, entry, &bank)
		if err != nil {
			return err
		}
		if !bank.Matched {
			return fmt.Errorf("the bank's %s %s of %s match nothing", x.Amount, x.Currency, x.ID)
		}
		seen++
	}
	if seen == 0 {
		return errors.New("no payout is expected at the bank")
	}
	return nil
}

// providerKey is the key of the sandbox: one in the same process takes any.
func (d *demo) providerKey() string {
	if key := d.p.getenv(stripeKey); key != "" {
		return key
	}
	return "sk_sandbox"
}

// gone holds that nothing of what was settled is listed as open, and that verify finds nothing.
func (d *demo) gone(ctx context.Context) error {
	for _, j := range d.journeys {
		d.ids[j.quote], d.ids[j.invoice], d.ids[j.payment] = true, true, true
	}
	for _, kind := range []string{"quotes", "invoices", "payments"} {
		for path := "/v1/" + kind + "?limit=100"; path != ""; {
			var page struct {
				Data []reference
				Next string `json:"next_cursor"`
			}
			if err := d.seller.call(ctx, http.MethodGet, path, nil, &page); err != nil {
				return err
			}
			for _, open := range page.Data {
				if d.ids[open.ID] {
					return fmt.Errorf("%s is settled, and listed in %s", open.ID, kind)
				}
			}
			path = ""
			if page.Next != "" {
				path = "/v1/" + kind + "?limit=100&cursor=" + page.Next
			}
		}
	}
	var report api.VerifyReport
	if err := d.platform.call(ctx, http.MethodPost, "/v1/verify", nil, &report); err != nil {
		return err
	}
	if !report.OK {
		text, err := json.Marshal(report)
		return errors.Join(errUnsound, err, errors.New(string(text)))
	}
	return nil
}
