// Package ledger keeps books by double entry: accounts, postings, holds, and the journal that
// everything else can be made from again.
//
// # What it promises
//
//   - A [Posting] debits one account and credits another with the same amount above zero, so
//     nothing that is out of balance can be written.
//   - Debits and credits, posted and pending, are kept apart; a balance is derived from them.
//   - Deciding is pure: [Decide] reads accounts and returns what changes, or the first of the
//     refusals below. All postings of a transaction are applied, in their order, or none.
//   - Each command that changes anything appends one [Entry] to the [Journal] of its shard, in the
//     same append as the accounts. Entries are numbered without a gap and chained by SHA-256 over
//     the bytes as they are stored. The journal is never rewritten, and a [Fold] makes the books
//     anew from it and tells whether they are the same.
//   - An ephemeral account ends when it is empty: its record becomes a tombstone, the journal notes
//     the end, and the account begins anew, at nothing, when it is used again. Every receivable is
//     ephemeral, so what is kept follows what is owed, not how many customers there ever were.
//
// # What it does not
//
// It knows no HTTP and no gateway; what a payment or an invoice means in the books is
// ledger/settlement's. It does not look at who calls beyond [Caller]. It never converts currencies:
// an account holds each currency by itself. It takes nothing back: a mistake is posted again, the
// other way round.
//
// # Keys
//
//	commands (Decide of a compaction.Command)
//	   Record · Post · PostEach · Hold · PostHeld · VoidHeld · Configure
//	      │ one append
//	      ├─▶ Accounts     tenant/account/currency   sums, rule, flags
//	      ├─▶ Holds        tenant/transaction        until posted, voided, expired
//	      ├─▶ References   tenant/reference          used once in two years
//	      ├─▶ Settled      tenant/id                 written by settlement: where a final record is
//	      ├─▶ Heads        _/journal                 number and hash of the last entry
//	      └─▶ Journal      append-only ──▶ history: account/tenant/account/currency/<seq>-<posting>
//
// # Refusals, in their order
//
// Of all reasons to refuse a transaction the first in this table is given. Rungs 1 to 4 look at the
// transaction, rungs 5 to 10 at each posting in turn, and from 11 on at the accounts of each
// posting in turn, after the postings before it were applied. Debit comes before credit. The money
// path is not refused for what an account's settings are: what happened must go into the books.
//
//	 1  the reference is not one                     ErrReference
//	 2  the reference was used before                *DuplicateReferenceError
//	 3  no postings; more than MaxPostings           ErrNoPostings, *TooManyPostingsError
//	 4  metadata                                     *MetadataError
//	 5  an account's id is not one                   *AccountIDError
//	 6  a control account, for Anyone                *ControlAccountError
//	 7  debit and credit are the same account        *SameAccountError
//	 8  the amount is not above zero                 *AmountError
//	 9  the amount has no currency                   *money.CurrencyError
//	10  more than MaxAmount, for Anyone              *LimitError
//	11  an account is closed, for Anyone             *ClosedAccountError
//	12  a sum would not fit in 64 bits               *OverflowError
//	13  its rule would be broken, for Anyone         *OverdrawnError
//
// A command with more than MaxCommandPostings is refused as a whole, before all of these, with a
// *TooManyPostingsError. Those of holds stand at [DecideHold] and [DecidePost], those of settings
// at [Configure].
//
// # Where to start
//
// decide.go for the rules, sheet.go for how a command's decisions become one append, fold.go for
// the check of it all.
package ledger
