package api

import (
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
	"github.com/quittance/quittance/quoting/access"
)

type linkBody struct {
	Subject string `json:"subject" pattern:"^(quo|inv)_[0-9a-z]{26}$" doc:"The quote or invoice that the customer may see and act on. A quote's link shows its invoices too." example:"quo_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Expires moment `json:"expires,omitzero" doc:"When it ends by itself; never unless given."`
}

// A linkRecord as answers show it.
type linkRecord struct {
	ID       string `json:"id" example:"lnk_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Subject  string `json:"subject"`
	Customer string `json:"customer"`
	Created  moment `json:"created"`
	Expires  moment `json:"expires,omitzero"`
	Token    string `json:"token,omitempty" doc:"What the customer sends as the bearer token: given once. Hand it on in the part of an address behind #, which browsers do not send." example:"acme.01j9qz4m2n8r7t6v5w4x3y2z1a.9f86…"`
	Note     string `json:"note,omitempty" doc:"Says that the token was given before, in a repeated answer."`
}

type linkView struct {
	Tenant   string `json:"tenant" doc:"Who made the link." example:"acme"`
	Business string `json:"business" doc:"The name of who made it." example:"Acme Plumbing"`
	Kind     string `json:"kind" enum:"quote,invoice"`
	Subject  string `json:"subject" doc:"The id of the quote or invoice."`
	Expires  moment `json:"expires,omitzero"`
}

// LinkPath names a link in the path.
type LinkPath struct {
	ID string `path:"id" pattern:"^lnk_[0-9a-z]{26}$" example:"lnk_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The link's id."`
}

func (a *API) registerLinks() {
	const tag = "Customer links"
	mutation[struct{ Body linkBody }, linkRecord](a, route{
		id: "create-link", path: "/v1/links", tag: tag, roles: sellers, status: 201,
		summary: "Create a customer link",
		description: "Makes an unguessable token by which a customer sees one quote or invoice, and " +
			"accepts, declines or pays it. It is in this answer and nowhere else.",
		example: `{"subject":"quo_01j9qz4m2n8r7t6v5w4x3y2z1a"}`,
	}, createLink)
	query[Paging](a, route{
		id: "list-links", path: "/v1/links", tag: tag, roles: sellers,
		summary: "List customer links", description: "The tenant's links, without their tokens.",
	}, func(x *exchange, in *Paging) (page[linkRecord], error) {
		return list(x, *in, access.Links, func(l access.Link) linkRecord { return showLink(l, "") })
	})
	mutation[LinkPath, linkRecord](a, route{
		id: "revoke-link", path: "/v1/links/{id}/revoke", tag: tag, roles: sellers,
		summary: "Revoke a customer link", description: "Ends a link for ever, at once.",
	}, func(x *exchange, in *LinkPath) (change, error) {
		tenant, id := x.tenant, in.ID
		return change{decide: func(tx *compaction.Tx) (result, error) {
			l, err := open(access.Links)(tx, tenant, id)
			if err != nil {
				return result{}, err
			}
			return result{body: showLink(l, "")}, access.RevokeLink(tx, tenant, id)
		}}, nil
	})
	query[struct{}](a, route{
		id: "get-link", path: "/v1/link", tag: tag, roles: anyone,
		summary:     "See what a link is about",
		description: "What the link that the request comes by shows. A key is no link: 404.",
	}, func(x *exchange, _ *struct{}) (linkView, error) {
		l := x.caller.link
		if l == nil {
			return linkView{}, errNotFound
		}
		t, err := find(x, "", func(s compaction.State, tenant, _ string) (quoting.Tenant, error) {
			return quoting.FindTenant(s, tenant)
		})
		kind := "quote"
		if l.Subject[:4] == "inv_" {
			kind = "invoice"
		}
		return linkView{l.Tenant, t.Name, kind, l.Subject, moment(l.Expires)}, err
	})
}

func createLink(x *exchange, in *struct{ Body linkBody }) (change, error) {
	tenant, subject := x.tenant, in.Body.Subject
	l, token, err := access.NewLink(tenant, subject, "", x.api.clock(), time.Time(in.Body.Expires))
	if err != nil {
		return change{}, err
	}
	return change{decide: func(tx *compaction.Tx) (result, error) {
		customer, err := customerOf(tx, tenant, subject)
		if err != nil {
			return result{}, at("subject", ended(tx, tenant, subject, err))
		}
		if !l.Expires.IsZero() && !l.Expires.After(tx.Now()) {
			return result{}, refuse("expires", "range", "must lie ahead")
		}
		l := l
		l.Customer = customer
		access.PutLink(tx, l)
		return result{body: showLink(l, token), record: showLink(l, givenOnce)}, nil
	}}, nil
}

// customerOf returns the customer of a quote or an invoice.
func customerOf(s compaction.State, tenant, subject string) (string, error) {
	if subject[:4] == "inv_" {
		i, err := quoting.FindInvoice(s, tenant, subject)
		return i.Customer, err
	}
	q, err := quoting.FindQuote(s, tenant, subject)
	return q.Customer, err
}

func showLink(l access.Link, token string) linkRecord {
	out := linkRecord{ID: l.ID, Subject: l.Subject, Customer: l.Customer, Created: moment(l.Created),
		Expires: moment(l.Expires)}
	if token == givenOnce {
		out.Note = token
	} else {
		out.Token = token
	}
	return out
}
