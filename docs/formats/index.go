package main

import (
	"bytes"
	"fmt"
)

// preface explains the index.
const preface = `# Topics

What Quittance keeps, it keeps as records of these topics: a key in readable text and a value that
is one protobuf message, a whole state and never a delta. Keys begin with the tenant, and all
records of a tenant are in one shard, the same one of every topic.

A topic's name ends in the version of its format. Within a version a message only grows: ` + "`make check`" + `
refuses a change that would misread what was written, and bytes written by every release so far are
decoded by a test of the package that owns the record.

`

// index returns the page that lists the topics and where personal data is kept.
func index(topics []topic) []byte {
	var b bytes.Buffer
	b.WriteString(generated + preface)
	b.WriteString("| topic | policy | key | what |\n|---|---|---|---|\n")
	for _, t := range topics {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | `%s` | %s |\n",
			t.Name, t.Name, t.Class, t.Key, cell(t.Purpose))
	}
	b.WriteString("\n## Personal data\n\n")
	b.WriteString("Fields that hold data about a person are marked in the contracts:\n\n")
	b.WriteString("| topic | field | kind |\n|---|---|---|\n")
	for _, t := range topics {
		for _, m := range t.personal {
			fmt.Fprintf(&b, "| [%s](%s.md) | `%s` | %s |\n", t.Name, t.Name, m.path, m.category)
		}
	}
	return b.Bytes()
}
