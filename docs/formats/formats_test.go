package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

var update = flag.Bool("update", false, "write testdata/contracts.golden anew")

// root is the top of the repository, seen from this folder.
const root = "../.."

// TestPages holds the committed pages against the contracts: who reads a page reads what is kept.
func TestPages(t *testing.T) {
	pages, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the contracts say: run `make generate` (%v)", name, err)
		}
	}
	present, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range present {
		if _, ok := pages[name]; !ok {
			t.Errorf("%s is the page of a topic that no contract declares", name)
		}
	}
}

// TestContractsGolden holds the values of the options, which `buf breaking` does not look at. A
// topic's name, key, policy and message must not change under the records that were written: what
// changes here needs a new version of the topic, or a line in the changelog that says why not.
func TestContractsGolden(t *testing.T) {
	c, err := compile(root)
	if err != nil {
		t.Fatal(err)
	}
	got := golden(c)
	path := filepath.Join("testdata", "contracts.golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the options differ from %s; if that is meant, go test ./docs/formats -update\n%s",
			path, difference(string(want), string(got)))
	}
}

// TestContractsCommented wants a comment on everything in the contracts: the pages print them.
func TestContractsCommented(t *testing.T) {
	c, err := compile(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.files {
		for i := range f.Enums().Len() {
			checkEnum(t, f.Enums().Get(i))
		}
		for i := range f.Messages().Len() {
			checkMessage(t, f.Messages().Get(i))
		}
	}
}

func checkMessage(t *testing.T, m protoreflect.MessageDescriptor) {
	checkComment(t, m)
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		checkComment(t, f)
		if f.IsMap() {
			t.Errorf("%s is a map, whose bytes have no order: repeat pairs", f.FullName())
		}
		if f.Kind() == protoreflect.DoubleKind || f.Kind() == protoreflect.FloatKind {
			t.Errorf("%s is a float: amounts are minor units, quantities are decimal text", f.FullName())
		}
	}
	for i := range m.Enums().Len() {
		checkEnum(t, m.Enums().Get(i))
	}
	for i := range m.Messages().Len() {
		if !m.Messages().Get(i).IsMapEntry() {
			checkMessage(t, m.Messages().Get(i))
		}
	}
}

func checkEnum(t *testing.T, e protoreflect.EnumDescriptor) {
	checkComment(t, e)
	for i := range e.Values().Len() {
		checkComment(t, e.Values().Get(i))
	}
}

func checkComment(t *testing.T, d protoreflect.Descriptor) {
	if comment(d) == "" {
		t.Errorf("%s: %s has no comment", d.ParentFile().Path(), d.FullName())
	}
}

// golden prints the values of every option.
func golden(c contracts) []byte {
	var b bytes.Buffer
	for _, x := range []protoreflect.ExtensionType{
		compactionv1.E_Topic, compactionv1.E_PersonalData,
	} {
		d := x.TypeDescriptor()
		fmt.Fprintf(&b, "option %s = %d\n", d.FullName(), d.Number())
		for i := range d.Message().Fields().Len() {
			f := d.Message().Fields().Get(i)
			fmt.Fprintf(&b, "  %s = %d\n", f.Name(), f.Number())
		}
	}
	for _, t := range c.topics {
		fmt.Fprintf(&b, "\n%s\n  message %s\n  key %s\n  %s\n  %s\n",
			t.Name, t.Message, t.Key, t.Class, kept(t.Topic))
		for _, m := range t.personal {
			fmt.Fprintf(&b, "  personal data %s (%s)\n", m.path, m.category)
		}
	}
	return b.Bytes()
}

// difference lists the lines that only one of two texts has.
func difference(want, got string) string {
	var b strings.Builder
	only := func(sign, a, other string) {
		in := map[string]int{}
		for line := range strings.Lines(other) {
			in[line]++
		}
		for line := range strings.Lines(a) {
			if in[line]--; in[line] < 0 {
				b.WriteString(sign + line)
			}
		}
	}
	only("- ", want, got)
	only("+ ", got, want)
	return b.String()
}

// TestRenderTwice wants the same bytes for the same contracts, whatever the order of maps.
func TestRenderTwice(t *testing.T) {
	one, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	two, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	for name := range one {
		if !bytes.Equal(one[name], two[name]) {
			t.Errorf("%s differs between two runs", name)
		}
	}
}

// noted is a contract with what the repository's own may lack: a message inside itself, a choice,
// a reserved number, a mark below a message.
const noted = `syntax = "proto3";
package quoting.v1;
import "compaction/v1/options.proto";
// NoteRecord is a note.
message NoteRecord {
  option (compaction.v1.topic) = {
    name: "quittance.notes.v1" key: "{tenant}/{note}" policy: POLICY_APPEND_ONLY
    retention_hours: 72 purpose: "Notes."
  };
  reserved 4;
  // author wrote it.
  Author author = 1;
  // replies follow it.
  repeated NoteRecord replies = 2;
  oneof body {
    // text is its words | or not.
    string text = 3 [(compaction.v1.personal_data) = {category: "free text"}];
  }
}
// Author is a person.
message Author {
  // name is the person's.
  string name = 1 [(compaction.v1.personal_data) = {category: "name"}];
}
`

// TestPage wants a page to say all that a contract can declare.
func TestPage(t *testing.T) {
	dir := t.TempDir()
	options, err := os.ReadFile(filepath.Join(root, "compaction/v1/options.proto"))
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		"compaction/v1/options.proto": string(options), "quoting/v1/note.proto": noted,
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := render(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := string(pages["quittance.notes.v1.md"])
	for _, want := range []string{
		"| value | `quoting.v1.NoteRecord`, declared in [quoting/v1/note.proto]",
		"| key | `{tenant}/{note}` |", "append-only", "| kept | for 3 days |",
		"| personal data | `author.name` (name), `text` (free text) |",
		"| 2 | `replies` | repeated [NoteRecord](#noterecord) | replies follow it. |",
		"| 3 | `text` | string, one of `body` | text is its words \\| or not. **Personal data: ",
		"| 4–4 | | reserved |", "## Author",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
	if want := "| `author.name` | name |"; !strings.Contains(string(pages["README.md"]), want) {
		t.Errorf("the index lacks %q:\n%s", want, pages["README.md"])
	}
}
