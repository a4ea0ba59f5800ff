// Package money holds exact amounts of currency.
//
// An [Amount] is a whole number of minor units (cents) of one [Currency] of ISO 4217:
//
//	money.New(1234, EUR)  ──String──▶  "12.34"
//	                      ◀──Parse───
//
// What it promises:
//   - no amount is ever rounded: a text with more digits than its currency has is refused, and a
//     sum that does not fit in 64 bits is an error, as are sums over two currencies;
//   - [Amount.Split] is the only division: its parts add up to the whole, and each is within one
//     minor unit of its exact share;
//   - nothing here panics on bad input, and every value may be shared between goroutines;
//   - amounts and currencies compare with == and can be keys of maps.
//
// What it does not do: quantities, unit prices and rates (they are decimals of package quoting),
// conversion between currencies, JSON, texts for people in their own language.
//
// Start with [ParseCurrency], [Parse] and [Amount.Split].
package money
