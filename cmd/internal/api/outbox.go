package api

import (
	"net/http"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
)

// An effectRecord is an effect of the outbox as answers show it, without its payload.
type effectRecord struct {
	ID        string `json:"id"`
	Kind      string `json:"kind" example:"payment.create"`
	Aggregate string `json:"aggregate" doc:"What it is about: effects of one are performed in order."`
	Status    string `json:"status"`
	Attempts  int    `json:"attempts"`
	LastError string `json:"last_error,omitempty"`
	Created   moment `json:"created"`
}

// EffectPath names an effect in the path.
type EffectPath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_.:-]+$" maxLength:"200" example:"eff_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The effect's id."`
}

func (a *API) registerOutbox() {
	query[Paging](a, route{
		id: "list-dead-effects", path: "/v1/outbox/dead", tag: operatorTag, roles: platform,
		summary:     "List dead effects",
		description: "Calls of gateways and of other tenants' books that were given up, oldest first.",
	}, func(x *exchange, in *Paging) (page[effectRecord], error) {
		p := in.of(x.tenant + "/")
		var rows []compaction.Row[compaction.Effect]
		err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
			rows, err = gateways.Dead(v, x.tenant, p)
			return err
		})
		return pageOf(p, rows, showEffect), err
	})
	work := func(name, summary, description string,
		f func(tx *compaction.Tx, tenant, id string) error) {
		mutation[EffectPath, effectRecord](a, route{
			id: name + "-dead-effect", path: "/v1/outbox/dead/{id}/" + name, tag: operatorTag,
			roles: platform, summary: summary, description: description,
		}, func(x *exchange, in *EffectPath) (change, error) {
			tenant := x.tenant
			return change{decide: func(tx *compaction.Tx) (result, error) {
				e, err := open(compaction.Outbox)(tx, tenant, in.ID)
				if err != nil {
					return result{}, err
				}
				return result{body: showEffect(e)}, f(tx, tenant, in.ID)
			}}, nil
		})
	}
	work("replay", "Replay a dead effect",
		"Has it performed again, after asking what became of its last attempt.", gateways.Replay)
	work("drop", "Drop a dead effect", "Ends it; it is not performed.", gateways.Drop)
	a.registerVerify()
	a.registerWebhooks()
}

func showEffect(e compaction.Effect) effectRecord {
	return effectRecord{ID: e.ID, Kind: e.Kind, Aggregate: e.Aggregate, Status: e.State.String(),
		Attempts: e.Attempt, LastError: e.LastError, Created: moment(e.Created)}
}

const operatorTag = "Operation"

type webhookInput struct {
	Gateway string `path:"gateway" pattern:"^[a-z][a-z0-9_-]*$" maxLength:"40" example:"stripe" doc:"The gateway's name."`
}

type received struct {
	Received bool `json:"received"`
}

func (a *API) registerWebhooks() {
	intake := gateways.Intake{Engine: a.shards, Gateways: a.gateways, Platform: a.platform,
		Clock: a.clock}
	query[webhookInput](a, route{
		id: "receive-webhook", method: http.MethodPost, path: "/v1/webhooks/{gateway}",
		tag: operatorTag, roles: nobody, raw: webhookLimit, summary: "Take a webhook",
		description: "For gateways: an event, signed by the gateway in a header of its own. It is " +
			"durable when it is answered, and taken once.",
	}, func(x *exchange, in *webhookInput) (received, error) {
		if _, ok := x.api.gateways[in.Gateway]; !ok {
			return received{}, errGateway
		}
		d, err := intake.Verify(in.Gateway, x.body, x.r.Header.Get)
		if err == nil && d.Tenant != "" {
			if err = x.here(d.Tenant); err == nil { // elsewhere the owner verifies it again
				err = intake.Take(x.r.Context(), d)
			}
		}
		return received{err == nil}, err
	})
}
