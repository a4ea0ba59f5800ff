package gateways

import (
	"context"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
)

// payoutFetcher performs payout.fetch.
type payoutFetcher struct {
	books Books
	set   map[string]Gateway
}

// Perform asks for the payout and its lines, and writes both at once.
func (p payoutFetcher) Perform(ctx context.Context, e compaction.Effect, c Call) (Outcome, error) {
	q, err := payments.DecodeQuery(e.Kind, e.Payload)
	if err != nil {
		return nil, &Error{Class: Permanent, Gateway: "?", Code: "payload"}
	}
	g, err := gateway(p.set, q.Gateway)
	if err != nil {
		return nil, err
	}
	payer, ok := g.(Payer)
	if !ok {
		return Nothing, nil
	}
	f, err := payer.FindPayout(ctx, c, q.GatewayID)
	if err != nil && ClassOf(err) == Absent {
		return Nothing, nil
	}
	if err != nil {
		return nil, err
	}
	lines, err := payer.PayoutLines(ctx, c, q.GatewayID)
	if err != nil {
		return nil, err
	}
	for i, l := range lines {
		if compaction.CheckTenant(l.Owner) != nil {
			lines[i].Owner = e.Tenant
		}
	}
	return func(tx *compaction.Tx) error {
		return p.books.ApplyPayout(tx, e.Tenant, f, lines)
	}, nil
}

// lineTeller performs payout.line: a command to the books of the line's owner, whose answer goes
// back to the payout. The owner applies a line once, by its id.
type lineTeller struct {
	books  Books
	engine Engine
}

// Perform settles the line where it belongs.
func (l lineTeller) Perform(ctx context.Context, e compaction.Effect, _ Call) (Outcome, error) {
	n, err := payments.DecodeLine(e.Payload)
	if err != nil {
		return nil, &Error{Class: Permanent, Gateway: "?", Code: "payload"}
	}
	code, err := l.books.tell(ctx, l.engine, n.Gateway,
		Tell{Tenant: n.Line.Owner, Kind: e.Kind, Payload: e.Payload})
	if err != nil {
		return nil, err
	}
	return func(tx *compaction.Tx) error {
		return l.books.AnswerPayoutLine(tx, n.Line, code)
	}, nil
}

// Fail shows on the payout a line that was given up: it can still be settled, by a replay.
func (l lineTeller) Fail(tx *compaction.Tx, e compaction.Effect, _ Class) error {
	if e.State != compaction.EffectDead {
		return nil
	}
	n, err := payments.DecodeLine(e.Payload)
	if err != nil {
		return err
	}
	return l.books.AnswerPayoutLine(tx, n.Line, "refused")
}
