// Package ledgerv1 holds the contracts of the records of money: accounts, transactions and the
// journal, payments with their attempts, refunds, disputes and payouts, the payloads of what is
// asked of gateways, and reconciliation.
//
// It is generated from the .proto files beside it, by `make generate`. A contract changes only in
// ways that records already written can be read by.
package ledgerv1
