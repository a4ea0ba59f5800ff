// Package sandbox is a payment provider that moves no money: an HTTP server in Stripe's shapes
// with durable books of its own. It is a provider and not an adapter: gateways/stripe talks to it
// as it talks to Stripe, from the same program or over the network.
//
// It promises:
//
//   - Stripe's shapes (API version 2023-10-16) for payment intents, charges, refunds, disputes,
//     balance transactions, payouts and events: form-encoded requests, JSON objects, error objects,
//     lists by cursor, search by metadata, expand. An Idempotency-Key is remembered for 24 hours.
//   - What it has answered is durable: its books are a log of package compaction in its own folder,
//     one command a request, so an end by SIGKILL loses nothing that was acknowledged.
//   - Its money adds up: every movement is a balance transaction, and a payout is the sum of those
//     it lists, to the minor unit.
//   - Faults come by rates and a seed: the same requests meet the same faults.
//
// It does not check cards, convert currencies, or know Stripe's products beyond these. Its fee is
// a rule of its own: 1.5 % of what is captured, rounded half up, and 25 minor units, never more
// than the amount; a dispute costs 1500 minor units. It pays out once a day, per currency, all
// that has not been paid out, and nothing where that is not above zero.
//
//	POST /v1/payment_intents           create, and with confirm=true attempt
//	POST /v1/payment_intents/{id}/…    confirm, capture, cancel
//	GET  /v1/payment_intents[/{id}]    list, search, get
//	POST /v1/refunds                   give back; GET lists and gets
//	GET  /v1/{charges,disputes,payouts,balance_transactions,events}[/{id}]
//	POST /v1/test_helpers/…            pay out now, advance the clock, dispute, decide an action
//	GET  /authenticate/{id}            where a customer completes an action
//
//	objects     sandbox/{id}           Objects
//
// Test payment methods, named as Stripe names its own:
//
//	pm_card_visa, pm_card_mastercard, …                  succeeds
//	pm_card_visa_chargeDeclined                          declined: generic_decline
//	pm_card_visa_chargeDeclinedInsufficientFunds         declined: insufficient_funds
//	pm_card_visa_chargeDeclinedLostCard, …StolenCard     declined: lost_card, stolen_card
//	pm_card_chargeDeclinedExpiredCard                    declined: expired_card
//	pm_card_authenticationRequired                       requires_action
//	pm_card_createDispute                                succeeds and is disputed
//	pm_card_pendingRefund                                succeeds, its refunds are pending
//	pm_sandbox_processing                                processing until a helper decides
//
// Start with Open, then server.go for the requests and intents.go for what they mean.
package sandbox
