package docs

import (
	"encoding/json"
	"os/exec"
	"regexp"
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

// A modules file is what `go mod edit -json` prints of one.
type modules struct {
	Require []struct {
		Path     string
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
