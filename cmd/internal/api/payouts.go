package api

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
)

// A payoutRecord as answers show it.
type payoutRecord struct {
	ID         string       `json:"id" example:"stripe-po_1"`
	Status     string       `json:"status" enum:"pending,in_transit,paid,failed,canceled"`
	Currency   currencyCode `json:"currency"`
	Amount     amountText   `json:"amount" doc:"What reaches the bank."`
	Gateway    string       `json:"gateway"`
	GatewayID  string       `json:"gateway_id"`
	Lines      int          `json:"lines" doc:"How many movements it is made of, once they are known."`
	Answered   int          `json:"answered" doc:"How many of them are settled in their owners' books."`
	Reconciled bool         `json:"reconciled"`
	Trace      string       `json:"trace,omitempty" doc:"The bank's reference."`
	Code       string       `json:"code,omitempty" doc:"Why it failed."`
	Conflict   string       `json:"conflict,omitempty"`
	Arrival    moment       `json:"arrival,omitzero" doc:"When it should be, or was, at the bank."`
	Created    moment       `json:"created"`
	Updated    moment       `json:"updated"`
}

// A payoutLine as answers show it.
type payoutLine struct {
	ID       string       `json:"id" example:"txn_1"`
	Owner    string       `json:"owner" doc:"The tenant whose money it is."`
	Kind     string       `json:"kind" enum:"payment,refund,refund_failure,dispute,dispute_reversal,fee,payout_failure,other"`
	Payment  string       `json:"payment,omitempty"`
	Refund   string       `json:"refund,omitempty"`
	Source   string       `json:"source,omitempty" doc:"The gateway's id of what moved."`
	Currency currencyCode `json:"currency"`
	Gross    amountText   `json:"gross"`
	Fee      amountText   `json:"fee"`
	Net      amountText   `json:"net"`
	Status   string       `json:"status" enum:"waiting,settled,refused"`
	Code     string       `json:"code,omitempty" doc:"Why its owner's books refused it."`
	Created  moment       `json:"created"`
}

// PayoutPath names a payout in the path.
type PayoutPath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_.-]+$" maxLength:"140" example:"stripe-po_1" doc:"The payout's id."`
}

// LinePath names a line of a payout in the path.
type LinePath struct {
	Line string `path:"line" pattern:"^[A-Za-z0-9_.-]+$" maxLength:"140" example:"txn_1" doc:"The line's id."`
}

type payoutList struct {
	Paging
	Status string `query:"status" enum:"pending,in_transit,paid,failed,canceled" doc:"Only those that stand here."`
}

type payoutLines struct {
	Paging
	PayoutPath
}

type resendInput struct {
	PayoutPath
	LinePath
}

const payoutTag = "Payouts and reconciliation"

func (a *API) registerPayouts() {
	query[payoutList](a, route{
		id: "list-payouts", path: "/v1/payouts", tag: payoutTag, roles: anyKey,
		summary: "List payouts",
		description: "Payouts that are open, to the tenant that holds the gateway's account: the " +
			"platform.",
	}, func(x *exchange, in *payoutList) (page[payoutRecord], error) {
		return listBy(x, in.Paging, payments.Payouts, []filter{{"state", in.Status}}, showPayout)
	})
	query[PayoutPath](a, route{
		id: "get-payout", path: "/v1/payouts/{id}", tag: payoutTag, roles: anyKey,
		summary: "Get a payout", description: "A payout, open or settled.",
	}, func(x *exchange, in *PayoutPath) (payoutRecord, error) {
		p, err := findOrRecall(x, in.ID, open(payments.Payouts), payments.DecodePayout)
		if err != nil {
			return payoutRecord{}, err
		}
		return showPayout(p), nil
	})
	query[payoutLines](a, route{
		id: "list-payout-lines", path: "/v1/payouts/{id}/lines", tag: payoutTag, roles: anyKey,
		summary: "List a payout's lines", description: "The movements of a payout that is open.",
	}, func(x *exchange, in *payoutLines) (page[payoutLine], error) {
		return listLines(x, in)
	})
	mutation[resendInput, payoutLine](a, route{
		id: "resend-payout-line", path: "/v1/payouts/{id}/lines/{line}/resend", tag: payoutTag,
		roles: finance | platform, summary: "Send a refused line again",
		description: "Has the books of a line's owner look at it once more, after a person mended what " +
			"they refused it for.",
	}, func(x *exchange, in *resendInput) (change, error) {
		tenant := x.tenant
		return change{decide: func(tx *compaction.Tx) (result, error) {
			if err := settlement.ResendPayoutLine(tx, tenant, in.ID, in.Line); err != nil {
				return result{}, err
			}
			l, _, err := payments.PayoutLines.Get(tx, compaction.Key(tenant, in.ID, in.Line))
			return result{body: showLine(l)}, err
		}}, nil
	})
}

func listLines(x *exchange, in *payoutLines) (page[payoutLine], error) {
	p := in.of(compaction.Key(x.tenant, in.ID) + "/")
	var rows []compaction.Row[payments.PayoutLine]
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		rows, err = payments.PayoutLines.Scan(v, p)
		return err
	})
	return pageOf(p, rows, showLine), err
}

func showPayout(p payments.Payout) payoutRecord {
	return payoutRecord{
		ID: p.ID, Status: p.State.String(), Currency: currencyCode(p.Amount.Currency().String()),
		Amount: amountText(p.Amount.String()), Gateway: p.Gateway, GatewayID: p.GatewayID,
		Lines: p.Lines, Answered: p.Answered, Reconciled: p.Reconciled(), Trace: p.Trace, Code: p.Code,
		Conflict: p.Conflict, Arrival: moment(p.Arrival), Created: moment(p.Created),
		Updated: moment(p.Updated),
	}
}

func showLine(l payments.PayoutLine) payoutLine {
	return payoutLine{
		ID: l.ID, Owner: l.Owner, Kind: l.Kind.String(), Payment: l.Payment, Refund: l.Refund,
		Source: l.Source, Currency: currencyCode(l.Net.Currency().String()),
		Gross: amountText(l.Gross.String()), Fee: amountText(l.Fee.String()),
		Net: amountText(l.Net.String()), Status: l.State.String(), Code: l.Code,
		Created: moment(l.Created),
	}
}
