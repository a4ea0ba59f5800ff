package kafka

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quittance/quittance/compaction"
)

// onConfluent are the settings that Confluent Cloud lets its users change. The others are as they
// must be there: leaders are never behind, three copies are kept.
var onConfluent = []string{
	"cleanup.policy", "delete.retention.ms", "max.compaction.lag.ms", "max.message.bytes",
	"message.timestamp.type", "min.compaction.lag.ms", "min.insync.replicas", "retention.bytes",
	"retention.ms", "segment.bytes", "segment.ms",
}

// WriteTerraform writes what a plan for an empty cluster would make as a Terraform configuration
// for Confluent Cloud: topics, service accounts and ACLs, formatted as `terraform fmt` does. It
// holds no secret; the provider reads those from the environment. Principals other than
// User:sa-… become service accounts of their name.
func WriteTerraform(w io.Writer, s Spec, grants ...Grant) error {
	if err := s.check(); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(terraformHead)
	writeTerraformTopics(&b, s)
	writeTerraformACLs(&b, s, grants)
	_, err := io.WriteString(w, b.String())
	return err
}

const terraformHead = `terraform {
  required_providers {
    confluent = {
      source  = "confluentinc/confluent"
      version = "~> 2.0"
    }
  }
}

# One cluster: it is named, and its keys are given, by the environment variables KAFKA_ID,
# KAFKA_REST_ENDPOINT, KAFKA_API_KEY and KAFKA_API_SECRET; the organization's keys by
# CONFLUENT_CLOUD_API_KEY and CONFLUENT_CLOUD_API_SECRET.
provider "confluent" {}
`

// writeTerraformTopics writes the topics, those with the same settings by one name.
func writeTerraformTopics(b *strings.Builder, s Spec) {
	type class struct {
		name     string
		settings []Setting
	}
	var classes []class
	var rows [][2]string
	for _, t := range s.topics() {
		all := slices.DeleteFunc(settings(t, 3), func(s Setting) bool {
			return !slices.Contains(onConfluent, s.Name)
		})
		i := slices.IndexFunc(classes, func(c class) bool { return slices.Equal(c.settings, all) })
		if i < 0 {
			i = len(classes)
			classes = append(classes, class{className(t), all})
		}
		rows = append(rows, [2]string{quoted(s.Prefix + t.Name), "local." + classes[i].name})
	}
	b.WriteString("\nlocals {\n")
	for _, c := range classes {
		fmt.Fprintf(b, "  %s = {\n", c.name)
		for _, s := range c.settings {
			fmt.Fprintf(b, "    # %s\n    %s = %s\n", s.Why, quoted(s.Name), quoted(s.Value))
		}
		b.WriteString("  }\n\n")
	}
	b.WriteString("  topics = {\n")
	aligned(b, "    ", rows)
	b.WriteString("  }\n}\n")
	shards := s.Shards
	if shards == 0 {
		shards = DefaultShards
	}
	b.WriteString("\n# A partition a shard: the number is fixed for the life of the log.\n" +
		"resource \"confluent_kafka_topic\" \"quittance\" {\n")
	aligned(b, "  ", [][2]string{{"for_each", "local.topics"}, {"topic_name", "each.key"},
		{"partitions_count", fmt.Sprint(shards)}, {"config", "each.value"}})
	b.WriteString("\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n")
}

// className names the settings of a topic by what they keep.
func className(t compaction.Topic) string {
	switch {
	case t.Class == compaction.AppendOnly && t.Retention == 0:
		return "kept_for_ever"
	case t.Class == compaction.AppendOnly:
		return fmt.Sprintf("kept_for_%d_hours", int(t.Retention.Hours()))
	}
	return fmt.Sprintf("compacted_with_tombstones_for_%d_hours", int(t.DeleteRetention.Hours()))
}

// writeTerraformACLs writes the service accounts and what they may do.
func writeTerraformACLs(b *strings.Builder, s Spec, grants []Grant) {
	accounts := map[string]string{} // by principal: how an ACL names it
	var names []string
	var written []ACL
	for _, g := range grants {
		principal, ok := accounts[g.Principal]
		if !ok {
			principal = quoted(g.Principal)
			if !strings.HasPrefix(g.Principal, "User:sa-") {
				name := unique(&names, terraformName(g.Principal))
				principal = fmt.Sprintf(`"User:${confluent_service_account.%s.id}"`, name)
				_, display, _ := strings.Cut(g.Principal, ":")
				fmt.Fprintf(b, "\nresource \"confluent_service_account\" %s {\n", quoted(name))
				aligned(b, "  ", [][2]string{{"display_name", quoted(display)},
					{"description", quoted("quittance: " + s.Prefix + string(g.Role))}})
				b.WriteString("}\n")
			}
			accounts[g.Principal] = principal
		}
		for _, a := range g.ACLs(s.Prefix) {
			if slices.ContainsFunc(written, a.same) {
				continue
			}
			written = append(written, a)
			name := unique(&names, strings.ToLower(fmt.Sprintf("%s_%s_%s", g.Role, a.Resource, a.Operation)))
			fmt.Fprintf(b, "\n# %s\nresource \"confluent_kafka_acl\" %s {\n", a.Why, quoted(name))
			aligned(b, "  ", [][2]string{
				{"resource_type", quoted(a.Resource)}, {"resource_name", quoted(a.Name)},
				{"pattern_type", quoted(a.pattern())}, {"principal", principal}, {"host", `"*"`},
				{"operation", quoted(a.Operation)}, {"permission", `"ALLOW"`}})
			b.WriteString("}\n")
		}
	}
}

// aligned writes arguments below each other, as the formatter of Terraform aligns them.
func aligned(b *strings.Builder, indent string, rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	for _, r := range rows {
		fmt.Fprintf(b, "%s%-*s = %s\n", indent, width, r[0], r[1])
	}
}

// quoted writes a text of printable characters as Terraform's language does.
func quoted(text string) string {
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(text)
	return `"` + text + `"`
}

// terraformName makes a principal the name of a resource.
func terraformName(principal string) string {
	_, name, _ := strings.Cut(principal, ":")
	name = strings.Map(func(r rune) rune {
		if r == '.' || notInNames(r) {
			return '_'
		}
		return r
	}, name)
	if first := name[0] | 0x20; first < 'a' || first > 'z' {
		name = "account_" + name
	}
	return name
}

// unique adds a name to those that are taken, with a number where it is one of them.
func unique(taken *[]string, name string) string {
	candidate := name
	for n := 2; slices.Contains(*taken, candidate); n++ {
		candidate = fmt.Sprintf("%s_%d", name, n)
	}
	*taken = append(*taken, candidate)
	return candidate
}
