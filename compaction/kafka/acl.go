package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Role is a kind of process, by what it has to do on a cluster.
type Role string

const (
	// Serve claims shards, writes and reads them, and shares them with other nodes.
	Serve Role = "serve"
	// Reader follows topics: other services, restreaming.
	Reader Role = "reader"
	// Operate plans and applies topics, their settings and these ACLs.
	Operate Role = "operate"
	// Copy writes a whole log into new topics. It needs what Serve does, and no group.
	Copy Role = "copy"
)

// Roles returns all roles.
func Roles() []Role { return []Role{Serve, Reader, Operate, Copy} }

// A Grant gives a principal a role. Principals are written as Kafka does: User:name.
type Grant struct {
	Role      Role
	Principal string
}

// ParseGrant reads ROLE=PRINCIPAL, as in serve=User:quittance.
func ParseGrant(text string) (Grant, error) {
	role, principal, ok := strings.Cut(text, "=")
	kind, name, typed := strings.Cut(principal, ":")
	switch {
	case !ok || !slices.Contains(Roles(), Role(role)):
		return Grant{}, fmt.Errorf("kafka: %q does not begin with one of the roles %v and =",
			text, Roles())
	case !typed || kind == "" || name == "" || strings.ContainsFunc(principal, unprintable),
		!utf8.ValidString(principal):
		return Grant{}, fmt.Errorf("kafka: %q is no principal: they read as User:name", principal)
	}
	return Grant{Role(role), principal}, nil
}

// unprintable reports whether r may not stand in a principal here: it would end a line, or a text
// in quotes.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '\\' }

// An ACL lets a principal do one thing to one resource, or to all whose names begin so.
type ACL struct {
	Principal string
	// Resource is TOPIC, GROUP, TRANSACTIONAL_ID or CLUSTER.
	Resource string
	Name     string
	// Prefixed says that Name is how names begin.
	Prefixed bool
	// Operation is READ, WRITE, DESCRIBE and so on, as Kafka names them.
	Operation string
	// Why says what it is needed for. It is no part of the ACL.
	Why string
}

// String writes the ACL for people.
func (a ACL) String() string { return a.Principal + " " + a.what() }

// what is what the ACL allows.
func (a ACL) what() string {
	name := a.Name
	if a.Prefixed {
		name += "*"
	}
	return fmt.Sprintf("%s on %s %s", a.Operation, a.Resource, name)
}

// pattern names how the ACL's name is meant.
func (a ACL) pattern() string {
	if a.Prefixed {
		return "PREFIXED"
	}
	return "LITERAL"
}

// What the names of resources begin with, after the prefix of a log.
const (
	topicsPrefix       = "quittance."
	groupPrefix        = "quittance"
	transactionsPrefix = "quittance-shard-"
	clusterName        = "kafka-cluster"
)

// ACLs returns what a grant allows on the log with this prefix. Every one is for all hosts. Nothing
// needs IDEMPOTENT_WRITE: since Kafka 3.0 whoever may write to a topic may do so idempotently.
func (g Grant) ACLs(prefix string) []ACL {
	var all []ACL
	add := func(resource, name, why string, operations ...string) {
		for _, o := range operations {
			all = append(all, ACL{g.Principal, resource, name, resource != "CLUSTER", o, why})
		}
	}
	topics, ids := prefix+topicsPrefix, prefix+transactionsPrefix
	read := func() {
		add("TOPIC", topics, "reads what is committed, and where it ends", "READ", "DESCRIBE")
		add("TOPIC", topics, "a start looks whether the topics are as they must be", "DESCRIBE_CONFIGS")
	}
	write := func() {
		add("TOPIC", topics, "appends", "WRITE")
		add("TRANSACTIONAL_ID", ids, "claims shards and appends whole groups", "WRITE", "DESCRIBE")
	}
	switch g.Role {
	case Serve:
		read()
		write()
		add("GROUP", prefix+groupPrefix, "nodes share the shards between them", "READ", "DESCRIBE")
	case Copy:
		read()
		write()
		add("GROUP", prefix+groupPrefix, "sees whether nodes serve the log", "DESCRIBE")
	case Reader:
		read()
	case Operate:
		add("TOPIC", topics, "plans and applies topics and their settings",
			"CREATE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS")
		add("TOPIC", prefix+ShardsTopic, "sees with which topics the log was served", "READ")
		add("CLUSTER", clusterName, "plans and applies these ACLs", "DESCRIBE", "ALTER")
	}
	return all
}

