package api

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quittance/quittance/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestProblemsPage holds docs/problems.md and the table against each other: the page is what the
// table says, row by row.
func TestProblemsPage(t *testing.T) {
	golden(t, "../../../docs/problems.md", problemsMarkdown())
}

// problemsMarkdown is the page about every kind of problem.
func problemsMarkdown() []byte {
	var b strings.Builder
	b.WriteString(`# Problems

Every failure is answered as an RFC 9457 problem (` + "`application/problem+json`" + `): ` + "`type`" + ` names its
kind and leads to a page about it on the server, ` + "`detail`" + ` says what went wrong this time, ` + "`field`" + ` and
` + "`rule`" + ` which field broke which rule (no field is without a rule), ` + "`needed`" + ` and ` + "`available`" + ` the
figures, ` + "`instance`" + ` is the id of the request. The first row that fits an error decides its kind. What
fits none is answered with a bare 500 and logged: that one is ours to fix.

What cannot be read as a request never comes to the API: the HTTP server answers it with a line of
` + "`text/plain`" + `, no problem and no request id, and closes the connection. That is 400 for a request line or
headers that are malformed, 431 for headers of more than 32 KiB, 501 and 505 for an encoding or a
version of HTTP that it does not have.

Refusals (4xx but 429) are remembered with their Idempotency-Key like any other answer. Kinds never
go and never change their name. This page is written from the table in the code, by
` + "`go test ./cmd/internal/api -run TestProblemsPage -update`" + `.

`)
	for i := range kinds {
		k := &kinds[i]
		fmt.Fprintf(&b, "## %s\n\n%s · %s\n\n%s\n\n", k.slug, k.Status(), k.title, wrapped(k.help))
	}
	return []byte(strings.TrimRight(b.String(), "\n") + "\n")
}

// wrapped breaks a text into lines of at most 100 characters.
func wrapped(text string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if len([]rune(line))+1+len([]rune(word)) > 100 {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n")
}

// golden compares got with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what the code says: run with -update and look at the difference", name)
	}
}

// TestProblemKinds wants slugs that are addresses, each once, and statuses that are failures.
func TestProblemKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range kinds {
		if !regexp.MustCompile(`^[a-z][a-z0-9-]+$`).MatchString(k.slug) || seen[k.slug] {
			t.Errorf("slug %q is malformed or there twice", k.slug)
		}
		seen[k.slug] = true
		if http.StatusText(k.status) == "" || k.status < 400 || k.title == "" || k.help == "" {
			t.Errorf("%s: %+v", k.slug, k)
		}
	}
}

// notTold are exported errors that no caller of the API can meet, or that are ours to fix, with the
// reason: they are answered with a bare 500 on purpose.
var notTold = map[string]string{
	"compaction.CorruptError": "a damaged log or store: the shard stops and names the record",
	"compaction.ErrGone":      "the log was cut: a store is made anew, or its shard is not served",
	"compaction.ErrReplaced":  "the topics are others: the shard stops and names one",
	"compaction.ErrSetBack":   "the log was set back: what was made of it is made anew",
	"compaction.ErrLocked":    "met when the program starts, or under a StoppedError",
	"compaction.ErrNoEntry":   "a pointer without its entry: the log lacks what it has named",
	"compaction.MovedError":   "met when the program starts, or under a StoppedError",
	"compaction.PanicError":   "a mistake in the program, where a command is decided",
	"compaction.StoppedError": "is an ErrNotServing",
	"compaction.ErrUnread":    "a disk that fails, or a damaged store: the shard finds it out",
	"money.ErrNoParts":        "a split over nothing: a mistake in the program",
	"access.ErrUnauthorized":  "told as the keyring's own refusal",
	"gateways.ErrObsolete":    "an outcome of the outbox worker",
	"gateways.Error":          "of a call that the outbox worker makes",
	"gateways.ErrTell":        "of a message between two nodes",
	"kafka.ErrUndecided":      "met by who changes a cluster's topics",
	"kafka.FaultsError":       "met when the program starts",
	"kafka.SecretError":       "met when the program starts",
	"payments.FactError":      "a gateway's answer that no gateway gives: the effect dies",
	"payments.LinesError":     "a payout's lines that are not its: the effect dies",
	"settlement.LineError":    "the answer to a payout line, between two shards",
}

