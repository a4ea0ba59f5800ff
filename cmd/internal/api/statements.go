package api

import (
	"errors"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/settlement"
)

// EntryBody is an entry of the bank's statement.
type EntryBody struct {
	ID        string       `json:"id" pattern:"^[A-Za-z0-9_.:-]+$" minLength:"1" maxLength:"100" doc:"The bank's own id of the entry: one that was taken before is not taken again." example:"2026-03-01-0007"`
	Reference string       `json:"reference,omitempty" maxLength:"500" doc:"The remittance information, by which it is matched." example:"INV-12 RE 2026-17"`
	Amount    amountText   `json:"amount" doc:"Below zero for a debit."`
	Currency  currencyCode `json:"currency"`
	BookedOn  string       `json:"booked_on" format:"date" maxLength:"10" doc:"The booking date." example:"2026-03-01"`
}

// An entryRecord as answers show it.
type entryRecord struct {
	EntryBody
	Matched     bool   `json:"matched"`
	Expectation string `json:"expectation,omitempty" doc:"What it was matched with."`
	Created     moment `json:"created"`
}

type matchBody struct {
	Expectation string `json:"expectation" pattern:"^[A-Za-z0-9_.:-]+$" maxLength:"200" doc:"The expectation's id." example:"pay_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Force       bool   `json:"force,omitempty" doc:"Whether a difference of the amounts is accepted, and written off."`
}

// EntryPath names an entry of the bank's statement in the path.
type EntryPath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_.:-]+$" maxLength:"100" example:"2026-03-01-0007" doc:"The bank's id of the entry."`
}

// ExpectationPath names an expectation in the path.
type ExpectationPath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_.:-]+$" maxLength:"200" example:"pay_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The expectation's id."`
}

type matchInput struct {
	EntryPath
	Body matchBody
}

type expectationList struct {
	Paging
	Status string `query:"status" enum:"expected,matched,over,under,currency_mismatch,data_mismatch,partially_matched,void" doc:"Only those that stand here."`
}

// An expectationRecord as answers show it.
type expectationRecord struct {
	ID        string       `json:"id"`
	Kind      string       `json:"kind" doc:"What is to be seen, and where." example:"offline"`
	Subject   string       `json:"subject" doc:"The payment or payout it belongs to."`
	Source    string       `json:"source,omitempty" doc:"The refund or dispute that moves the money."`
	Gateway   string       `json:"gateway,omitempty"`
	Method    string       `json:"method,omitempty"`
	Currency  currencyCode `json:"currency"`
	Amount    amountText   `json:"amount"`
	Seen      amountText   `json:"seen" doc:"What was seen of it so far."`
	Status    string       `json:"status" enum:"expected,matched,over,under,currency_mismatch,data_mismatch,partially_matched,void,missing" doc:"missing is what was not seen by its deadline."`
	Match     string       `json:"match,omitempty" enum:"auto,manual,forced"`
	MatchedBy string       `json:"matched_by,omitempty"`
	Deadline  moment       `json:"deadline,omitzero"`
	Created   moment       `json:"created"`
	Updated   moment       `json:"updated"`
}

func (a *API) registerStatements() {
	mutation[struct{ Body EntryBody }, entryRecord](a, route{
		id: "create-statement-entry", path: "/v1/statement_entries", tag: payoutTag,
		roles: finance | platform, status: 201, summary: "Take an entry of the bank's statement",
		description: "Keeps an entry once by its id, and matches it by reference and amount with what " +
			"it pays. What is whole then settles.",
		example: `{"id":"2026-03-01-0007","reference":"INV-12","amount":"12.34","currency":"EUR",` +
			`"booked_on":"2026-03-01"}`,
	}, takeEntry)
	query[Paging](a, route{
		id: "list-statement-entries", path: "/v1/statement_entries", tag: payoutTag, roles: anyKey,
		summary:     "List entries",
		description: "Entries of the bank's statement that belong to nothing settled.",
	}, func(x *exchange, in *Paging) (page[entryRecord], error) {
		return list(x, *in, settlement.StatementEntries, showEntry)
	})
	mutation[matchInput, entryRecord](a, route{
		id: "match-statement-entry", path: "/v1/statement_entries/{id}/match", tag: payoutTag,
		roles: finance | platform, summary: "Match an entry by hand",
		description: "Matches an entry with an expectation that a person chose.",
		example:     `{"expectation":"pay_01j9qz4m2n8r7t6v5w4x3y2z1a"}`,
	}, func(x *exchange, in *matchInput) (change, error) {
		tenant := x.tenant
		return change{decide: func(tx *compaction.Tx) (result, error) {
			e, err := settlement.MatchByHand(tx, tenant, in.ID, in.Body.Expectation, in.Body.Force)
			if _, none := open(settlement.StatementEntries)(tx, tenant, in.ID); none == nil {
				err = at("expectation", err) // it is not the entry that is not there
			}
			return result{body: showEntry(e)}, err
		}}, nil
	})
	query[expectationList](a, route{
		id: "list-expectations", path: "/v1/expectations", tag: payoutTag, roles: anyKey,
		summary: "List expectations", description: "Money that the books say must be seen.",
	}, func(x *exchange, in *expectationList) (page[expectationRecord], error) {
		return listBy(x, in.Paging, settlement.Expectations, []filter{{"status", in.Status}},
			func(e settlement.Expectation) expectationRecord {
				return showExpectation(e, x.api.clock())
			})
	})
	a.registerExceptions()
}

