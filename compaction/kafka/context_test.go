package kafka

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

// TestContextsOfTransactions: the contexts of what the client does within a transaction never end.
// A flush or an end that is given up leaves a producer in no known state: what it then says of the
// next transaction may be about this one. What takes too long is waited for no longer instead.
func TestContextsOfTransactions(t *testing.T) {
	never := map[string]bool{"Flush": true, "EndTransaction": true, "AbortBufferedRecords": true,
		"Produce": true}
	elsewhere := map[string]bool{"EndAndBeginTransaction": true, "ProduceSync": true,
		"TryProduce": true, "UnsafeAbortBufferedRecords": true}
	found := map[string]int{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") ||
			f.Name() == "restream.go" { // which has no transactions
			continue
		}
		parsed, err := parser.ParseFile(set, f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name := method.Sel.Name
			if elsewhere[name] {
				t.Errorf("%v: %s: what it does of a transaction is not known here",
					set.Position(call.Pos()), name)
			}
			if never[name] {
				found[name]++
				if c := types.ExprString(call.Args[0]); c != "context.Background()" {
					t.Errorf("%v: %s with %s, which may end", set.Position(call.Pos()), name, c)
				}
			}
			return true
		})
	}
	for name := range never {
		if found[name] == 0 {
			t.Errorf("nothing calls %s: this test looks for the wrong thing", name)
		}
	}
}
