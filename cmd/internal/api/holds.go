package api

import (
	"errors"
	"strconv"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

type holdBody struct {
	Postings  []postingBody `json:"postings" minItems:"1" maxItems:"1000" doc:"What is held, in order; all of it or nothing."`
	Metadata  metadata      `json:"metadata,omitempty"`
	Reference string        `json:"reference,omitempty" maxLength:"255" doc:"A name of your own that no other transaction of the tenant may have for two years." example:"order-1001"`
	Expires   moment        `json:"expires,omitzero" doc:"When the amounts are let go by themselves; never unless given."`
}

// A hold is a transaction whose amounts are held.
type hold struct {
	ID        string        `json:"id" doc:"The id of the transaction that holds the amounts." example:"txn_00000000000a1000"`
	Created   moment        `json:"created"`
	Expires   moment        `json:"expires,omitzero"`
	Postings  []postingBody `json:"postings"`
	Reference string        `json:"reference,omitempty"`
}

// HoldPath names a hold in the path.
type HoldPath struct {
	ID string `path:"id" pattern:"^txn_[0-9a-z]{16}$" example:"txn_00000000000a1000" doc:"The id of the transaction that holds the amounts."`
}

type postHeldBody struct {
	Amounts []positiveText `json:"amounts,omitempty" maxItems:"1000" doc:"What is posted of each posting, from nothing to what is held; all of it unless given. The rest is let go."`
}

type postHeldInput struct {
	HoldPath
	Body postHeldBody
}

func (a *API) registerHolds() {
	const tag = "General ledger"
	mutation[struct{ Body holdBody }, transaction](a, route{
		id: "hold-amounts", path: "/v1/holds", tag: tag, roles: anyKey, status: 201,
		summary: "Hold amounts",
		description: "Sets amounts aside as pending until they are posted, voided or expire. What is " +
			"held counts against the account it would be taken from.",
		example: `{"postings":[{"debit":"wallet:ann","credit":"sales:shop","amount":"12.34",` +
			`"currency":"EUR"}]}`,
	}, createHold)
	query[Paging](a, route{
		id: "list-holds", path: "/v1/holds", tag: tag, roles: anyKey,
		summary: "List holds", description: "Transactions whose amounts are held, oldest first.",
	}, listHolds)
	query[HoldPath](a, route{
		id: "get-hold", path: "/v1/holds/{id}", tag: tag, roles: anyKey,
		summary: "Get a hold", description: "What a transaction holds, while it does.",
	}, getHold)
	mutation[postHeldInput, transaction](a, route{
		id: "post-hold", path: "/v1/holds/{id}/post", tag: tag, roles: anyKey,
		summary:     "Post held amounts",
		description: "Posts what is held, all or a part, and lets the rest go.",
		example:     `{}`,
	}, postHold)
	mutation[HoldPath, transaction](a, route{
		id: "void-hold", path: "/v1/holds/{id}/void", tag: tag, roles: anyKey,
		summary: "Void held amounts", description: "Lets go what is held.",
	}, voidHold)
}

func createHold(x *exchange, in *struct{ Body holdBody }) (change, error) {
	body := transactionBody{in.Body.Postings, in.Body.Metadata, in.Body.Reference}
	t, err := body.transaction("")
	if err != nil {
		return change{}, err
	}
	tenant, expires := x.tenant, time.Time(in.Body.Expires)
	return change{cost: len(t.Postings), decide: func(tx *compaction.Tx) (result, error) {
		p, err := ledger.Hold(tx, tenant, t, expires)
		if err != nil {
			return result{}, locate(err, &t)
		}
		return result{body: showTransaction(&p), location: "/v1/holds/" + p.ID}, nil
	}}, nil
}

func listHolds(x *exchange, in *Paging) (page[hold], error) {
	p := in.of(x.tenant + "/")
	var rows []compaction.Row[ledger.Held]
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		rows, err = ledger.Holds.Scan(v, p)
		return err
	})
	return pageOf(p, rows, showHold), err
}

func getHold(x *exchange, in *HoldPath) (hold, error) {
	var out hold
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) error {
		h, ok, err := ledger.Holds.Get(v, compaction.Key(x.tenant, in.ID))
		if err == nil && !ok {
			err = errNotFound
		}
		out = showHold(h)
		return err
	})
	return out, err
}

func postHold(x *exchange, in *postHeldInput) (change, error) {
	tenant, id, texts := x.tenant, in.ID, in.Body.Amounts
	return change{decide: func(tx *compaction.Tx) (result, error) {
		amounts, err := heldAmounts(tx, tenant, id, texts)
		if err != nil {
			return result{}, err
		}
		p, err := ledger.PostHeld(tx, tenant, id, amounts...)
		if wrong, ok := errors.AsType[*ledger.HeldAmountError](err); ok {
			err = at("amounts."+strconv.Itoa(wrong.Posting), err)
		} else if errors.Is(err, ledger.ErrNothingPosted) {
			err = at("amounts", err)
		}
		return result{body: showTransaction(&p)}, err
	}}, nil
}

// heldAmounts reads amounts in the currencies of what is held.
func heldAmounts(
	tx *compaction.Tx, tenant, id string, texts []positiveText,
) ([]money.Amount, error) {
	h, ok, err := ledger.Holds.Get(tx, compaction.Key(tenant, id))
	if err != nil || !ok || len(texts) == 0 {
		return nil, err // a hold that is not there is refused by what is to resolve it
	}
	if len(texts) != len(h.Postings) {
		return nil, at("amounts", &ledger.HeldAmountsError{Amounts: len(texts),
			Postings: len(h.Postings)})
	}
	amounts := make([]money.Amount, len(texts))
	for i, text := range texts {
		currency := h.Postings[i].Amount.Currency()
		if amounts[i], err = parseAmount("amounts."+strconv.Itoa(i), text, currency); err != nil {
			return nil, err
		}
	}
	return amounts, nil
}

func voidHold(x *exchange, in *HoldPath) (change, error) {
	tenant, id := x.tenant, in.ID
	return change{decide: func(tx *compaction.Tx) (result, error) {
		p, err := ledger.VoidHeld(tx, tenant, id)
		return result{body: showTransaction(&p)}, err
	}}, nil
}

func showHold(h ledger.Held) hold {
	out := hold{ID: h.Transaction, Created: moment(h.Created), Expires: moment(h.Expires),
		Postings: make([]postingBody, len(h.Postings)), Reference: h.Reference}
	for i, p := range h.Postings {
		out.Postings[i] = postingBody{accountText(p.Debit), accountText(p.Credit),
			positiveText(p.Amount.String()), currencyCode(p.Amount.Currency().String())}
	}
	return out
}
