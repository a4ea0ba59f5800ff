package kafka

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

var update = flag.Bool("update", false, "write the golden files anew")

// someTopics are one topic of each class.
func someTopics() []compaction.Topic {
	return []compaction.Topic{
		{Name: "quittance.quotes.v1", Class: compaction.Open,
			DeleteRetention: compaction.DefaultDeleteRetention},
		{Name: "quittance.settled.v1", Class: compaction.Background,
			DeleteRetention: 30 * 24 * time.Hour},
		{Name: "quittance.journal.v1", Class: compaction.AppendOnly},
		{Name: "quittance.events.v1", Class: compaction.AppendOnly, Retention: 30 * 24 * time.Hour},
	}
}

// golden compares a text with a file of testdata, and writes that with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was; -update writes it anew. Got:\n%s", path, got)
	}
}

// TestTerraform: what operators keep in their own repositories must not change under them
// unnoticed, and must be formatted as their tools want it.
func TestTerraform(t *testing.T) {
	var b bytes.Buffer
	err := WriteTerraform(&b, Spec{Topics: someTopics(), Prefix: "acme."},
		Grant{Serve, "User:quittance"}, Grant{Copy, "User:quittance"},
		Grant{Reader, "User:sa-12345"}, Grant{Operate, "User:4 eyes.only"})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "confluent.tf", b.String())
	formatter, err := exec.LookPath("terraform")
	if err != nil {
		return // the golden file was held against it when it was written
	}
	cmd := exec.Command(formatter, "fmt", "-no-color", "-")
	cmd.Stdin = &b
	formatted, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "confluent.tf", strings.TrimPrefix(string(formatted), "\n"))
}

// TestTerraformQuoted: a name from the command line stays a name and never becomes an expression.
func TestTerraformQuoted(t *testing.T) {
	if got, want := quoted(`a"b\c${d}%{e}`), `"a\"b\\c$${d}%%{e}"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
