package sandbox

import (
	"encoding/json"
	"time"

	"github.com/quittance/quittance/compaction"
)

// apiVersion is the version of Stripe's API that the shapes are of.
const apiVersion = "2023-10-16"

// eventLife is how long events are kept, as Stripe keeps them.
const eventLife = 30 * 24 * time.Hour

type event struct {
	ID              string    `json:"id"`
	Object          string    `json:"object"`
	APIVersion      string    `json:"api_version"`
	Created         int64     `json:"created"`
	Data            eventData `json:"data"`
	Livemode        bool      `json:"livemode"`
	PendingWebhooks int       `json:"pending_webhooks"`
	Type            string    `json:"type"`
}

type eventData struct {
	Object json.RawMessage `json:"object"`
}

func (c *call) emit(kind, id string, v any) error { return emit(c.p.dice, c.tx, kind, id, v) }

// emit writes an event about an object. What goes wrong with its webhook is decided here, and
// durable with it.
func emit(d *dice, tx *compaction.Tx, kind, id string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	o, err := create(tx, kindEvent, "evt")
	if err != nil {
		return err
	}
	e := event{ID: o.ID, Object: kindEvent, APIVersion: apiVersion, Created: tx.Now().Unix(),
		Data: eventData{b}, PendingWebhooks: 1, Type: kind}
	subject, rates := kind+id[max(0, len(id)-8):], d.rates()
	o.Send, o.Copies, o.Due = tx.Now(), 1, tx.Now().Add(eventLife)
	if d.throw("duplicate", subject, rates.Duplicate, &d.stats.Duplicate) {
		o.Copies = 2
	}
	if d.throw("reorder", subject, rates.Reorder, &d.stats.Reorder) {
		o.Send = o.Send.Add(1500 * time.Millisecond)
	}
	if d.throw("late", subject, rates.Late, &d.stats.Late) {
		o.Send = o.Send.Add(time.Minute)
	}
	if err := save(tx, o, e); err != nil {
		return err
	}
	if kind == "payment_intent.succeeded" &&
		d.throw("conflict", subject, rates.Conflict, &d.stats.Conflict) {
		return contradict(tx, b)
	}
	return nil
}

// contradict writes an event that says that a payment failed which did not.
func contradict(tx *compaction.Tx, object []byte) error {
	var pi intent
	if err := json.Unmarshal(object, &pi); err != nil {
		return err
	}
	pi.Status, pi.AmountReceived, pi.Amount = requiresMethod, 0, pi.Amount+1
	b, err := json.Marshal(pi)
	if err != nil {
		return err
	}
	o, err := create(tx, kindEvent, "evt")
	if err != nil {
		return err
	}
	o.Send, o.Copies, o.Due = tx.Now().Add(time.Second), 1, tx.Now().Add(eventLife)
	return save(tx, o, event{ID: o.ID, Object: kindEvent, APIVersion: apiVersion,
		Created: tx.Now().Unix(), Data: eventData{b}, PendingWebhooks: 1,
		Type: "payment_intent.payment_failed"})
}
