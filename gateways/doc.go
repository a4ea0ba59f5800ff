// Package gateways performs what the books want done outside: payments, captures, refunds and
// questions at a payment gateway, and commands to the books of another tenant.
//
// It promises:
//
//   - Every attempt's beginning is committed before the gateway is called, so whatever dies in
//     between, the next owner of the shard knows that something may have happened.
//   - An outcome that nobody saw is unknown, which is a state of its own. It is asked for. For 23
//     hours the same key may be sent again; gateways forget keys after 24. After those, absent
//     means that it never happened.
//   - What follows from an outcome is written in one command with the end of its effect: once.
//   - Effects of one payment keep their order, and one that waits holds up no other payment.
//   - A webhook is verified, and taken once by the id of its event. It is only a hint: what
//     happened is asked for, so order of arrival means nothing.
//
// It does not decide what a fact means: ledger/settlement does. It does not pick gateways, and it
// does not try a payment at another gateway while one attempt is unknown.
//
//	settlement ── Emit ──▶ outbox ──▶ Worker ── begin ──▶ engine
//	                         ▲          │ Perform, Resolve
//	webhook ─▶ Receive ──────┘          ▼
//	                                 Gateway: stripe (or sandbox), offline
//	                                    │ Fact
//	                                    ▼
//	             engine ◀── end: settlement.ApplyPayment(tx, …, fact), effect done
//
//	an effect:  waiting ─▶ begun ─▶ (done)
//	               ▲         │
//	               │         ├─▶ unknown ─▶ asked, or sent again with the same key
//	               └─────────┤
//	                         └─▶ dead ─▶ replayed or dropped by a person
//
// Start with Gateway (the contract, held by gatewaytest), then Handler and Worker.
package gateways
