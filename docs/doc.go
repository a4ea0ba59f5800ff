// Package docs holds what the documents and the house rules claim against the code.
//
// It has no code of its own, only tests, so that `go test ./...` in a fresh clone says when a page
// and the code have parted:
//
//	imports_test.go       the tables of ARCHITECTURE.md: who may import whom
//	comments_test.go      a comment on every exported name, a doc.go in every package
//	form_test.go          layout, widths, lengths, names, the size of interfaces
//	money_test.go         no floating point and no clock where money is decided
//	words_test.go         nothing unfinished, no place of one machine, no registry in the text
//	links_test.go         links between pages lead somewhere
//	dependencies_test.go  each requirement of go.mod has a line that says why
//	tree_test.go          what may stand at the top level
//	source_test.go        reading the tree: not a test, but what the others share
//
// It does not check the pages under formats, which are written from the contracts: their own
// package does. It does not check docs/problems.md either: the table in cmd/internal/api does.
//
// Start at imports_test.go, beside the tables that it reads.
package docs
