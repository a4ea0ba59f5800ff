package api

import (
	"context"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
	"github.com/quittance/quittance/ledger/settlement"
	"github.com/quittance/quittance/quoting"
	"github.com/quittance/quittance/quoting/access"
)

// kinds maps every error that a caller may hear of to its problem. The first row that matches wins,
// and an error in no row is ours to fix: 500, and the caller hears nothing of it. Rows are never
// taken out and slugs never change: clients compare them.
//
//	slug, status, rule, title, help, match
var kinds = []kind{
	// The door.
	{"unauthenticated", 401, "key", "The request has no valid key.",
		"Send an API key, or a customer's link token, as `Authorization: Bearer …`. Keys are shown " +
			"once, when they are made, and end when they are revoked.",
		is(errNoKey, errKey, errKeys)},
	{"forbidden", 403, "role", "The key's role does not allow this.",
		"Each operation lists the roles that may use it. Use a key of one of them.",
		as(func(e *roleError, p *Problem) { p.Rule = "role" })},
	{"hop-refused", 403, "hop", "The request was not passed on by a node of the service.",
		"`Quittance-Hop` is what the nodes of the service say to each other. Leave it out.",
		is(errHop)},
	{"not-found", 404, "exists", "There is no such thing.",
		"The address or the id is wrong, or what it names belongs to somebody else: both are answered " +
			"alike.",
		either(
			is(errRoute, errNotFound, errTenant, errGateway, ledger.ErrNoTransaction, ledger.ErrNoAccount,
				access.ErrNoKey, access.ErrNoLink, settlement.ErrNotFound, gateways.ErrNoEffect),
			as[*quoting.NotFoundError](),
			as(func(_ *settlement.CreditNoteError, p *Problem) { p.Field = "credit_note" }),
		)},
	{"method-not-allowed", 405, "method", "The address does not have this method.",
		"The methods it has are in the answer's `Allow` header.",
		as[*methodError]()},
	{"body-too-large", 413, "size", "The body is too large.",
		"Send fewer at once. The limit is 1 MiB, for batches 4 MiB, for webhooks 256 KiB.",
		as[*sizeError]()},
	{"record-too-large", 413, "size", "What the request would write is too large.",
		"Nothing was done. A record has at most 8 MiB, and so has the answer to a request, which is " +
			"kept for whoever repeats it. Send fewer at once, under a new Idempotency-Key.",
		says("a record of the request, or its answer, would be larger than 8 MiB",
			as[*compaction.SizeError]())},
	{"unsupported-media-type", 415, "media_type", "The body is of another type.",
		"Send `Content-Type: application/json`, in UTF-8 and without compression.",
		as[*mediaTypeError]()},
	{"malformed-json", 400, "json", "The body is not JSON.",
		"The detail says where the body stops being JSON. It must be one value in UTF-8, with nothing " +
			"after it, at most 16 levels deep, and no object may have a member twice. `rule` is syntax, " +
			"encoding, depth or unique, and whole for a body that broke off.",
		either(
			as(func(e *malformedError, p *Problem) { p.Field, p.Rule = e.field(), e.rule }),
			ruled("whole", is(errBody)),
		)},
	{"invalid-request", 422, "invalid", "A field is not what it must be.",
		"`field` names the first field that does not fit the API's description, `rule` how, and " +
			"`errors` all of them. Amounts, quantities and rates are texts, such as `\"12.50\"`; unknown " +
			"fields and null are refused.",
		either(
			as(func(e *validationError, p *Problem) {
				p.Field, p.Rule = e.faults[0].Field, e.faults[0].Rule
				if len(e.faults) > 1 {
					p.Errors = e.faults
				}
			}),
			as(func(e *forbiddenValueError, p *Problem) { p.Field, p.Rule = e.field(), "value" }),
			ruled("cursor", is(errCursor, ledger.ErrCursor)), ruled("range", is(errPeriod)),
			ruled("empty", is(errKeepEmpty)),
		)},
	{"rate-limited", 429, "rate", "Too many requests.",
		"Wait as long as `Retry-After` says. Each key has a rate of its own.",
		as(func(e *rateError, p *Problem) { p.RetryAfter = e.seconds })},

	// The engine.
	{"idempotency-key-invalid", 400, "format", "The Idempotency-Key is not one.",
		"A key is 1 to 255 visible ASCII characters without spaces, in one header. A random UUID is a " +
			"good one.",
		either(as[*compaction.KeyError](), is(errRepeats))},
	{"idempotency-key-reused", 409, "same_request",
		"The Idempotency-Key was used for another request.",
		"A key belongs to one request for 30 days. `field` names the first part of the request that " +
			"differs. Use a new key for a new request.",
		as(func(e *compaction.IdempotencyMismatchError, p *Problem) { p.Field = e.Field })},
	{"outcome-unknown", 503, "outcome", "It is not known yet whether the request was done.",
		"Repeat the request with the same Idempotency-Key: it is done once, and answered as it was " +
			"the first time.",
		later(1, either(
			says("the request may or may not have been done: repeat it with the same Idempotency-Key",
				is(compaction.ErrUnknownOutcome)),
			says("the request was not done in time, or its answer was lost: "+
				"repeat it with the same Idempotency-Key",
				is(context.DeadlineExceeded, context.Canceled)),
		))},
	{"busy", 503, "queue", "The server has too much to do.",
		"Nothing was done. Repeat the request after `Retry-After` seconds. A tenant has a fair share " +
			"of the queue: others are not slowed down by it.",
		later(1, says("too many commands are waiting", is(compaction.ErrQueueFull)))},
	{"out-of-space", 507, "space", "The server has no room left to write.",
		"Nothing was done, and reading goes on. An operator has to make room; then repeat the request.",
		later(30, says("there is no room left on the disk: nothing was written",
			as[*compaction.SpaceError]()))},
	{"history-not-ready", 503, "history", "History is still being restored.",
		"What is open can be read and changed already; what is past follows. Repeat the request.",
		later(2, says("history is still being restored", is(compaction.ErrRestoring)))},
	{"log-unreachable", 503, "log", "The server cannot reach its log.",
		"Nothing was done, and nothing that was acknowledged is lost. An operator has to bring back " +
			"the brokers, or the way to them; then repeat the request.",
		later(5, says("the log does not answer: nothing can be written, and what was written cannot be "+
			"shown for certain", is(compaction.ErrUnreachable)))},
	{"unavailable", 503, "serving", "The tenant's records are not being served.",
		"Nothing was done. The server is starting, stopping or recovering. Repeat the request.",
		later(1, either(
			says("the tenant's records are not being served at the moment",
				is(compaction.ErrNotServing, compaction.ErrFenced, compaction.ErrClosed)),
			says("nothing was written", is(compaction.ErrNotCommitted)),
		))},
	{"tenant-id-invalid", 422, "tenant_id", "The tenant's id is not one.",
		"A tenant's id is 1 to 63 lower-case letters, digits and hyphens.",
		as[*compaction.TenantError]()},

	// Money.
	{"amount-invalid", 422, "amount", "The text is not an amount.",
		"Write amounts as texts in major units with a point: `\"12.34\"`, `\"-5\"`.",
		as[*money.SyntaxError]()},
	{"amount-precision", 422, "digits", "The amount has too many digits.",
		"An amount has at most the digits of its currency: two for EUR, none for JPY, three for KWD.",
		as(func(e *money.PrecisionError, p *Problem) { p.Currency = e.Currency.String() })},
	{"amount-too-large", 422, "range", "The amount is too large.",
		"A posting has at most 10^15 minor units of its currency, and the sums of an account's debits " +
			"and credits are below 2^63. Of an account that is full, `available` is what still fits.",
		either(
			as(func(e *ledger.OverflowError, p *Problem) { figures(p, e.Needed, e.Available) }),
			as(func(e *ledger.LimitError, p *Problem) { figures(p, e.Amount, e.Limit) }),
			is(money.ErrOverflow),
		)},
	{"currency-unknown", 422, "currency", "The currency is not one of ISO 4217.",
		"Use a three-letter code of ISO 4217 in upper case, such as `EUR`.",
		as[*money.CurrencyError]()},
	{"currency-mismatch", 422, "one_currency", "The amounts are in different currencies.",
		"Everything in one document, payment or account is in one currency.",
		as[*money.MismatchError]()},

	// Quoting.
	{"field-invalid", 422, "value", "A field breaks a rule.",
		"`field` names the field and `rule` the rule; the detail says what the field must be.",
		as(func(e *quoting.FieldError, p *Problem) { p.Field, p.Rule = e.Field, e.Rule })},
	{"promotion-refused", 422, "promotion", "The promotion cannot be used here.",
		"`rule` says which of the promotion's rules is not met: its window, its currency, its minimum " +
			"spend, its scope, its limits. `needed` and `available` are the figures.",
		as(func(e *quoting.PromotionError, p *Problem) {
			p.Rule, p.Needed, p.Available = e.Rule, e.Needed, e.Available
		})},

	{"exists", 409, "unique", "There is such a record already.",
		"The id or the code is taken. Choose another, or use the record that has it.",
		either(as[*quoting.ExistsError](), is(settlement.ErrExists))},
	{"document-state", 409, "state", "The state of the quote or invoice does not allow this.",
		"The detail names the state. Get the record again: somebody else may have acted on it.",
		either(as[*quoting.MoveError](), is(settlement.ErrNotOpen, settlement.ErrPaid, errEnded))},
	{"content-changed", 409, "hash", "The acceptance is of something else than what is on offer.",
		"The hash names the content that was shown. Get the quote again, show it, and accept its hash.",
		as[*quoting.HashError]()},
	{"amount-exceeded", 422, "available", "The amount is more than there is.",
		"`needed` is what was asked for, `available` what is left of the contract value, the invoice, " +
			"the credit note or the payment.",
		either(
			as(func(e *quoting.AmountError, p *Problem) { figures(p, e.Needed, e.Available) }),
			as(func(e *settlement.DueError, p *Problem) { figures(p, e.Needed, e.Available) }),
			as(func(e *payments.RefundError, p *Problem) { figures(p, e.Needed, e.Available) }),
			is(settlement.ErrRefunded),
		)},
	{"key-invalid", 422, "key", "The key cannot be made like this.",
		"A key has a name of at most 100 bytes and a role: tradesperson, finance or platform.",
		is(access.ErrName, access.ErrRole)},

	// Payments and settlement.
	{"payment-state", 409, "state", "The state of the payment does not allow this.",
		"The detail names the state. Get the record again: the gateway may have answered meanwhile.",
		either(as[*payments.MoveError](), is(payments.ErrFetched))},
	{"payment-under-way", 409, "under_way", "A payment is under way.",
		"The detail names the payment and how it stands. Wait for its outcome, confirm it with another " +
			"method or cancel it, and then try again.",
		either(as[*settlement.UnderWayError](), is(settlement.ErrAttempt))},
	{"payment-invalid", 422, "payment", "The payment cannot be made like this.",
		"The detail says what is wrong: an amount of nothing or less, a gateway that is not there, a " +
			"method that it does not have.",
		either(
			ruled("range", is(payments.ErrAmount)), ruled("method", is(settlement.ErrMethod)),
			ruled("exists", is(settlement.ErrGateway, gateways.ErrNoGateway)),
		)},
	{"statement-entry-invalid", 422, "entry", "The statement's entry cannot be taken.",
		"An entry needs the bank's own id of it and an amount that is not zero.",
		is(settlement.ErrReference)},
	{"already-matched", 409, "unmatched", "It is matched already.",
		"An entry and an expectation are matched once. Get them again to see with what.",
		is(settlement.ErrMatched)},
	{"match-differs", 422, "equal", "The amounts differ.",
		"Match them with force to accept the difference.",
		is(settlement.ErrMatch)},
	{"settled-meanwhile", 503, "settled", "The records were settled while this was done.",
		"Nothing was done. Repeat the request.",
		later(1, either(
			says("the records were settled meanwhile", is(settlement.ErrStale)),
			says("the records were settled meanwhile", as[*settlement.SettledError]()),
		))},

	// Webhooks.
	{"webhook-unsigned", 401, "signature", "The webhook's signature is not the gateway's.",
		"It was not sent by the gateway, or too long ago. Look at the secret and at the clock.",
		as[*gateways.SignatureError]()},
	{"webhook-invalid", 422, "payload", "The webhook cannot be read.",
		"It is signed and lacks a field that is needed; the detail names it.",
		as(func(e *gateways.PayloadError, p *Problem) { p.Field = e.Field })},
	{"no-webhooks", 404, "webhooks", "The gateway sends no webhooks.",
		"Webhooks are taken for the gateways that are configured and send them.",
		is(gateways.ErrNoWebhooks)},

	// The general ledger.
	{"account-overdrawn", 422, "balance", "The account does not have enough.",
		"The posting would break the account's rule. `needed` is what was to be taken, `available` " +
			"what could be. What is held counts as taken.",
		as(func(e *ledger.OverdrawnError, p *Problem) {
			p.Rule = e.Rule.String()
			figures(p, e.Needed, e.Available)
		})},
	{"account-closed", 409, "open", "The account is closed.",
		"Nothing may be posted to it. Open it again by its settings, or use another.",
		as[*ledger.ClosedAccountError]()},
	{"account-id-invalid", 422, "account_id", "The account's id is not one.",
		"An account's id is up to 255 letters, digits, `_`, `.` and `-`, in parts separated by `:`.",
		as[*ledger.AccountIDError]()},
	{"account-controlled", 422, "control_account", "Only the money path posts to this account.",
		"Accounts whose first part is receivable, clearing, undeposited, deposits, disputes or " +
			"platform follow invoices and payments: post to accounts of your own. Neither those nor " +
			"revenue, tax, rounding, refunds, bad_debt, bank, fees, payable, due_to, due_from and " +
			"suspense can be closed or given a rule.",
		as[*ledger.ControlAccountError]()},
	{"account-settings-invalid", 422, "settings", "The account cannot have these settings.",
		"An ephemeral account ends when it is empty, so it can have no rule and cannot be closed.",
		either(is(ledger.ErrSettings), as[*ledger.RuleError]())},
	{"reference-used", 409, "unique", "Another transaction has this reference.",
		"A reference belongs to one transaction for two years. The detail names the transaction.",
		as[*ledger.DuplicateReferenceError]()},
	{"transaction-invalid", 422, "transaction", "The transaction cannot be posted.",
		"The detail says what is wrong: no postings, too many, one account on both sides, an amount " +
			"of nothing or less, metadata or a reference out of bounds.",
		either(
			ruled("required", is(ledger.ErrNoPostings)), ruled("reference", is(ledger.ErrReference)),
			ruled("distinct", as[*ledger.SameAccountError]()),
			ruled("range", as[*ledger.AmountError]()),
			ruled("metadata", as[*ledger.MetadataError]()),
			as(func(e *ledger.TooManyPostingsError, p *Problem) { p.Rule = "max_postings" }),
		)},
	{"hold-invalid", 422, "hold", "The amounts cannot be held or posted like this.",
		"Give one amount for each posting that is held, from nothing to what is held and not all " +
			"nothing; or none to post all. A time of expiry lies ahead.",
		either(
			ruled("range", is(ledger.ErrExpiry, ledger.ErrNothingPosted)),
			ruled("one_each", as[*ledger.HeldAmountsError]()),
			ruled("range", as(func(e *ledger.HeldAmountError, p *Problem) {
				figures(p, e.Amount, e.Held)
			})),
		)},
	{"hold-resolved", 409, "held", "No amounts are held by this transaction.",
		"They were posted or voided already, or have expired. Look at the account's history.",
		is(ledger.ErrNotHeld)},
}