func (a *API) registerExceptions() {
	work := func(name, summary, description string,
		f func(tx *compaction.Tx, tenant, id, note string) error) {
		mutation[ExpectationPath, expectationRecord](a, route{
			id: name + "-expectation", path: "/v1/expectations/{id}/" + name, tag: payoutTag,
			roles: finance | platform, summary: summary, description: description,
		}, func(x *exchange, in *ExpectationPath) (change, error) {
			tenant, note := x.tenant, compaction.NewID("ste", x.api.clock())
			return change{decide: func(tx *compaction.Tx) (result, error) {
				e, err := open(settlement.Expectations)(tx, tenant, in.ID)
				if err != nil {
					return result{}, err
				}
				if err := f(tx, tenant, in.ID, note); err != nil {
					return result{}, err
				}
				after, ok, err := settlement.Expectations.Get(tx, compaction.Key(tenant, in.ID))
				if ok {
					e = after
				} else { // settled, and gone with what it belonged to
					e.Status, e.Updated = settlement.Matched, tx.Now()
				}
				return result{body: showExpectation(e, tx.Now())}, err
			}}, nil
		})
	}
	work("receive", "Mark as received",
		"Says that what is missing of an offline payment reached the bank.", settlement.MarkReceived)
	work("accept", "Accept a difference",
		"Accepts what was seen as all there will be; what is missing is written off.",
		func(tx *compaction.Tx, tenant, id, _ string) error {
			return settlement.AcceptDifference(tx, tenant, id)
		})
}

func takeEntry(x *exchange, in *struct{ Body EntryBody }) (change, error) {
	b := &in.Body
	currency, err := parseCurrency("currency", b.Currency)
	if err != nil {
		return change{}, err
	}
	amount, err := parseAmount("amount", b.Amount, currency)
	if err != nil {
		return change{}, err
	}
	booked, err := time.Parse(time.DateOnly, b.BookedOn)
	if err != nil {
		return change{}, refuse("booked_on", "format", `must be a date: "2026-03-01"`)
	}
	e := settlement.StatementEntry{ID: b.ID, Reference: b.Reference, Amount: amount, BookedOn: booked}
	tenant := x.tenant
	return change{decide: func(tx *compaction.Tx) (result, error) {
		e, err := settlement.MatchStatementEntry(tx, tenant, e)
		switch {
		case errors.Is(err, settlement.ErrReference):
			err = at("amount", err) // the description wants an id
		case errors.Is(err, settlement.ErrExists):
			err = at("id", err)
		}
		return result{body: showEntry(e)}, err
	}}, nil
}

func showEntry(e settlement.StatementEntry) entryRecord {
	return entryRecord{
		EntryBody: EntryBody{e.ID, e.Reference, amountText(e.Amount.String()),
			currencyCode(e.Amount.Currency().String()), e.BookedOn.Format(time.DateOnly)},
		Matched: e.Expectation != "", Expectation: e.Expectation, Created: moment(e.Created),
	}
}

func showExpectation(e settlement.Expectation, at time.Time) expectationRecord {
	return expectationRecord{
		ID: e.ID, Kind: e.Kind.String(), Subject: e.Subject, Source: e.Source, Gateway: e.Gateway,
		Method: e.Method, Currency: currencyCode(e.Amount.Currency().String()),
		Amount: amountText(e.Amount.String()), Seen: amountText(e.Seen.String()),
		Status: e.StatusAt(at).String(), Match: e.Match.String(), MatchedBy: e.MatchedBy,
		Deadline: moment(e.Deadline), Created: moment(e.Created), Updated: moment(e.Updated),
	}
}
