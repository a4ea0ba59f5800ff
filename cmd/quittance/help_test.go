package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestHelpExamples: what somebody types next is an example. Every command and every group has one
// of itself among the first lines of its help, and one that is added must have one too.
func TestHelpExamples(t *testing.T) {
	nodes := commandNodes(t)
	if len(nodes) < 20 {
		t.Fatalf("only %d commands and groups", len(nodes))
	}
	for _, n := range nodes {
		if !exemplified(n) {
			t.Errorf("%s --help has no example of it in its first %d lines:\n%s", n.FullPath(),
				soon, n.Detail)
		}
		out := succeed(t, append(strings.Fields(n.Path()), "--help")...)
		if !strings.Contains(out, "    $ ") {
			t.Errorf("%s --help shows no example:\n%s", n.FullPath(), out)
		}
	}
}

// soon is how many lines of a help may stand before its example has begun.
const soon = 14

// exemplified reports whether a help has an example of its command soon.
func exemplified(n *kong.Node) bool {
	lines := strings.Split(n.Detail, "\n")
	for i, line := range lines[:min(soon, len(lines))] {
		if strings.HasPrefix(line, "    $ ") && strings.Contains(example(lines[i:]), n.FullPath()) {
			return true
		}
	}
	return false
}

// example is a command line that goes on where a line ends in a backslash.
func example(lines []string) (text string) {
	for _, line := range lines {
		begun, more := strings.CutSuffix(line, `\`)
		text += strings.TrimSpace(begun) + " "
		if !more {
			break
		}
	}
	return text
}

// TestHelpSecrets: some commands that sign in to brokers said which variable has the password, and
// not that it may be in a file, which is what an operator wants.
func TestHelpSecrets(t *testing.T) {
	found := 0
	for _, n := range commandNodes(t) {
		for _, f := range n.Flags {
			before, ok := strings.CutSuffix(f.Name, "kafka-user")
			if !ok {
				continue
			}
			found++
			want := variable(before+"kafka-password") + "_FILE"
			if !strings.Contains(n.Detail, want) {
				t.Errorf("%s has --%s and does not say %s", n.FullPath(), f.Name, want)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d flags say as whom to sign in", found)
	}
}
