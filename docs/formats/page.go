package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/quittance/quittance/compaction"
)

// generated stands at the head of every page.
const generated = "<!-- Written by `make generate` from the contracts: change those. -->\n\n"

// page returns the page of a topic.
func page(t topic) []byte {
	var b bytes.Buffer
	file := t.message.ParentFile().Path()
	fmt.Fprintf(&b, "%s# %s\n\n%s\n\n", generated, t.Name, t.Purpose)
	fmt.Fprintf(&b, "| | |\n|---|---|\n")
	fmt.Fprintf(&b, "| value | `%s`, declared in [%s](../../%s) |\n", t.Message, file, file)
	fmt.Fprintf(&b, "| key | `%s` |\n", t.Key)
	fmt.Fprintf(&b, "| policy | %s |\n", policy(t.Topic))
	fmt.Fprintf(&b, "| kept | %s |\n", kept(t.Topic))
	fmt.Fprintf(&b, "| restored | %s |\n", restored(t.Topic))
	fmt.Fprintf(&b, "| personal data | %s |\n", personalData(t))
	for _, d := range reachable(t.message) {
		switch d := d.(type) {
		case protoreflect.MessageDescriptor:
			messageSection(&b, d)
		case protoreflect.EnumDescriptor:
			enumSection(&b, d)
		}
	}
	return b.Bytes()
}

// policy says what the log may remove.
func policy(t compaction.Topic) string {
	if t.Class == compaction.AppendOnly {
		return "append-only: no record replaces another"
	}
	return "compacted: the newest record of each key stays, a tombstone ends a key"
}

// kept says for how long.
func kept(t compaction.Topic) string {
	switch {
	case t.Class != compaction.AppendOnly:
		return "until the key's tombstone; tombstones stay at least " + span(t.DeleteRetention)
	case t.Retention == 0:
		return "for ever"
	}
	return "for " + span(t.Retention)
}

// restored says when a store that is built anew holds the topic's records.
func restored(t compaction.Topic) string {
	switch t.Class {
	case compaction.AppendOnly:
		return "not as records: read from the log, history is built from it in the background"
	case compaction.Background:
		return "in the background, while the shard serves"
	}
	return "before the shard serves"
}

// span prints whole days as days and anything else as hours.
func span(d time.Duration) string {
	unit, n := "hours", d/time.Hour
	if d%(24*time.Hour) == 0 {
		unit, n = "days", d/(24*time.Hour)
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// personalData lists the paths of the fields that hold personal data.
func personalData(t topic) string {
	if len(t.personal) == 0 {
		return "none"
	}
	var names []string
	for _, m := range t.personal {
		names = append(names, fmt.Sprintf("`%s` (%s)", m.path, m.category))
	}
	return strings.Join(names, ", ")
}

// reachable returns m and every message and enum its fields lead to, each once, in the order in
// which a reader meets them.
func reachable(m protoreflect.MessageDescriptor) []protoreflect.Descriptor {
	var all []protoreflect.Descriptor
	seen := map[protoreflect.FullName]bool{}
	add := func(d protoreflect.Descriptor) {
		if !seen[d.FullName()] {
			seen[d.FullName()] = true
			all = append(all, d)
		}
	}
	add(m)
	for i := 0; i < len(all); i++ {
		m, ok := all[i].(protoreflect.MessageDescriptor)
		if !ok {
			continue
		}
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			if f.Message() != nil {
				add(f.Message())
			}
			if f.Enum() != nil {
				add(f.Enum())
			}
		}
	}
	return all
}

// messageSection writes a message's fields.
func messageSection(b *bytes.Buffer, m protoreflect.MessageDescriptor) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", m.Name(), comment(m))
	fmt.Fprintf(b, "| number | field | type | what |\n|---:|---|---|---|\n")
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		what := cell(comment(f))
		if category := personal(f); category != "" {
			what += " **Personal data: " + category + ".**"
		}
		fmt.Fprintf(b, "| %d | `%s` | %s | %s |\n", f.Number(), f.Name(), kind(f), what)
	}
	for i := range m.ReservedRanges().Len() {
		r := m.ReservedRanges().Get(i)
		fmt.Fprintf(b, "| %d–%d | | reserved | used once, never again |\n", r[0], r[1]-1)
	}
}

// enumSection writes an enum's values.
func enumSection(b *bytes.Buffer, e protoreflect.EnumDescriptor) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", e.Name(), comment(e))
	fmt.Fprintf(b, "| number | value | what |\n|---:|---|---|\n")
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		fmt.Fprintf(b, "| %d | `%s` | %s |\n", v.Number(), v.Name(), cell(comment(v)))
	}
}

// kind names a field's type, with a link where the page explains it.
func kind(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.Message() != nil:
		name = link(f.Message())
	case f.Enum() != nil:
		name = link(f.Enum())
	}
	switch {
	case f.IsList():
		return "repeated " + name
	case f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic():
		return fmt.Sprintf("%s, one of `%s`", name, f.ContainingOneof().Name())
	case f.HasOptionalKeyword():
		return "optional " + name
	}
	return name
}

// link points to the section of the same page that explains d.
func link(d protoreflect.Descriptor) string {
	return fmt.Sprintf("[%s](#%s)", d.Name(), strings.ToLower(string(d.Name())))
}

// cell makes text fit for a table's cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
