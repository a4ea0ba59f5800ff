package docs

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"testing"
)

var dependencyPattern = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// TestDependencies wants a line in dependencies.md for each module that go.mod requires for this
// code, and for the tool of each file of requirements beside the checks, and no line for others.
func TestDependencies(t *testing.T) {
	named := map[string]bool{}
	for _, m := range dependencyPattern.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		named[m[1]] = true
	}
	want := map[string]bool{}
	for _, r := range modfile(t, "go.mod").Require {
		want[r.Path] = want[r.Path] || !r.Indirect
	}
	for _, name := range files(t, func(f string) bool { return below(f, ".ci/...") }) {
		if regexp.MustCompile(`\.mod$`).MatchString(name) {
			for _, tool := range modfile(t, name).Tool {
				want[tool.Path] = true
			}
		}
	}
	for path, direct := range want {
		if direct && !named[path] {
			t.Errorf("dependencies.md does not say why there is %s", path)
		}
	}
	for path := range named {
		if !want[path] {
			t.Errorf("dependencies.md names %s, which is not required", path)
		}
	}
}

// TestLeastVersions holds modules to versions below which they are known to lose or to mix up what
// is written: a requirement can go down with any other that is taken back.
func TestLeastVersions(t *testing.T) {
	least := map[string]string{
		// Before it an idempotent producer could in rare cases acknowledge a record that was never
		// written, where a batch had been given up that the broker had appended.
		"github.com/twmb/franz-go": "v1.22.2",
	}
	for _, r := range modfile(t, "go.mod").Require {
		want, ok := least[r.Path]
		delete(least, r.Path)
		if ok && older(t, r.Version, want) {
			t.Errorf("%s is required at %s, and has to be %s at least", r.Path, r.Version, want)
		}
	}
	for path := range least {
		t.Errorf("go.mod does not require %s", path)
	}
}

// older reports whether a version like v1.22.2 comes before another.
func older(t *testing.T, a, b string) bool {
	t.Helper()
	number := func(v string) (n [3]int) {
		if _, err := fmt.Sscanf(v, "v%d.%d.%d", &n[0], &n[1], &n[2]); err != nil {
			t.Fatalf("%s is no version: %v", v, err)
		}
		return n
	}
	x, y := number(a), number(b)
	return slices.Compare(x[:], y[:]) < 0
}

// A modules file is what `go mod edit -json` prints of one.
type modules struct {
	Require []struct {
		Path     string
		Version  string
		Indirect bool
	}
	Tool []struct{ Path string }
}

func modfile(t *testing.T, name string) (m modules) {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json", name)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
