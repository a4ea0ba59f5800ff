// Package quoting prices documents and keeps what is quoted: tenants, customers, the price book,
// quotes and their versions, promotions and their redemptions, invoices.
//
// [Price] is the one pure function by which a quote, its page, an invoice, a credit note and an
// export come to their figures. It follows EN 16931: lines are rounded, allowances and charges are
// added per tax category, tax is taken once per category and rate, and what is prepaid comes off
// last.
//
// It promises:
//
//   - The same document, promotions and time always give the same figures; nothing is a float.
//   - What was issued is frozen: its stored bytes are hashed, and an acceptance names the hash.
//   - A promotion is never used more often than its limits allow, whatever is reserved, redeemed,
//     released or restored in which order; its counts outlive the redemptions they count.
//   - Numbers of quotes and invoices have no gap, per tenant.
//   - A move that the literal tables in moves.go do not list is refused.
//   - Bad input is refused by a [*FieldError] that names the field, and never panics.
//   - The price of an accepted quote stays agreed: when its invoice is void it is accepted again
//     and can be invoiced again, and its promotions stay reserved until it is cancelled. Released
//     earlier, they could be used up elsewhere and yet be part of the price.
//   - What was restored stays restored: neither a refund that comes back nor money that comes again
//     redeems it once more.
//
// It does not post to the books, take payments or send anything, and it does not decide when a
// record clears: ledger/settlement does, by calling the functions here together with the ledger's
// in one command. It knows no HTTP and no JSON.
//
//	price book ─▶ draft ──issue──▶ issued ──accept──▶ accepted ──invoice──▶ invoiced
//	                ▲                │ │ │                │                    │
//	                └── revise ──────┘ │ └▶ declined      └▶ cancelled         ▼
//	                    (new version)  └▶ expired                    draft ▶ open ▶ paid
//	                                                                   invoice │ ▶ void
//	   coupon ◀─ codes ◀─ redemptions                                          └▶ uncollectible
//	            reserved (accept) ─▶ redeemed (paid) ─▶ restored (all of it given back)
//	                     └─▶ released (cancelled, expired, credited unpaid or uncollectible)
//
// Records, keys and their topics:
//
//	tenants          tenant/tenant                     Tenants
//	customers        tenant/customer                   Customers
//	pricebook        tenant/item                       Items
//	quotes           tenant/quote                      Quotes, all versions in one record
//	promotions       tenant/promotion                  Promotions
//	promotion_codes  tenant/CODE                       Codes
//	redemptions      tenant/redemption                 Redemptions
//	promotion_usage  tenant/promotion[/customer]       Usages
//	first_purchases  tenant/customer                   FirstPurchases
//	invoices         tenant/invoice                    Invoices
//
// Start with [Document] and [Price], then [Quote] and its moves.
package quoting
