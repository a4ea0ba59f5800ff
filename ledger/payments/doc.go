// Package payments knows the states of payments, their attempts, refunds, disputes and payouts,
// and which move from one to the next is legal.
//
// Everything that decides is a pure function of a record and a Fact: what a gateway said about it,
// already fetched. Applying a fact returns the new record and what changed, or says why nothing
// did. Nothing here calls a gateway, posts to an account or reads a clock.
//
// It promises:
//
//   - Whether a move is legal stands in one literal table (moves.go), and a golden file prints
//     every state against every event.
//   - A fact is compared, never believed: one that echoes another amount, currency or object leaves
//     the payment conflicted, for a person to look at.
//   - A fact that is older than what is known, or says nothing new, changes nothing. What a gateway
//     calls final (succeeded, canceled) counts whatever its age, because it never changes again.
//   - Refunds of a payment, those not yet decided included, never exceed what was captured.
//
// It does not say what a fact means in the books, nor when a record clears: that is
// ledger/settlement. It does not perform effects: that is gateways; only the kinds and payloads of
// effects are declared here, so that settlement can ask for them.
//
//	           ┌──────────────── decline ─────────────────┐
//	           ▼                                          │
//	requires_payment_method ─▶ requires_action ─▶ processing ─▶ requires_capture
//	     │        │                  │                │                │
//	  cancel    expire               └──────── succeed ────────────────┤
//	     ▼        ▼                                                    ▼
//	 canceled  expired ── late money ─────────────────────────────▶ succeeded ⇄ settled
//
//	any open state ── the gateway echoes something else ──▶ conflicted ── a person ──▶ succeeded
//
// Records, keys and their topics:
//
//	payments     tenant/payment           Payments
//	attempts     tenant/payment/number    Attempts
//	refunds      tenant/refund            Refunds
//	disputes     tenant/dispute           Disputes
//	payouts      tenant/payout            Payouts       (the tenant that holds the gateway's account)
//	payoutlines  tenant/payout/line       PayoutLines
//
// Start with State and its moves, then Payment.Apply.
package payments
