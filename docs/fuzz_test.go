package docs

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unfuzzed are the packages that read texts or bytes and need no fuzzer, each with the reason: none
// so far.
var unfuzzed = map[string]string{}

// reads matches the names of functions that make a value of a text or of bytes. The methods of a
// type called decoder do so as well, whatever their names.
var reads = regexp.MustCompile(`^([Dd]ecode|[Pp]arse)([A-Z]|$)`)

// TestFuzzers wants a fuzzer in each package that makes values of texts or bytes: what a person, a
// provider, a broker or an earlier version has written may be anything.
func TestFuzzers(t *testing.T) {
	readers, fuzzed := map[string][]string{}, map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case !ok:
			case s.test():
				fuzzed[s.dir()] = fuzzed[s.dir()] || strings.HasPrefix(f.Name.Name, "Fuzz") && runs(f)
			case reads.MatchString(f.Name.Name) && takesText(f), receiver(f) == "decoder":
				readers[s.dir()] = append(readers[s.dir()], f.Name.Name)
			}
		}
	}
	for dir, names := range readers {
		if _, listed := unfuzzed[dir]; !listed && !fuzzed[dir] {
			t.Errorf("%s has no fuzzer for %s", dir, strings.Join(names, ", "))
		}
	}
	for dir, why := range unfuzzed {
		if why == "" || fuzzed[dir] || len(readers[dir]) == 0 {
			t.Errorf("%s needs not be named as one without a fuzzer", dir)
		}
	}
	t.Logf("%d packages read texts or bytes", len(readers))
}

// takesText reports whether a function has a parameter that is a text or bytes: a string, a []byte,
// or one of a type that the function leaves open.
func takesText(f *ast.FuncDecl) bool {
	open := []string{"string"}
	if f.Type.TypeParams != nil {
		for _, p := range f.Type.TypeParams.List {
			for _, n := range p.Names {
				open = append(open, n.Name)
			}
		}
	}
	return slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool {
		typ := p.Type
		if list, ok := typ.(*ast.ArrayType); ok {
			id, ok := list.Elt.(*ast.Ident)
			return ok && id.Name == "byte"
		}
		id, ok := typ.(*ast.Ident)
		return ok && slices.Contains(open, id.Name)
	})
}