// TestProblemsOfDomains walks every exported error of the packages below the API and wants it in a
// row of the table, or in the list of those that are not told.
func TestProblemsOfDomains(t *testing.T) {
	told := selectors(t, "problem.go")
	known := map[string]bool{}
	for _, name := range exportedErrors(t, "../../..") {
		known[name] = true
		if !told[name] && notTold[name] == "" {
			t.Errorf("%s is an exported error and in no row of the table", name)
		}
		if told[name] && notTold[name] != "" {
			t.Errorf("%s is told and in the list of those that are not", name)
		}
	}
	for name := range notTold {
		if !known[name] {
			t.Errorf("%s is not told and is not there", name)
		}
	}
	if len(known) < 30 {
		t.Errorf("only %d exported errors were found", len(known))
	}
}

// selectors returns the names of other packages that a file of this one uses.
func selectors(t *testing.T, file string) map[string]bool {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := s.X.(*ast.Ident); ok {
				names[pkg.Name+"."+s.Sel.Name] = true
			}
		}
		return true
	})
	return names
}

// exportedErrors returns the sentinels and the types of errors that the domain packages export.
func exportedErrors(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	for _, top := range []string{"compaction", "ledger", "quoting", "gateways"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") ||
				strings.HasSuffix(p, "_test.go") || strings.HasSuffix(p, ".pb.go") ||
				strings.Contains(p, "test/") || strings.Contains(p, "gateways/sandbox") {
				return err
			}
			syntax, err := parser.ParseFile(token.NewFileSet(), p, nil, 0)
			if err != nil {
				return err
			}
			for _, decl := range syntax.Decls {
				for _, name := range errorNames(decl) {
					names = append(names, syntax.Name.Name+"."+name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// errorNames returns the exported errors that a declaration makes: variables Err…, and types with a
// method Error.
func errorNames(decl ast.Decl) []string {
	var names []string
	switch d := decl.(type) {
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, n := range v.Names {
				if strings.HasPrefix(n.Name, "Err") {
					names = append(names, n.Name)
				}
			}
		}
	case *ast.FuncDecl:
		if d.Recv != nil && d.Name.Name == "Error" && d.Type.Params.NumFields() == 0 {
			typ := d.Recv.List[0].Type
			if star, ok := typ.(*ast.StarExpr); ok {
				typ = star.X
			}
			if id, ok := typ.(*ast.Ident); ok && id.IsExported() {
				names = append(names, id.Name)
			}
		}
	}
	return names
}

// TestProblemOf tells a refusal by its own text only: what wraps it may hold what is not to be
// told.
func TestProblemOf(t *testing.T) {
	wrapped := fmt.Errorf("secret: %w", ledger.ErrNotHeld)
	if p := problemOf(wrapped); p.Detail != ledger.ErrNotHeld.Error() || p.Status != 409 {
		t.Errorf("%+v", p)
	}
	if p := problemOf(errors.New("secret")); p.Status != 500 || p.Detail != "" ||
		p.Type != "about:blank" {
		t.Errorf("%+v", p)
	}
	if p := problemOf(at("a.b", ledger.ErrNotHeld)); p.Field != "a.b" {
		t.Errorf("%+v", p)
	}
}

// TestProblemPages wants each problem's address to lead to a page about it.
func TestProblemPages(t *testing.T) {
	w := newWorld(t)
	for i := range kinds {
		rec := w.send(request{method: "GET", path: kinds[i].address()})
		if rec.Code != 200 || !strings.Contains(rec.Body.String(), kinds[i].slug) {
			t.Errorf("%s: %d %s", kinds[i].address(), rec.Code, rec.Body)
		}
	}
	rec := w.send(request{method: "GET", path: "/problems"})
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), "/problems/account-overdrawn") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.want(404, request{method: "GET", path: "/problems/none"}).is("type", "/problems/not-found")
}

// An element that is no text where texts are wanted is refused, and is no panic.
func TestPromotionKindsRefused(t *testing.T) {
	w := newWorld(t)
	for _, kinds := range []any{[]any{map[string]any{}}, []any{[]any{}, []any{}}, []any{1}} {
		a := w.send(request{method: "POST", path: "/v1/promotions", as: "acme/tradesperson",
			body: map[string]any{"name": "Spring", "percent": "10", "kinds": kinds}})
		if a.Code != 422 {
			t.Errorf("%v: status %d, want 422: %s", kinds, a.Code, a.Body)
		}
	}
}
