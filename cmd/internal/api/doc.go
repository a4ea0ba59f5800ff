// Package api is the JSON API: resources under /v1, their OpenAPI 3.1 description, the pages that
// explain both, and the probes and metrics of the server.
//
// It turns requests into commands and values into answers. What is decided stands in the domain
// packages; here stand only who may ask, what a body looks like and how a refusal is told.
//
// It promises:
//
//   - A mutation is durable when it is answered, and a repeated one with the same Idempotency-Key
//     gets its first answer, refusals included. Without a key the server makes one and returns it.
//   - Every failure is an RFC 9457 problem whose kind is a row of the one table in problem.go. What
//     is in no row is ours to fix: a bare 500 and one line in the log.
//   - A tenant's data are reached by its own keys and links alone. The id of another tenant's
//     record is answered as one that nobody has.
//   - Bodies are read strictly: unknown fields, a member that is there twice, null, numbers for
//     decimals, text that is not UTF-8 and trailing bytes are refused, with the path of the field.
//   - Nothing secret and nothing personal is logged or counted: no bodies, tokens or query values.
//   - Where several processes share the shards, each takes any request and answers alike: what is
//     another's to answer is passed on to it, signed, in at most two hops, and waits for up to two
//     seconds while its shard moves. A mutation that is sent again is done once: by its key.
//
// It does not terminate TLS, does not listen and does not stop: that is cmd/quittance.
//
//	request ─▶ exchange (id, clock, recovery) ─▶ router ─▶ door (key, role, rate, body)
//	                                                         │
//	            answer ◀── problem table ◀── handler ◀───────┘
//	                                          │  ▲
//	                                 command  ▼  │ view
//	                                       compaction.Shards
//
// Between nodes, where Options.Peers is set:
//
//	any node ── authenticate ──▶ owner of the caller's tenant ── do ──▶ owner of the tenant visited
//	         ── webhook ───────▶ owner of the tenant it is about
//	         ── part ──────────▶ every other owner, for its part of a list of all shards
//	         ── tell ──────────▶ owner of the books that are told (gateways.Elsewhere)
//
// Start with New, then operation and the table in problem.go; each resource has a file. What passes
// between nodes is in forward.go, and what is signed in hop.go.
package api
