package docs

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the path of this module, with the slash that follows it in import paths.
const module = "github.com/quittance/quittance/"

// root is the top of the repository, seen from this folder.
const root = ".."

// tree lists the files of the repository by their path from its top, without what .gitignore
// names. It reads folders rather than ask git, so that the test runs where there is no git, and
// so that `go test` knows which files its answer depends on.
var tree = sync.OnceValues(func() ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		return nil, err
	}
	var ignored []string
	for line := range strings.Lines(string(text)) {
		if p := strings.TrimSuffix(strings.TrimSpace(line), "/"); p != "" && p[0] != '#' {
			ignored = append(ignored, p)
		}
	}
	var files []string
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		from, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		from = filepath.ToSlash(from)
		matches := func(p string) bool {
			base, _ := path.Match(p, d.Name())
			return base || p == "/"+from
		}
		skip := d.Name() == ".git" || slices.ContainsFunc(ignored, matches)
		switch {
		case skip && d.IsDir():
			return filepath.SkipDir
		case !skip && !d.IsDir():
			files = append(files, from)
		}
		return nil
	})
	return files, err
})

// files returns the files of the repository that match want.
func files(t *testing.T, want func(path string) bool) []string {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	var some []string
	for _, f := range all {
		if want(f) {
			some = append(some, f)
		}
	}
	return some
}

// read returns the text of a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A source is one Go file that people write: generated ones are left out.
type source struct {
	path   string // from the top of the repository
	text   []byte
	syntax *ast.File
	fset   *token.FileSet
}

// dir is the folder of s, which names its package in the tables.
func (s source) dir() string { return path.Dir(s.path) }

// test reports whether s is compiled into tests only.
func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// line returns the line of pos.
func (s source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

var parsed = sync.OnceValues(func() ([]source, error) {
	all, err := tree()
	if err != nil {
		return nil, err
	}
	var sources []source
	for _, name := range all {
		if !strings.HasSuffix(name, ".go") || strings.Contains(name, "testdata/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		head, _, _ := bytes.Cut(text, []byte("\npackage "))
		if generated.Match(head) {
			continue
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source{name, text, syntax, fset})
	}
	return sources, nil
})

// sources returns every Go file that people write.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// below reports whether the package pkg is named by pattern: "ledger" is itself, "ledger/..." also
// what is below it.
func below(pkg, pattern string) bool {
	top, all := strings.CutSuffix(pattern, "/...")
	return pkg == top || all && strings.HasPrefix(pkg, top+"/")
}
