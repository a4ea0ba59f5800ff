package kafka

import (
	"fmt"
	"slices"
	"strings"
)

// String writes the plan for people: what is made (+), what is changed (~), what is allowed (+) and
// what cannot be mended (!), each setting with its reason.
func (p Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %s, %d shards\n", p.Cluster, p.Shards)
	p.writeTopics(&b)
	p.writeChanges(&b)
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "\n# %s\n", n)
	}
	fmt.Fprintf(&b, "\n%s\n", p.summary())
	return b.String()
}

// writeTopics writes the topics to be made, those with the same settings together.
func (p Plan) writeTopics(b *strings.Builder) {
	same := func(a, c Change) bool { return slices.Equal(a.Settings, c.Settings) }
	var left []Change
	for _, c := range p.Changes {
		if c.Kind == CreateTopic {
			left = append(left, c)
		}
	}
	for len(left) > 0 {
		first := left[0]
		b.WriteByte('\n')
		left = slices.DeleteFunc(left, func(c Change) bool {
			if !same(first, c) {
				return false
			}
			fmt.Fprintf(b, "+ topic %s\n", c.Topic)
			return true
		})
		fmt.Fprintf(b, "    each of %d partitions, %s%s\n",
			first.Partitions, copies(first.Replication), leaders(first.Replicas))
		width := 0
		for _, s := range first.Settings {
			width = max(width, len(s.String()))
		}
		for _, s := range first.Settings {
			fmt.Fprintf(b, "    %-*s  # %s\n", width, s, s.Why)
		}
	}
}

// writeChanges writes all but the topics to be made.
func (p Plan) writeChanges(b *strings.Builder) {
	width := 0
	for _, c := range p.Changes {
		if c.Kind == AllowACL {
			width = max(width, len(c.ACL.String()))
		}
	}
	var last Change
	for _, c := range p.Changes {
		if c.Kind == CreateTopic {
			continue
		}
		if c.Kind != last.Kind || c.Kind == Cannot || c.Topic != last.Topic {
			b.WriteByte('\n')
		}
		switch c.Kind {
		case SetConfig:
			s := c.Settings[0]
			if c.Topic != last.Topic || c.Kind != last.Kind {
				fmt.Fprintf(b, "~ topic %s\n", c.Topic)
			}
			fmt.Fprintf(b, "    %s=%s -> %s  # %s\n", s.Name, c.Have, s.Value, s.Why)
		case AllowACL:
			fmt.Fprintf(b, "+ allow %-*s  # %s\n", width, c.ACL, c.ACL.Why)
		case Cannot:
			fmt.Fprintf(b, "! %s\n", c.undecided())
		}
		last = c
	}
}

// undecided says what there is to decide, and where.
func (c Change) undecided() string { return strings.TrimPrefix(c.Topic+": "+c.Reason, ": ") }

// copies writes how many copies there are of a topic.
func copies(n int) string {
	if n == 1 {
		return "one copy"
	}
	return fmt.Sprintf("%d copies", n)
}

// brokers writes how many brokers there are.
func brokers(n int) string {
	if n == 1 {
		return "1 broker"
	}
	return fmt.Sprintf("%d brokers", n)
}

// leaders writes which brokers lead the partitions of a new topic.
func leaders(replicas [][]int32) string {
	if len(replicas) == 0 {
		return ""
	}
	var ids []string
	for i, r := range replicas {
		if i == 8 {
			ids = append(ids, "…")
			break
		}
		ids = append(ids, fmt.Sprint(r[0]))
	}
	return ", led by brokers " + strings.Join(ids, " ")
}

// summary counts the changes.
func (p Plan) summary() string {
	var n [Cannot + 1]int
	for _, c := range p.Changes {
		n[c.Kind]++
	}
	if p.Empty() {
		return "nothing to do"
	}
	return fmt.Sprintf("%d topics to make, %d settings to change, %d ACLs to add, %d to decide",
		n[CreateTopic], n[SetConfig], n[AllowACL], n[Cannot])
}
