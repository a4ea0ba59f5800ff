// Package settlement says what each fact means in the books, and when records clear. It is the one
// place that joins the ledger, payments and quoting: each of its commands changes a payment or an
// invoice, posts what that means, and writes down what is to be seen at the bank, in one append.
//
// Its functions take a *compaction.Tx and are called in the Decide of a command; an error of theirs
// must fail the command, which rolls back what they wrote. Their errors are refusals, failures of
// the store as they are, and *SettledError.
//
// It promises:
//
//   - Each event posts what its row in books.go says and nothing else, once: a fact that is told
//     again, late or in another order posts nothing again.
//   - After an invoice is fully paid, refunded, credited, void or written off, its customer's
//     receivable holds nothing of it. What was paid too much becomes a deposit of the customer.
//   - A credit note takes back what finalising its invoice posted, never more: credit notes of the
//     whole leave every account that it touched as it was.
//   - A promotion is redeemed by the first money of its invoice, and restored when all of it was
//     given back: by refunds, or a dispute that was lost. It stays restored if a refund comes back
//     later or the customer pays again, since its use may be somebody else's by then. One that is
//     never redeemed is released when credit notes alone pay the invoice or it is written off.
//   - When a payout's line settles a payment, its clearing account holds nothing of it, to the last
//     minor unit.
//   - A payment clears when its money, that of its refunds and that of its disputes was seen. Then,
//     in one append, the full final records go to the journal, ledger.Settled points to them from
//     every id, ours and the gateway's, and the compacted topics get tombstones.
//   - A quote that was declined, cancelled or has expired ends in the same way with what was
//     reserved for it and the links to it, quoting.ClosedPeriod after it came to nothing.
//   - What comes after that brings the records back as they were: see Engine.
//
// It does not call gateways: it emits effects. It does not read files or write reports: that is
// ledger/reconciliation. Statuses of expectations that only the clock knows (missing) are derived.
//
//	FinalizeInvoice ─▶ CreatePayment ─▶ effect ⇢ gateway ⇢ ApplyPayment ─▶ expectation
//	                                                                          │ seen
//	payout ⇢ ApplyPayout ─▶ a line each ⇢ ApplyPayoutLine ────────────────────┤
//	statement ─▶ MatchStatementEntry ─────────────────────────────────────────┤
//	                                                                          ▼
//	        journal ◀── final records, pointers, tombstones ◀────────────── Settle
//	           │
//	           └──▶ Recall ──▶ Rehydrate ──▶ a late refund, dispute, webhook ──▶ Settle again
//
// Records, keys and their topics, beside those of ledger, payments and quoting:
//
//	expectations  tenant/expectation   Expectations
//	statements    tenant/entry         StatementEntries
//
// Start with books.go, the table of what each event posts, then ApplyPayment and Settle.
package settlement
