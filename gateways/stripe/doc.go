// Package stripe is the gateway to Stripe, by stripe-go. It talks to whatever speaks Stripe's API:
// to Stripe itself, or to the provider of package sandbox.
//
// A payment is a payment intent, created and confirmed in one request; another attempt confirms
// the same intent with another method. Intents and refunds carry {tenant, payment, refund} in
// their metadata, by which they are found where their ids are not known. The key of a call is
// Stripe's Idempotency-Key. Each request is sent once: who calls decides whether to send it again.
//
// It promises what gateways.Gateway asks, and that the API key and the webhook secret are in no
// error and no log line. Answers are given as Stripe says them, never as they were asked for.
//
// It does not keep cards, does not follow redirects of customers, and knows the part of Stripe
// that the money path needs: payment intents, refunds, disputes, balance transactions, payouts.
//
//	gateways.Worker ─▶ Gateway ── payment_intents, refunds ──▶ Stripe or sandbox
//	                      ▲  ╰──── payouts, balance_transactions ──▶
//	webhook ─▶ Verify ────╯   Stripe-Signature: t=…,v1=HMAC-SHA256(t.payload)
//
// Start with New, then facts.go: what each of Stripe's objects says.
package stripe
