package docs

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// table reads a fenced block of ARCHITECTURE.md whose lines are "name: word word".
func table(t *testing.T, block string) map[string][]string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "docs/ARCHITECTURE.md"), "```"+block+"\n")
	text, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatalf("ARCHITECTURE.md has no block %s", block)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(text) {
		name, words, ok := strings.Cut(line, ": ")
		if name, _ := strings.CutSuffix(name, ":\n"); !ok {
			rows[name] = nil
			continue
		}
		if _, twice := rows[name]; twice {
			t.Errorf("ARCHITECTURE.md, %s: %s has two lines", block, name)
		}
		rows[name] = strings.Fields(words)
	}
	return rows
}

// A listed package is what `go list` says about one.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// packages asks `go list` for the packages of the repository. One that does not compile yet is
// listed with the imports of the files it has.
func packages(t *testing.T) []listed {
	t.Helper()
	fields := "-json=ImportPath,Imports,TestImports,XTestImports"
	cmd := exec.Command("go", "list", "-e", fields, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
}

// TestImports holds the table of ARCHITECTURE.md that says who may import whom. Dependencies
// point one way because a line there says so, not because nobody has turned them round yet.
func TestImports(t *testing.T) {
	allowed := table(t, "imports")
	for _, p := range packages(t) {
		deps, ok := allowed[p.ImportPath]
		if !ok {
			t.Errorf("ARCHITECTURE.md does not say what %s may import", p.ImportPath)
		}
		for _, imp := range p.Imports {
			dep, ours := strings.CutPrefix(imp, module)
			if ours && !slices.ContainsFunc(deps, func(d string) bool { return below(dep, d) }) {
				t.Errorf("%s imports %s, which ARCHITECTURE.md does not allow", p.ImportPath, dep)
			}
		}
		delete(allowed, p.ImportPath)
	}
	for pkg := range allowed {
		t.Errorf("ARCHITECTURE.md names %s, which is not there", pkg)
	}
}

// TestImportsOnly holds the table of what is known to a few packages only: a library that one
// package hides, and the words of HTTP, which end at the door. Tests of a package count as it, and
// a package marked "(tests)" is allowed in its tests alone.
func TestImportsOnly(t *testing.T) {
	only := table(t, "only")
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			checkOnly(t, only, p.ImportPath, imp, false)
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if strings.Contains(imp, ".") { // tests may use the whole standard library
				checkOnly(t, only, p.ImportPath, imp, true)
			}
		}
	}
}

func checkOnly(t *testing.T, only map[string][]string, pkg, imp string, inTest bool) {
	t.Helper()
	may := func(user string) bool {
		user, testsOnly := strings.CutSuffix(user, "(tests)")
		return below(pkg, user) && (inTest || !testsOnly)
	}
	for name, users := range only {
		if below(imp, name+"/...") && !slices.ContainsFunc(users, may) {
			t.Errorf("%s imports %s, which only %s may", pkg, imp, strings.Join(users, ", "))
		}
	}
}
