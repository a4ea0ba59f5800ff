// Package gatewaysv1 holds the contracts of what gateways keep and say: webhook events that were
// taken, what the books of one tenant tell those of another, and the sandbox's own objects.
//
// It is generated from the .proto files beside it, by `make generate`. A contract changes only in
// ways that records already written can be read by.
package gatewaysv1
