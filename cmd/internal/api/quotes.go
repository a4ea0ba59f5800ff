package api

import (
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

// DraftBody is what a tradesperson writes of a quote.
type DraftBody struct {
	DocumentBody
	Terms      string `json:"terms,omitempty" maxLength:"20000" doc:"What the customer agrees to." example:"Payable within 14 days."`
	ValidUntil string `json:"valid_until,omitempty" format:"date" maxLength:"10" doc:"The last day on which it can be accepted, in the customer's zone; the tenant's validity unless given." example:"2026-12-31"`
}

type quoteBody struct {
	Customer string `json:"customer" pattern:"^cus_[0-9a-z]{26}$" doc:"The customer's id." example:"cus_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	DraftBody
}

// A quoteRecord as answers show it: the version that counts.
type quoteRecord struct {
	ID         string       `json:"id" example:"quo_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Number     string       `json:"number,omitempty" doc:"Its number as people read it, once it was issued." example:"Q-12"`
	Customer   string       `json:"customer"`
	Status     string       `json:"status" enum:"draft,issued,changes_requested,accepted,invoiced,declined,expired,superseded,cancelled"`
	Version    int          `json:"version" doc:"Which version this is, from 1."`
	Document   DocumentBody `json:"document"`
	Priced     Priced       `json:"priced" doc:"The agreed figures once it was accepted, else those on offer."`
	Rules      []ruleStep   `json:"rules,omitempty" doc:"The rules by which the figures came about, in order. Lists leave them out."`
	Terms      string       `json:"terms,omitempty"`
	ValidUntil string       `json:"valid_until,omitempty" example:"2026-12-31"`
	Expires    moment       `json:"expires,omitzero" doc:"From when on it cannot be accepted."`
	Hash       string       `json:"hash,omitempty" doc:"The SHA-256 of what was issued: an acceptance names it." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Issued     moment       `json:"issued,omitzero"`
	Acceptance *acceptance  `json:"acceptance,omitempty"`
	Statement  *statement   `json:"statement,omitempty" doc:"Why it was declined, cancelled or is to be changed."`
	Bills      []bill       `json:"bills,omitempty" doc:"The invoices made from it."`
	Created    moment       `json:"created"`
	Updated    moment       `json:"updated"`
}

type ruleStep struct {
	Rule    string      `json:"rule" example:"tax"`
	Subject string      `json:"subject,omitempty" doc:"What it was applied to." example:"S 25"`
	Basis   amountText  `json:"basis,omitempty" doc:"What it was taken of."`
	Rate    decimalText `json:"rate,omitempty" doc:"In percent."`
	Limit   string      `json:"limit,omitempty" doc:"Why a promotion took off less than it is worth."`
	Amount  amountText  `json:"amount" doc:"What came of it."`
	Text    string      `json:"text" doc:"The rule in words." example:"tax of S 25: 25 % of 100.00 is 25.00"`
}

type acceptance struct {
	Who         string   `json:"who" example:"Ann Smith"`
	Channel     string   `json:"channel" enum:"link,api,in_person,phone,email,post"`
	At          moment   `json:"at"`
	Hash        string   `json:"hash"`
	Redemptions []string `json:"redemptions,omitempty" doc:"The promotions' redemptions that were reserved."`
}

type statement struct {
	Who     string `json:"who"`
	Channel string `json:"channel" enum:"link,api,in_person,phone,email,post"`
	At      moment `json:"at"`
	Text    string `json:"text,omitempty"`
}

type bill struct {
	Invoice string     `json:"invoice"`
	Mode    string     `json:"mode"`
	Amount  amountText `json:"amount"`
}

type answerBody struct {
	Who     string `json:"who" minLength:"1" maxLength:"200" pattern:"\\S" doc:"Who says so." example:"Ann Smith"`
	Channel string `json:"channel,omitempty" enum:"api,in_person,phone,email,post" doc:"How it was said; api unless given. A customer's own link is always link."`
	Text    string `json:"text,omitempty" maxLength:"2000" doc:"The reason, or what is to be changed." example:"Too dear"`
}

type acceptBody struct {
	Who            string   `json:"who" minLength:"1" maxLength:"200" pattern:"\\S" doc:"Who accepts." example:"Ann Smith"`
	Channel        string   `json:"channel,omitempty" enum:"api,in_person,phone,email,post" doc:"How it was said; api unless given. A customer's own link is always link."`
	Hash           string   `json:"hash" pattern:"^[0-9a-f]{64}$" doc:"The hash of what was shown." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	PromotionCodes []string `json:"promotion_codes,omitempty" maxItems:"10" doc:"Codes of promotions: they are reserved with the acceptance, and are part of the agreed price." example:"[\"SPRING10\"]"`
}

// QuotePath names a quote in the path.
type QuotePath struct {
	ID string `path:"id" pattern:"^quo_[0-9a-z]{26}$" example:"quo_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The quote's id."`
}

type quoteList struct {
	Paging
	Status   string `query:"status" enum:"draft,issued,changes_requested,accepted,invoiced,declined,expired,superseded,cancelled" doc:"Only those that stand here."`
	Customer string `query:"customer" pattern:"^cus_[0-9a-z]{26}$" doc:"Only those of a customer. Goes with no other filter."`
}

type quoteVersion struct {
	Version    int          `json:"version"`
	Status     string       `json:"status" enum:"draft,issued,changes_requested,accepted,invoiced,declined,expired,superseded,cancelled"`
	Document   DocumentBody `json:"document"`
	Priced     Priced       `json:"priced"`
	Hash       string       `json:"hash,omitempty"`
	Issued     moment       `json:"issued,omitzero"`
	Expires    moment       `json:"expires,omitzero"`
	Acceptance *acceptance  `json:"acceptance,omitempty"`
	Statement  *statement   `json:"statement,omitempty"`
	Created    moment       `json:"created"`
}

type quoteVersions struct {
	Data []quoteVersion `json:"data" doc:"Every version, oldest first."`
}

const quoteTag = "Quotes"

func (a *API) registerQuotes() {
	example := `"currency":"EUR","lines":[{"description":"Fit a tap","kind":"labour","quantity":"2",` +
		`"unit_code":"HUR","unit_price":"62.30","tax":{"category":"S","rate":"19"}}]}`
	mutation[struct{ Body quoteBody }, quoteRecord](a, route{
		id: "create-quote", path: "/v1/quotes", tag: quoteTag, roles: sellers, status: 201,
		summary: "Create a quote", description: "Drafts a quote for a customer, and prices it.",
		example: `{"customer":"cus_01j9qz4m2n8r7t6v5w4x3y2z1a",` + example,
	}, createQuote)
	query[quoteList](a, route{
		id: "list-quotes", path: "/v1/quotes", tag: quoteTag, roles: anyKey,
		summary: "List quotes",
		description: "Quotes that are open, oldest first; those that came to nothing stay for 30 days " +
			"more. Ended ones are found by id.",
	}, func(x *exchange, in *quoteList) (page[quoteRecord], error) {
		return listBy(x, in.Paging, quoting.Quotes,
			[]filter{{"state", in.Status}, {"customer", in.Customer}},
			func(q quoting.Quote) quoteRecord { return showQuote(q, len(q.Versions)-1, true) })
	})
	query[QuotePath](a, route{
		id: "get-quote", path: "/v1/quotes/{id}", tag: quoteTag, roles: anyone,
		summary: "Get a quote",
		description: "A quote, open or ended. Customers see what their link is about, without costs " +
			"and drafts.",
	}, getQuote)
	query[QuotePath](a, route{
		id: "list-quote-versions", path: "/v1/quotes/{id}/versions", tag: quoteTag, roles: anyKey,
		summary: "List a quote's versions", description: "Every version of a quote, oldest first.",
	}, listVersions)
	mutation[struct {
		QuotePath
		Body DraftBody
	}, quoteRecord](a, route{
		id: "put-quote-draft", method: "PUT", path: "/v1/quotes/{id}", tag: quoteTag, roles: sellers,
		summary:     "Change a draft",
		description: "Replaces a quote's draft. What was issued is revised instead.",
		example:     `{` + example,
	}, editQuote)
	a.registerQuoteMoves()
	a.registerAnswers()
}

// A quoteMove is a command that needs nothing but the quote.
type quoteMove func(tx *compaction.Tx, tenant, id string) (quoting.Quote, error)

func (a *API) registerQuoteMoves() {
	move := func(name, summary, description string, f quoteMove) {
		mutation[QuotePath, quoteRecord](a, route{
			id: name + "-quote", path: "/v1/quotes/{id}/" + name, tag: quoteTag, roles: sellers,
			summary: summary, description: description,
		}, func(x *exchange, in *QuotePath) (change, error) {
			return x.changeQuote(in.ID, f), nil
		})
	}
	move("issue", "Issue a quote",
		"Makes a draft an offer: its content is frozen and hashed, and it gets a number.",
		quoting.IssueQuote)
	move("revise", "Revise a quote",
		"Adds a version to a quote that was issued: a draft that begins with the same content, but "+
			"lines that have the price book's price, cost or tax take what it says now.",
		quoting.ReviseQuote)
}

// changeQuote prepares a command about a quote.
func (x *exchange) changeQuote(id string, f quoteMove) change {
	tenant, internal := x.tenant, x.caller.link == nil
	return change{decide: func(tx *compaction.Tx) (result, error) {
		q, err := f(tx, tenant, id)
		if err != nil {
			return result{}, ended(tx, tenant, id, err)
		}
		return result{body: showQuote(q, len(q.Versions)-1, internal)}, nil
	}}
}

func (a *API) registerAnswers() {
	mutation[struct {
		QuotePath
		Body acceptBody
	}, quoteRecord](a, route{
		id: "accept-quote", path: "/v1/quotes/{id}/accept", tag: quoteTag, roles: sellers | customer,
		summary: "Accept a quote",
		description: "Records who accepts what was issued, which its hash names, and reserves the " +
			"promotions of the codes given: all of it or nothing.",
		example: `{"who":"Ann Smith","hash":` +
			`"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}`,
	}, acceptQuote)
	type answer func(tx *compaction.Tx, tenant, id string, by quoting.Answer) (quoting.Quote, error)
	say := func(name, summary, description string, who roles, f answer) {
		mutation[struct {
			QuotePath
			Body answerBody
		}, quoteRecord](a, route{
			id: strings.ReplaceAll(name, "_", "-") + "-quote", path: "/v1/quotes/{id}/" + name,
			tag: quoteTag, roles: who,
			summary: summary, description: description,
			example: `{"who":"Ann Smith","text":"Too dear"}`,
		}, func(x *exchange, in *struct {
			QuotePath
			Body answerBody
		}) (change, error) {
			if err := x.mayQuote(in.ID); err != nil {
				return change{}, err
			}
			by := x.answerOf(in.Body.Who, in.Body.Channel, in.Body.Text)
			return x.changeQuote(in.ID, func(tx *compaction.Tx, tenant, id string) (quoting.Quote, error) {
				return f(tx, tenant, id, by)
			}), nil
		})
	}
	say("decline", "Decline a quote", "Records that the customer does not want what was issued.",
		sellers|customer, quoting.DeclineQuote)
	say("request_changes", "Request changes", "Records what the customer wants to be different.",
		sellers|customer, quoting.RequestChanges)
	say("cancel", "Cancel a quote", "Withdraws a quote and releases the promotions reserved for it.",
		sellers, quoting.CancelQuote)
}

// answerOf says who answers a quote and how. Customers answer by their link.
func (x *exchange) answerOf(who, channel, text string) quoting.Answer {
	by := quoting.Answer{Who: who, Channel: quoting.ByAPI, Text: text}
	if x.caller.link != nil {
		by.Channel = quoting.ByLink
	} else if channel != "" {
		by.Channel, _ = quoting.ParseChannel(channel) // the description lists them
	}
	return by
}

// mayQuote refuses a customer a quote that their link is not about.
func (x *exchange) mayQuote(id string) error {
	if x.caller.link != nil && x.caller.link.Subject != id {
		return &quoting.NotFoundError{Kind: "quote"} // as for one that nobody has
	}
	return nil
}

func acceptQuote(x *exchange, in *struct {
	QuotePath
	Body acceptBody
}) (change, error) {
	if err := x.mayQuote(in.ID); err != nil {
		return change{}, err
	}
	hash, err := quoting.ParseHash(in.Body.Hash)
	if err != nil {
		return change{}, err
	}
	by, codes := x.answerOf(in.Body.Who, in.Body.Channel, ""), in.Body.PromotionCodes
	return x.changeQuote(in.ID, func(tx *compaction.Tx, tenant, id string) (quoting.Quote, error) {
		q, err := quoting.AcceptQuote(tx, tenant, id, by, hash, codes)
		if ofType[*quoting.HashError](err) {
			err = at("hash", err)
		}
		return q, locateCode(tx, tenant, codes, err)
	}), nil
}

func (b *DraftBody) draft() (quoting.Draft, error) {
	d, err := b.document("")
	if err != nil {
		return quoting.Draft{}, err
	}
	valid, err := optionalDate("valid_until", b.ValidUntil)
	return quoting.Draft{Document: d, Terms: b.Terms, ValidUntil: valid}, err
}

func optionalDate(field, text string) (quoting.Date, error) {
	if text == "" {
		return "", nil
	}
	return quoting.ParseDate(field, text)
}

func createQuote(x *exchange, in *struct{ Body quoteBody }) (change, error) {
	d, err := in.Body.draft()
	if err != nil {
		return change{}, err
	}
	tenant, id := x.tenant, compaction.NewID("quo", x.api.clock())
	return change{cost: 1 + len(d.Document.Lines)/10, decide: func(tx *compaction.Tx) (result, error) {
		q, err := quoting.CreateQuote(tx, tenant, id, in.Body.Customer, d)
		if ofType[*quoting.NotFoundError](err) {
			err = at("customer", err)
		}
		if err != nil {
			return result{}, err
		}
		return result{body: showQuote(q, 0, true), location: "/v1/quotes/" + id}, nil
	}}, nil
}

func editQuote(x *exchange, in *struct {
	QuotePath
	Body DraftBody
}) (change, error) {
	d, err := in.Body.draft()
	return x.changeQuote(in.ID, func(tx *compaction.Tx, tenant, id string) (quoting.Quote, error) {
		return quoting.EditQuote(tx, tenant, id, d)
	}), err
}

func getQuote(x *exchange, in *QuotePath) (quoteRecord, error) {
	if err := x.mayQuote(in.ID); err != nil {
		return quoteRecord{}, err
	}
	q, err := findOrRecall(x, in.ID, quoting.FindQuote, quoting.DecodeQuote)
	if err != nil {
		return quoteRecord{}, err
	}
	n, internal := len(q.Versions)-1, x.caller.link == nil
	for !internal && n >= 0 && q.Versions[n].State == quoting.QuoteDraft {
		n-- // customers see what was issued
	}
	if n < 0 {
		return quoteRecord{}, &quoting.NotFoundError{Kind: "quote"}
	}
	out := showQuote(q, n, internal)
	v := &q.Versions[n]
	figures := v.Content.Priced
	if v.Acceptance != nil {
		figures = v.Acceptance.Priced
	}
	out.Rules = showRules(quoting.Explain(v.Content.Document, figures))
	return out, nil
}
