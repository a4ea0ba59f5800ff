package docs

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Limits of form. A function is to fit a screen, a line a page, an interface a hand.
const (
	widest       = 100 // characters in a line; a tab counts as one
	longest      = 70  // lines of a function
	longestTest  = 120 // lines of a test's function, whose table may be long
	mostMethods  = 5   // methods of an interface
	lookTwice    = 400 // lines of a file from which it is listed
	longestFiles = 600 // lines of a file that is not a test
)

// TestFormat wants every file as gofmt writes it.
func TestFormat(t *testing.T) {
	for _, s := range sources(t) {
		want, err := format.Source(s.text)
		if err != nil || !bytes.Equal(s.text, want) {
			t.Errorf("%s is not as gofmt writes it (%v)", s.path, err)
		}
	}
}

// TestWidth wants lines that fit beside each other. Raw strings (struct tags among them) cannot
// be broken and are left out.
func TestWidth(t *testing.T) {
	for _, s := range sources(t) {
		raw := rawLines(s)
		number := 0
		for line := range strings.Lines(string(s.text)) {
			number++
			width := utf8.RuneCountInString(strings.TrimRight(line, "\n"))
			if width > widest && !raw[number] && !strings.HasPrefix(line, "//go:") {
				t.Errorf("%s:%d: %d characters wide", s.path, number, width)
			}
		}
	}
}

// rawLines returns the lines that a raw string of s stands on.
func rawLines(s source) map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(lit.Value, "`") {
			for at := s.line(lit.Pos()); at <= s.line(lit.End()); at++ {
				lines[at] = true
			}
		}
		return true
	})
	return lines
}

// TestFunctionLength wants functions that can be read at one look.
func TestFunctionLength(t *testing.T) {
	for _, s := range sources(t) {
		limit := longest
		if s.test() {
			limit = longestTest
		}
		for _, d := range s.syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.line(f.End()) - s.line(f.Pos()) + 1; n > limit {
				t.Errorf("%s:%d: %s has %d lines, the limit is %d",
					s.path, s.line(f.Pos()), f.Name.Name, n, limit)
			}
		}
	}
}

// TestFileLength wants one noun a file, lists the files to look at twice, and refuses the longest.
func TestFileLength(t *testing.T) {
	for _, s := range sources(t) {
		switch n := bytes.Count(s.text, []byte("\n")); {
		case n > longestFiles && !s.test():
			t.Errorf("%s has %d lines, the limit is %d", s.path, n, longestFiles)
		case n > lookTwice:
			t.Logf("%s has %d lines", s.path, n)
		}
	}
}

// TestInterfaceSize wants small interfaces: what is more is an optional interface of its own.
func TestInterfaceSize(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			contract, ok := spec.Type.(*ast.InterfaceType)
			if ok && contract.Methods.NumFields() > mostMethods {
				t.Errorf("%s:%d: %s has %d methods, the limit is %d", s.path, s.line(spec.Pos()),
					spec.Name.Name, contract.Methods.NumFields(), mostMethods)
			}
			return true
		})
	}
}

// TestNames wants the field's nouns, not the words that programs are padded with.
func TestNames(t *testing.T) {
	wanted := map[string]bool{"GetStatus": true} // a method that huma calls
	padding := []string{"Service", "Manager", "Helper", "Impl", "Util", "Utils"}
	for _, s := range sources(t) {
		for _, word := range []string{"util", "utils", "common", "helper", "helpers", "misc"} {
			stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
			if stem == word || path.Base(s.dir()) == word {
				t.Errorf("%s: %s names nothing", s.path, word)
			}
		}
		for _, d := range s.syntax.Decls {
			for _, name := range introduced(d) {
				ends := func(p string) bool { return strings.HasSuffix(name.Name, p) }
				rest, get := strings.CutPrefix(name.Name, "Get")
				get = get && token.IsExported(rest) && !wanted[name.Name]
				if slices.ContainsFunc(padding, ends) || get {
					t.Errorf("%s:%d: %s: say it in the field's words", s.path,
						s.line(name.Pos()), name.Name)
				}
			}
		}
	}
}

// introduced returns the names of the types and functions that d declares.
func introduced(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return []*ast.Ident{d.Name}
	case *ast.GenDecl:
		var names []*ast.Ident
		for _, spec := range d.Specs {
			if spec, ok := spec.(*ast.TypeSpec); ok {
				names = append(names, spec.Name)
			}
		}
		return names
	}
	return nil
}
