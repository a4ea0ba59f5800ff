// Package quotingv1 holds the contracts of the records of quoting: tenants, keys and links,
// customers, the price book, documents, quotes, promotions with their redemptions, and invoices.
//
// It is generated from the .proto files beside it, by `make generate`. A contract changes only in
// ways that records already written can be read by.
package quotingv1
