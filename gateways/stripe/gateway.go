package stripe

import (
	"context"
	"errors"
	"net/http"
	"time"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/balancetransaction"
	"github.com/stripe/stripe-go/v76/dispute"
	"github.com/stripe/stripe-go/v76/paymentintent"
	"github.com/stripe/stripe-go/v76/payout"
	"github.com/stripe/stripe-go/v76/refund"

	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// Name is the gateway's name in records.
const Name = "stripe"

// Options say where Stripe is and how to be known there.
type Options struct {
	// URL is the address of the API without its version; empty is Stripe's own.
	URL string
	// Key is the secret API key.
	Key string
	// WebhookSecret is the secret of the webhook endpoint. Without it no webhook is believed.
	WebhookSecret string
	// Transport carries the requests; nil is a transport of the gateway's own.
	Transport http.RoundTripper
}

// A Gateway is Stripe. It implements gateways.Gateway, Capturer, RefundFinder, Disputer, Payer and
// Verifier, and is safe for concurrent use.
type Gateway struct {
	secret   string
	client   *http.Client
	intents  paymentintent.Client
	refunds  refund.Client
	disputes dispute.Client
	payouts  payout.Client
	balance  balancetransaction.Client
}

// New returns the gateway. Nothing is sent before the first call. It fails without a key.
func New(o Options) (*Gateway, error) {
	if o.Key == "" {
		return nil, errors.New("stripe: no API key")
	}
	if o.Transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = 32
		own.ResponseHeaderTimeout = time.Minute // a bound for calls without a deadline
		o.Transport = own
	}
	client := &http.Client{Transport: o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the key is for this address only
		}}
	config := &stripego.BackendConfig{
		HTTPClient:        client,
		LeveledLogger:     &stripego.LeveledLogger{Level: stripego.LevelNull},
		MaxNetworkRetries: stripego.Int64(0),
		EnableTelemetry:   stripego.Bool(false),
	}
	if o.URL != "" {
		config.URL = stripego.String(o.URL)
	}
	b := stripego.GetBackendWithConfig(stripego.APIBackend, config)
	return &Gateway{
		secret: o.WebhookSecret, client: client,
		intents:  paymentintent.Client{B: b, Key: o.Key},
		refunds:  refund.Client{B: b, Key: o.Key},
		disputes: dispute.Client{B: b, Key: o.Key},
		payouts:  payout.Client{B: b, Key: o.Key},
		balance:  balancetransaction.Client{B: b, Key: o.Key},
	}, nil
}

// Name returns "stripe".
func (g *Gateway) Name() string { return Name }

// Close ends idle connections. Calls may still be made.
func (g *Gateway) Close() { g.client.CloseIdleConnections() }

// Create creates and confirms a payment intent, or confirms the one that the order names.
func (g *Gateway) Create(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	amount, err := toStripe(o.Amount)
	if err != nil {
		return payments.Fact{}, err
	}
	if o.GatewayID != "" {
		p := &stripego.PaymentIntentConfirmParams{PaymentMethod: stripego.String(o.Method)}
		p.Params = mutation(ctx, c)
		p.AddExpand("latest_charge.balance_transaction")
		if o.ReturnURL != "" {
			p.ReturnURL = stripego.String(o.ReturnURL)
		}
		pi, err := g.intents.Confirm(o.GatewayID, p)
		return g.paymentFact(ctx, c, pi, err)
	}
	p := &stripego.PaymentIntentParams{
		Amount:        stripego.Int64(amount),
		Currency:      stripego.String(lower(o.Amount.Currency())),
		PaymentMethod: stripego.String(o.Method), Confirm: stripego.Bool(true),
		PaymentMethodTypes: stripego.StringSlice([]string{"card"}),
	}
	p.Params = mutation(ctx, c)
	p.AddMetadata("tenant", c.Tenant)
	p.AddMetadata("payment", o.Payment)
	p.AddExpand("latest_charge.balance_transaction")
	if o.CaptureManual {
		p.CaptureMethod = stripego.String("manual")
	}
	if o.ReturnURL != "" {
		p.ReturnURL = stripego.String(o.ReturnURL)
	}
	pi, err := g.intents.New(p)
	return g.paymentFact(ctx, c, pi, err)
}

