package gateways

import (
	"context"
	"regexp"
	"time"

	"github.com/quittance/quittance/compaction"
	gatewaysv1 "github.com/quittance/quittance/gateways/v1"
	"github.com/quittance/quittance/ledger/payments"
)

// remembered is how long the id of an event is kept. Stripe sends an event again for three days.
const remembered = 4 * 24 * time.Hour

// A WebhookEvent remembers that an event was taken.
type WebhookEvent struct {
	Tenant    string
	Gateway   string
	ID        string // the gateway's id of the event
	Kind      string // the gateway's word
	GatewayID string // the gateway's id of what it happened to
	Received  time.Time
	Expires   time.Time
}

// WebhookEvents holds the events that were taken under Key(tenant, gateway, event), until no
// gateway sends them again.
var WebhookEvents = compaction.NewTable(compaction.TableSpec[WebhookEvent]{
	Message: (*gatewaysv1.WebhookEventRecord)(nil),
	Encode:  encodeWebhookEvent,
	Decode:  decodeWebhookEvent,
	Due:     func(_ string, w WebhookEvent) time.Time { return w.Expires },
})

func init() {
	WebhookEvents.OnDue(func(tx *compaction.Tx, key string, _ WebhookEvent) error {
		WebhookEvents.Delete(tx, key)
		return nil
	})
}

// Tables returns what the package keeps, for the program's schema.
func Tables() []compaction.Definition { return []compaction.Definition{WebhookEvents} }

// An Intake takes webhooks.
type Intake struct {
	Engine   Engine
	Gateways map[string]Gateway
	// Platform is the tenant that holds the gateways' accounts: events that name no tenant of ours
	// belong to it.
	Platform string
	// Clock tells the time; nil is the system's.
	Clock func() time.Time
}

// Receive takes a webhook. It is durable when it returns: the gateway can be answered, and what
// happened is asked for by the worker. One that was taken before, or is about nothing that
// matters, is taken again without effect.
//
// It fails with ErrNoGateway, ErrNoWebhooks, *SignatureError, *PayloadError, and with the errors
// of the engine, after all of which the gateway sends it again.
func (i Intake) Receive(ctx context.Context, gateway string, payload []byte,
	header func(name string) string) error {
	d, err := i.Verify(gateway, payload, header)
	if err != nil || d.Tenant == "" {
		return err
	}
	return i.Take(ctx, d)
}

// A Delivery is a webhook that was verified.
type Delivery struct {
	// Tenant is whose books its event concerns; empty for one that is about nothing that matters.
	Tenant  string
	gateway string
	event   Event
}

// Verify finds out who sent a webhook, and whose books it concerns. It changes nothing, and fails
// with ErrNoGateway, ErrNoWebhooks, *SignatureError and *PayloadError.
func (i Intake) Verify(
	gateway string, payload []byte, header func(name string) string,
) (Delivery, error) {
	g := i.Gateways[gateway]
	if g == nil {
		return Delivery{}, ErrNoGateway
	}
	v, ok := g.(Verifier)
	if !ok {
		return Delivery{}, ErrNoWebhooks
	}
	now := time.Now
	if i.Clock != nil {
		now = i.Clock
	}
	event, err := v.Verify(payload, header, now())
	if err != nil || event.Object == ObjectOther {
		return Delivery{}, err
	}
	if err := event.check(); err != nil {
		return Delivery{}, err
	}
	tenant := event.Owner.Tenant
	if compaction.CheckTenant(tenant) != nil || event.Object > ObjectRefund {
		tenant = i.Platform
	}
	return Delivery{tenant, gateway, event}, nil
}

// Take takes a webhook that was verified, where the tenant's books are kept. It is durable when
// Take returns. Errors are those of the engine.
func (i Intake) Take(ctx context.Context, d Delivery) error {
	_, err := i.Engine.Do(ctx, compaction.Command{Tenant: d.Tenant,
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, take(tx, d.Tenant, d.gateway, d.event)
		}})
	return err
}

var idText = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,120}$`)

// check holds that ids can be parts of keys.
func (e Event) check() error {
	for field, id := range map[string]string{"id": e.ID, "object.id": e.GatewayID} {
		if !idText.MatchString(id) {
			return &PayloadError{field}
		}
	}
	for _, id := range []string{e.Owner.Payment, e.Owner.Refund, e.GatewayPayment} {
		if id != "" && !idText.MatchString(id) {
			return &PayloadError{"metadata"}
		}
	}
	return nil
}

// take remembers the event and wants what it hints at to be asked for, once.
func take(tx *compaction.Tx, tenant, gateway string, event Event) error {
	key := compaction.Key(tenant, gateway, event.ID)
	if _, ok, err := WebhookEvents.Get(tx, key); ok || err != nil {
		return err
	}
	WebhookEvents.Put(tx, key, WebhookEvent{Tenant: tenant, Gateway: gateway, ID: event.ID,
		Kind: event.Kind, GatewayID: event.GatewayID, Received: tx.Now(),
		Expires: tx.Now().Add(remembered)})
	e, err := event.effect(tenant, gateway)
	if err != nil {
		return err
	}
	return compaction.Emit(tx, e)
}

// effect is the question that an event leads to.
func (e Event) effect(tenant, gateway string) (compaction.Effect, error) {
	id := gateway + "-" + e.ID
	switch e.Object {
	case ObjectPayment:
		o := payments.Order{Payment: e.Owner.Payment, Gateway: gateway, GatewayID: e.GatewayID}
		return o.Effect(payments.EffectFind, tenant, id)
	case ObjectRefund:
		o := payments.RefundOrder{Refund: e.Owner.Refund, Payment: e.Owner.Payment,
			Gateway: gateway, GatewayID: e.GatewayID, GatewayPayment: e.GatewayPayment}
		return o.Effect(payments.EffectRefundFind, tenant, id)
	case ObjectDispute:
		q := payments.Query{Gateway: gateway, GatewayID: e.GatewayID,
			GatewayPayment: e.GatewayPayment}
		return q.Effect(payments.EffectDisputeFind, tenant, id)
	case ObjectPayout:
		q := payments.Query{Gateway: gateway, GatewayID: e.GatewayID}
		return q.Effect(payments.EffectPayoutFetch, tenant, id)
	default:
		return compaction.Effect{}, &PayloadError{"object"}
	}
}
