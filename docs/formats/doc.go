// Command formats writes a page for every topic, and their index, from the contracts.
//
//	*.proto ──compile──► descriptors ──compaction.TopicOf──► topic ──► <topic>.md
//	   │                     │                                  └───► README.md (the index)
//	   └ comments            └ fields, numbers, types, options
//
// What a page says (name, key, policy, when it is restored, how long it is kept, each field with
// its number, its type and its comment, what is personal data) stands in the .proto files and
// nowhere else. The command reads them by themselves, without generated code and without buf, so
// that the pages can be checked by `go test` alone.
//
// It promises the same bytes for the same contracts, and removes the pages of topics that are
// gone. It does not write the golden file testdata/contracts.golden, which holds the options'
// values against accidents: that is the test's, by `go test ./docs/formats -update`.
//
// Start at main.go; contracts.go reads the files, page.go writes a page, index.go the index.
package main
