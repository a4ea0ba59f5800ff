package docs

import (
	"go/ast"
	"slices"
	"testing"
)

// TestNoFloats wants no floating point where there is money: amounts are whole minor units,
// quantities and rates are decimals.
func TestNoFloats(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || !within(s, "ledger/...", "quoting/...", "gateways/...") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if ok && slices.Contains([]string{"float64", "float32", "Float64", "NewFromFloat"}, id.Name) {
				t.Errorf("%s:%d: %s", s.path, s.line(id.Pos()), id.Name)
			}
			return true
		})
	}
}

// TestNoClocks wants time to be told to what decides: a decision that looks at a clock cannot be
// made again from the log, nor tested.
func TestNoClocks(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || !within(s, "ledger/...", "quoting/...") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			clock := []string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker"}
			if ok && pkg.Name == "time" && slices.Contains(clock, sel.Sel.Name) {
				t.Errorf("%s:%d: time.%s", s.path, s.line(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}

// within reports whether s belongs to a package that one of patterns names.
func within(s source, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return below(s.dir(), p) })
}
