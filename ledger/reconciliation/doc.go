// Package reconciliation reports what of the books was seen at the bank, and what is still to be
// seen: per movement, to the last minor unit, in the columns of Stripe's report
// payout_reconciliation.itemized where they fit.
//
// It promises:
//
//   - Write is byte-stable: the same journal gives the same bytes for the rows of a period. Rows
//     come in the order in which the books saw them, amounts are decimals in major units with all
//     digits of their currency, times are in UTC.
//   - What is settled and what is open are read at one moment: nothing is in both or in neither.
//   - The text of a cell is never a formula: see Row.
//   - Open lists expectations with the status that the clock gives them, missing among them.
//
// It changes nothing: entries of statements are matched, and exceptions worked, by the commands of
// ledger/settlement, because they post to the books.
//
//	journal ─▶ history: facts "reconciliation.item" ─▶ rows "settled"
//	expectations that are open ────────────────────▶ rows "open"
//	their sums ────────────────────────────────────▶ rows "total", one a currency
//
// Start with Write.
package reconciliation