// Capture captures the order's amount.
func (g *Gateway) Capture(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	amount, err := toStripe(o.Amount)
	if err != nil {
		return payments.Fact{}, err
	}
	p := &stripego.PaymentIntentCaptureParams{AmountToCapture: stripego.Int64(amount)}
	p.Params = mutation(ctx, c)
	p.AddExpand("latest_charge.balance_transaction")
	pi, err := g.intents.Capture(o.GatewayID, p)
	return g.paymentFact(ctx, c, pi, err)
}

// Cancel cancels the payment intent, which is looked for first where its id is not known.
func (g *Gateway) Cancel(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	id := o.GatewayID
	if id == "" {
		found, err := g.search(ctx, c, o.Payment)
		if err != nil {
			return payments.Fact{}, err
		}
		id = found.ID
	}
	p := &stripego.PaymentIntentCancelParams{}
	p.Params = mutation(ctx, c)
	p.AddExpand("latest_charge.balance_transaction")
	pi, err := g.intents.Cancel(id, p)
	if status(err) == http.StatusNotFound {
		return payments.Fact{}, &gateways.Error{Class: gateways.Absent, Gateway: Name}
	}
	return g.paymentFact(ctx, c, pi, err)
}

// Find asks for the payment intent, by its id or by its metadata.
func (g *Gateway) Find(ctx context.Context, c gateways.Call, o payments.Order) (
	payments.Fact, error) {
	if o.GatewayID == "" {
		pi, err := g.search(ctx, c, o.Payment)
		if err != nil {
			return payments.Fact{}, err
		}
		return paymentFact(pi, c)
	}
	p := &stripego.PaymentIntentParams{}
	p.Context = ctx
	p.AddExpand("latest_charge.balance_transaction")
	pi, err := g.intents.Get(o.GatewayID, p)
	if err != nil {
		return payments.Fact{}, asked(err)
	}
	return paymentFact(pi, c)
}

// indexed is how long Stripe's search may lag behind: before that, intents are listed.
const indexed = time.Hour

// search returns the payment intent whose metadata name our payment.
func (g *Gateway) search(ctx context.Context, c gateways.Call, id string) (
	*stripego.PaymentIntent, error) {
	absent := &gateways.Error{Class: gateways.Absent, Gateway: Name}
	ours := func(pi *stripego.PaymentIntent) bool {
		return pi.Metadata["tenant"] == c.Tenant && pi.Metadata["payment"] == id
	}
	if id == "" {
		return nil, absent
	}
	if !c.Since.IsZero() && c.At.Sub(c.Since) < indexed {
		p := &stripego.PaymentIntentListParams{CreatedRange: &stripego.RangeQueryParams{
			GreaterThanOrEqual: c.Since.Add(-5 * time.Minute).Unix()}}
		p.Context, p.Limit = ctx, stripego.Int64(100)
		p.AddExpand("data.latest_charge.balance_transaction")
		i := g.intents.List(p)
		for i.Next() {
			if ours(i.PaymentIntent()) {
				return i.PaymentIntent(), nil
			}
		}
		if err := i.Err(); err != nil {
			return nil, asked(err)
		}
		return nil, absent
	}
	p := &stripego.PaymentIntentSearchParams{}
	p.Query = `metadata["payment"]:"` + quoted(id) + `"`
	p.Context, p.Limit = ctx, stripego.Int64(100)
	p.AddExpand("data.latest_charge.balance_transaction")
	i := g.intents.Search(p)
	for i.Next() {
		if ours(i.PaymentIntent()) {
			return i.PaymentIntent(), nil
		}
	}
	if err := i.Err(); err != nil {
		return nil, asked(err)
	}
	return nil, absent
}

// mutation is what requests that change something have in common.
func mutation(ctx context.Context, c gateways.Call) stripego.Params {
	p := stripego.Params{Context: ctx}
	p.SetIdempotencyKey(c.Tenant + "/" + c.Key)
	return p
}