// same reports whether two ACLs allow the same.
func (a ACL) same(b ACL) bool {
	a.Why, b.Why = "", ""
	return a == b
}

// allow adds what the grants allow and the cluster does not, and notes what it allows their
// principals beyond. What is too much is never taken away by a plan: something else may need it.
func (p *Plan) allow(ctx context.Context, cl *kgo.Client, s Spec, grants []Grant) error {
	var principals []string
	var want []ACL
	for _, g := range grants {
		for _, a := range g.ACLs(s.Prefix) {
			if !slices.ContainsFunc(want, a.same) {
				want = append(want, a)
			}
		}
		if !slices.Contains(principals, g.Principal) {
			principals = append(principals, g.Principal)
		}
	}
	for _, principal := range principals {
		have, err := describeACLs(ctx, cl, principal)
		if err != nil {
			return err
		}
		for _, a := range want {
			if a.Principal == principal && !slices.ContainsFunc(have, a.same) {
				p.Changes = append(p.Changes, Change{Kind: AllowACL, ACL: a})
			}
		}
		if note := surplus(principal, have, want); note != "" {
			p.Notes = append(p.Notes, note)
		}
	}
	return nil
}

// surplus tells of what a principal is allowed beyond its roles, some of it by name.
func surplus(principal string, have, want []ACL) string {
	var more []string
	for _, a := range have {
		if !slices.ContainsFunc(want, a.same) {
			more = append(more, a.what())
		}
	}
	if len(more) == 0 {
		return ""
	}
	slices.Sort(more)
	return principal + " is allowed more than its roles here: " + some(more)
}

// some names a few of many.
func some(names []string) string {
	const told = 5
	text := strings.Join(names[:min(told, len(names))], ", ")
	if n := len(names) - told; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// describeACLs returns what a principal is allowed from everywhere.
func describeACLs(ctx context.Context, cl kmsg.Requestor, principal string) ([]ACL, error) {
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType = kmsg.ACLResourceTypeAny
	req.ResourcePatternType = kmsg.ACLResourcePatternTypeAny
	req.Operation = kmsg.ACLOperationAny
	req.PermissionType = kmsg.ACLPermissionTypeAllow
	req.Principal = &principal
	host := "*"
	req.Host = &host
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if errors.Is(err, kerr.SecurityDisabled) {
		return nil, fmt.Errorf("kafka: the cluster has no authorizer and keeps no ACLs: "+
			"set authorizer.class.name on its brokers, or plan without roles: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: the ACLs of %s: %w", principal, err)
	}
	var all []ACL
	for _, r := range resp.Resources {
		for _, a := range r.ACLs {
			all = append(all, ACL{
				Principal: a.Principal, Resource: r.ResourceType.String(), Name: r.ResourceName,
				Prefixed:  r.ResourcePatternType == kmsg.ACLResourcePatternTypePrefixed,
				Operation: a.Operation.String(),
			})
		}
	}
	return all, nil
}

// createACLs returns the request that adds ACLs.
func createACLs(acls []ACL) *kmsg.CreateACLsRequest {
	req := kmsg.NewPtrCreateACLsRequest()
	for _, a := range acls {
		c := kmsg.NewCreateACLsRequestCreation()
		// The names are those that this file writes: they parse.
		c.ResourceType, _ = kmsg.ParseACLResourceType(a.Resource)
		c.ResourcePatternType, _ = kmsg.ParseACLResourcePatternType(a.pattern())
		c.Operation, _ = kmsg.ParseACLOperation(a.Operation)
		c.PermissionType = kmsg.ACLPermissionTypeAllow
		c.ResourceName, c.Principal, c.Host = a.Name, a.Principal, "*"
		req.Creations = append(req.Creations, c)
	}
	return req
}
