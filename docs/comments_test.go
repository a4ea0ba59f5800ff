package docs

import (
	"go/ast"
	"go/token"
	"path"
	"strings"
	"testing"
)

// TestComments wants a comment on every exported name of code that people write: a constant, a
// variable (its own or its group's), a type, a function, a method of an exported type and of an
// interface. What a name promises is part of it.
func TestComments(t *testing.T) {
	names := 0
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.syntax.Decls {
			for name, commented := range declared(d) {
				names++
				if !commented {
					t.Errorf("%s:%d: %s has no comment", s.path, s.line(d.Pos()), name)
				}
			}
		}
	}
	t.Logf("%d exported names, each with a comment unless named above", names)
}

// declared returns the exported names of a declaration and whether each has a comment.
func declared(d ast.Decl) map[string]bool {
	names := map[string]bool{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
			names[strings.TrimPrefix(receiver(d)+"."+d.Name.Name, ".")] = d.Doc != nil
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, n := range spec.Names {
					if n.IsExported() {
						names[n.Name] = d.Doc != nil || spec.Doc != nil || spec.Comment != nil
					}
				}
			case *ast.TypeSpec:
				if spec.Name.IsExported() {
					names[spec.Name.Name] = spec.Doc != nil || d.Doc != nil && !d.Lparen.IsValid()
					methods(spec, names)
				}
			}
		}
	}
	return names
}

// methods adds the methods of an interface to names.
func methods(spec *ast.TypeSpec, names map[string]bool) {
	contract, ok := spec.Type.(*ast.InterfaceType)
	if !ok {
		return
	}
	for _, m := range contract.Methods.List {
		for _, n := range m.Names {
			if n.IsExported() {
				names[spec.Name.Name+"."+n.Name] = m.Doc != nil || m.Comment != nil
			}
		}
	}
}

// receiver names the type that a method belongs to, empty for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	for typ := d.Recv.List[0].Type; ; {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// TestPackageComments wants each package to say what it is in a doc.go, and only there. Packages
// of generated code alone are explained by their contracts.
func TestPackageComments(t *testing.T) {
	explained := map[string]bool{}
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		home, says := path.Base(s.path) == "doc.go", s.syntax.Doc.Text() != ""
		explained[s.dir()] = explained[s.dir()] || home && says
		if says && !home {
			t.Errorf("%s: the package's comment belongs in its doc.go", s.path)
		}
	}
	for dir, ok := range explained {
		if !ok {
			t.Errorf("%s has no doc.go that says what the package is", dir)
		}
	}
}

// TestTestComments wants a sentence above each test that says why it matters.
func TestTestComments(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test() {
			continue
		}
		for _, d := range s.syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Doc == nil && runs(f) {
				t.Errorf("%s:%d: %s has no sentence above it", s.path, s.line(f.Pos()), f.Name.Name)
			}
		}
	}
}

// runs reports whether `go test` would run f as a test, a fuzzer or a benchmark.
func runs(f *ast.FuncDecl) bool {
	for _, prefix := range []string{"Test", "Fuzz", "Benchmark"} {
		if rest, ok := strings.CutPrefix(f.Name.Name, prefix); ok {
			return f.Name.Name != "TestMain" && (rest == "" || token.IsExported(rest))
		}
	}
	return false
}
