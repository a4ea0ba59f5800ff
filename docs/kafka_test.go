package docs

import (
	"go/ast"
	"strings"
	"testing"
)

// TestKafkaNames wants the tests of cmd that start a broker to say Kafka in their names: make
// test-kafka selects them by it, and one that it does not select runs nowhere where a missing Java
// is a failure.
func TestKafkaNames(t *testing.T) {
	packages := map[string]map[string]*ast.FuncDecl{}
	for _, s := range sources(t) {
		if !s.test() || !below(s.dir(), "cmd/...") {
			continue
		}
		if packages[s.dir()] == nil {
			packages[s.dir()] = map[string]*ast.FuncDecl{}
		}
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				packages[s.dir()][f.Name.Name] = f
			}
		}
	}
	found := 0
	for dir, functions := range packages {
		starts := map[string]bool{}
		for changed := true; changed; {
			changed = false
			for name, f := range functions {
				if !starts[name] && startsBroker(f, starts) {
					starts[name], changed = true, true
				}
			}
		}
		for name := range starts {
			if !strings.HasPrefix(name, "Test") {
				continue
			}
			found++
			if !strings.Contains(name, "Kafka") {
				t.Errorf("%s of %s starts a broker: make test-kafka runs it if its name has Kafka in it",
					name, dir)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d tests that start a broker were found", found)
	}
}

// startsBroker reports whether a function starts a broker, or calls one of those that do.
func startsBroker(f *ast.FuncDecl, starts map[string]bool) (does bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			does = does || starts[fun.Name]
		case *ast.SelectorExpr:
			pkg, ok := fun.X.(*ast.Ident)
			does = does || ok && pkg.Name == "kafkatest" &&
				(fun.Sel.Name == "Start" || fun.Sel.Name == "Shared")
		}
		return !does
	})
	return does
}
