// Package gatewaytest is the suite that every gateways.Gateway passes: what the worker and the
// books rely on, tried against a provider that can be told to fail.
//
// It promises that a gateway that passes answers with what its provider holds, takes money once a
// key however often it is called, tells unknown from refused, finds by our id what it never heard
// the end of, and lists payouts that add up to the minor unit.
//
// It does not try what a provider decides by itself, such as fees.
//
//	func TestGateway(t *testing.T) { gatewaytest.Run(t, open) }
//
// Start with Subject: what a gateway's own test has to provide.
package gatewaytest
