package gateways

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
)

// Books are the commands by which outcomes are written: those of ledger/settlement. Each runs
// within a command of the tenant's shard and is idempotent: a fact told twice, or told late,
// changes nothing. Their errors are refusals.
type Books struct {
	// ApplyPayment writes what a gateway said about a payment of the tenant. The payment is named
	// by our id or, where that is empty, by the fact's gateway id; one that is not known changes
	// nothing.
	ApplyPayment func(tx *compaction.Tx, tenant, payment string, f payments.Fact) error
	// ApplyRefund writes what a gateway said about a refund, named as a payment is.
	ApplyRefund func(tx *compaction.Tx, tenant, refund string, f payments.RefundFact) error
	// ApplyDispute writes what a gateway said about a dispute of a payment, named as above.
	ApplyDispute func(tx *compaction.Tx, tenant, payment string, f payments.DisputeFact) error
	// ApplyPayout writes what a gateway said about a payout of the tenant that holds the gateway's
	// account, and its lines.
	ApplyPayout func(tx *compaction.Tx, tenant string, f payments.PayoutFact,
		lines []payments.PayoutLine) error
	// ApplyPayoutLine settles a line in the books of its owner. The code says why it was taken and
	// not settled, empty if it was. An error leaves it to be told again: what it needs may still
	// be on its way.
	ApplyPayoutLine func(tx *compaction.Tx, n payments.LineNotice) (code string, err error)
	// AnswerPayoutLine writes to the payout what the owner's books said: an empty code is settled.
	AnswerPayoutLine func(tx *compaction.Tx, l payments.PayoutLine, code string) error
	// Elsewhere reaches the books of tenants whose shards the engine does not serve; nil where it
	// serves all.
	Elsewhere Elsewhere
}

// Settlement returns the books of package settlement. The Engine that they are used with is a
// settlement.Engine: it brings back what was settled when something late concerns it.
func Settlement() Books {
	return Books{
		ApplyPayment:     settlement.ApplyPayment,
		ApplyRefund:      settlement.ApplyRefund,
		ApplyDispute:     settlement.ApplyDispute,
		ApplyPayout:      settlement.ApplyPayout,
		ApplyPayoutLine:  settlement.ApplyPayoutLine,
		AnswerPayoutLine: settlement.AnswerPayoutLine,
	}
}

// Handlers returns the handlers of every effect that concerns payments, for a Worker. set holds
// the gateways by name; engine takes the commands to other tenants' shards.
func (b Books) Handlers(engine Engine, set map[string]Gateway) map[string]Handler {
	m := map[string]Handler{
		payments.EffectRefund:      refundHandler{b, set},
		payments.EffectRefundFind:  refundFinder{refundHandler{b, set}},
		payments.EffectDisputeFind: disputeFinder{b, set, engine},
		payments.EffectPayoutFetch: payoutFetcher{b, set},
		payments.EffectPayoutLine:  lineTeller{b, engine},
	}
	for _, kind := range []string{payments.EffectCreate, payments.EffectCapture,
		payments.EffectCancel} {
		m[kind] = paymentHandler{b, set}
	}
	m[payments.EffectFind] = paymentFinder{paymentHandler{b, set}}
	return m
}
