// Package offline is the gateway of money that no provider carries: cash, cheques and bank
// transfers that a person announces, with a reference to find them by on the bank's statement.
//
// It promises what gateways.Gateway asks. Nobody is asked and nothing can fail on the way: a
// payment that is announced is captured at once, in full and without a fee, and its ids are ours,
// so that an announcement that is performed twice is the same one. The money waits in
// the undeposited account of its method until the bank's statement shows it.
//
// It does not know whether the money is there. That is the statement's to say.
//
//	announce ─▶ Create ─▶ succeeded ──── statement line matches ───▶ settled
//	                        ╰─ Refund ─▶ succeeded (handed back by a person)
//
// Start with New.
package offline
