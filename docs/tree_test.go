package docs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTopLevel wants nothing new at the top of the repository without a thought: what is there is
// what a newcomer sees first. It asks git for what is committed, and where there is no git it
// takes what lies there.
func TestTopLevel(t *testing.T) {
	allowed := strings.Fields(`.ci .gitattributes .gitignore CHANGELOG.md LICENSE Makefile README.md
		buf.gen.yaml buf.yaml cmd compaction docs gateways go.mod go.sum ledger quoting`)
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = root
	var names []string
	if out, err := cmd.Output(); err == nil {
		names = strings.Split(strings.TrimSpace(string(out)), "\n")
	} else {
		names = files(t, func(string) bool { return true })
	}
	for _, name := range names {
		if top, _, _ := strings.Cut(name, "/"); !slices.Contains(allowed, top) {
			t.Errorf("%s: %s is not in the layout", name, top)
		}
	}
}
