// Package access knows who may use the API: keys for programs and people of a business, links for
// its customers.
//
// Both are texts that carry their tenant in clear, so that the tenant's shard is found without a
// global index, and a secret of 256 random bits:
//
//	key   qk_<tenant>_<id>_<secret>          id: 26 characters of a ULID
//	link  <tenant>.<id>.<secret>             secret: 64 hexadecimal digits
//
//	text ──Parse──▶ Credential ──Authenticate / Open──▶ Key / Link
//	                (tenant, id, secret)     the record under tenant/id
//
// It promises:
//
//   - Only the SHA-256 of a secret is ever stored; a stolen log opens nothing. The hash needs no
//     salt and no slowness, because the secret is random and long.
//   - Secrets are compared in constant time, and every failure to authenticate is the same error.
//   - No error, and nothing that is printed with fmt or slog, contains a secret. Text alone gives
//     it, once, to whoever it is made for.
//
// It does not decide what a role may do: the API's routes do.
//
// Records, keys and their topics:
//
//	keys   tenant/key    Keys
//	links  tenant/link   Links    (deleted when they expire)
//
// Start with [NewKey] and [Authenticate], or [NewLink] and [Open].
package access
