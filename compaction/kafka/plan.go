package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// A Kind says what a change does.
type Kind uint8

const (
	// CreateTopic makes a topic with its settings.
	CreateTopic Kind = iota + 1
	// SetConfig gives a topic one setting.
	SetConfig
	// AllowACL lets a principal do something.
	AllowACL
	// Cannot is what is wrong and no change mends: somebody has to decide.
	Cannot
)

// A Change is one step from what a cluster has to what it must have.
type Change struct {
	Kind Kind
	// Topic is the name on the cluster, with its prefix; empty for AllowACL.
	Topic string
	// Partitions, Replication and Replicas are those of a new topic. Replicas is which brokers keep
	// each partition, the leader first; nil leaves that to the cluster.
	Partitions, Replication int
	Replicas                [][]int32
	// Settings are all of a new topic's, or the one to set.
	Settings []Setting
	// Have is what a setting is now.
	Have string
	// ACL is what to allow.
	ACL ACL
	// Reason says what cannot be mended, and what there is to decide.
	Reason string

	class compaction.Class
}

// A Plan is what has to be done to a cluster, in order, before it can keep a log.
type Plan struct {
	Cluster string // its id
	Shards  int
	Changes []Change
	// Notes are what a plan leaves alone and somebody should know of.
	Notes []string
}

// Empty reports whether nothing is to do.
func (p Plan) Empty() bool { return len(p.Changes) == 0 }

// Possible reports whether the plan can be applied: nothing in it is left to decide.
func (p Plan) Possible() bool {
	return !slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Kind == Cannot })
}

// creating returns the part of the plan that makes what is not there. What is there and wrong is
// not mended by it: somebody else may have wanted that, and has to hear of it first.
func (p Plan) creating() Plan {
	p.Changes = slices.DeleteFunc(slices.Clone(p.Changes), func(c Change) bool {
		return c.Kind != CreateTopic
	})
	return p
}

// newPlan compares what a cluster has with a spec and with what the grants allow.
func newPlan(ctx context.Context, cl *kgo.Client, s Spec, grants []Grant) (Plan, error) {
	if err := s.check(); err != nil {
		return Plan{}, err
	}
	f, err := find(ctx, cl, s)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Cluster: f.cluster, Shards: f.shards(s)}
	if why := f.transactionFault(); why != nil {
		p.Changes = append(p.Changes, Change{Kind: Cannot, Reason: why.What + ": " + why.Mend})
	}
	if s.Shards != 0 && s.Shards != p.Shards {
		p.Changes = append(p.Changes, Change{Kind: Cannot, Topic: s.Prefix + ShardsTopic,
			Reason: shardsReason(p.Shards, s.Shards)})
	}
	replication := s.replication(len(f.brokers))
	replicas := f.place(p.Shards, replication)
	for _, t := range s.topics() {
		have, ok := f.topics[t.Name]
		name := s.Prefix + t.Name
		if !ok {
			p.Changes = append(p.Changes, Change{
				Kind: CreateTopic, Topic: name, Partitions: p.Shards, Replication: replication,
				Replicas: replicas, Settings: settings(t, replication), class: t.Class,
			})
			continue
		}
		changes, err := p.mend(ctx, cl, name, t, have)
		if err != nil {
			return Plan{}, err
		}
		p.Changes = append(p.Changes, changes...)
	}
	p.Notes = f.notes(s)
	return p, p.allow(ctx, cl, s, grants)
}

// shards returns how many shards the log has, or is to have.
func (f *found) shards(s Spec) int {
	if t, ok := f.topics[ShardsTopic]; ok {
		return len(t.leaders)
	}
	if s.Shards != 0 {
		return s.Shards
	}
	return DefaultShards
}

// mend returns the changes of a topic that is there.
func (p Plan) mend(
	ctx context.Context, cl *kgo.Client, name string, t compaction.Topic, have foundTopic,
) (changes []Change, err error) {
	if n := len(have.leaders); n != p.Shards {
		reason := partitionsReason(n, p.Shards)
		changes = append(changes, Change{Kind: Cannot, Topic: name, Reason: reason})
	}
	for _, s := range settings(t, have.replication()) {
		is, known := have.configs[s.Name]
		switch {
		case !known: // a cluster that does not have the setting, or does not show it
			continue
		case s.Rule == Suggested && (is.own || is.value == s.Value):
			continue
		case s.Rule != Suggested && s.holds(is.value):
			continue
		case s.Name == "cleanup.policy":
			empty, err := emptyTopic(ctx, cl, name)
			if err != nil {
				return nil, err
			}
			if !empty {
				changes = append(changes, Change{Kind: Cannot, Topic: name,
					Reason: policyReason(is.value, s)})
				continue
			}
		}
		changes = append(changes, Change{
			Kind: SetConfig, Topic: name, Settings: []Setting{s}, Have: is.value,
		})
	}
	return changes, nil
}

// replication returns how many copies a topic has, where it has fewest.
func (t foundTopic) replication() int {
	n := 0
	for i, ids := range t.replicas {
		if i == 0 || len(ids) < n {
			n = len(ids)
		}
	}
	return n
}

func partitionsReason(have, want int) string {
	return fmt.Sprintf("it has %d partitions and the log has %d shards: keys would not be where they "+
		"are looked for. Where it is empty, delete it and apply again; else copy the log to one of "+
		"the right size", have, want)
}

func shardsReason(have, want int) string {
	return fmt.Sprintf("the log has %d shards, and %d were asked for: leave the number out, it is "+
		"fixed for the life of a log", have, want)
}

func policyReason(have string, s Setting) string {
	return fmt.Sprintf("cleanup.policy is %s and must be %s, and it holds records: what the wrong "+
		"policy removed is gone. Copy the log from where it is whole; or, where nothing is missing, "+
		"set the policy yourself", have, s.Value)
}

// emptyTopic reports whether nothing was ever written to a topic.
func emptyTopic(ctx context.Context, cl *kgo.Client, name string) (bool, error) {
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, name)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return false, fmt.Errorf("kafka: the end of the topic %s: %w", name, err)
	}
	empty := true
	ends.Each(func(o kadm.ListedOffset) { empty = empty && o.Offset == 0 })
	return empty, nil
}

// ErrUndecided reports a plan that names what no change can mend. Nothing of it was done.
var ErrUndecided = errors.New("kafka: the plan names what cannot be changed: nothing was done")

// apply does what a plan says. Doing it twice is as doing it once. It returns what went otherwise
// than planned and is no failure.
func (p Plan) apply(ctx context.Context, cl *kgo.Client) (warnings []string, err error) {
	if !p.Possible() {
		return nil, p.undecided()
	}
	var acls []ACL
	for _, c := range p.Changes {
		switch c.Kind {
		case CreateTopic:
			said, err := create(ctx, cl, c)
			if err != nil {
				return warnings, err
			}
			warnings = append(warnings, said...)
		case SetConfig:
			if err := set(ctx, cl, c.Topic, c.Settings[0]); err != nil {
				return warnings, err
			}
		case AllowACL:
			acls = append(acls, c.ACL)
		}
	}
	if err := allow(ctx, cl, acls); err != nil {
		return warnings, err
	}
	if p.Empty() {
		return warnings, nil
	}
	return warnings, await(ctx, cl, p.Changes)
}

// undecided is ErrUndecided with what there is to decide.
func (p Plan) undecided() error {
	var reasons strings.Builder
	for _, c := range p.Changes {
		if c.Kind == Cannot {
			reasons.WriteString("\n  " + c.undecided())
		}
	}
	return fmt.Errorf("%w:%s", ErrUndecided, &reasons)
}

// set gives a topic a setting.
func set(ctx context.Context, cl *kgo.Client, topic string, s Setting) error {
	all, err := kadm.NewClient(cl).AlterTopicConfigs(ctx,
		[]kadm.AlterConfig{{Op: kadm.SetConfig, Name: s.Name, Value: &s.Value}}, topic)
	if err != nil {
		return fmt.Errorf("kafka: setting %s of the topic %s: %w", s, topic, err)
	}
	for _, r := range all {
		if r.Err != nil {
			return fmt.Errorf("kafka: setting %s of the topic %s: %w (%s)", s, topic, r.Err, r.ErrMessage)
		}
	}
	return nil
}

// allow adds ACLs.
func allow(ctx context.Context, cl *kgo.Client, acls []ACL) error {
	if len(acls) == 0 {
		return nil
	}
	resp, err := createACLs(acls).RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	for i, r := range resp.Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil && i < len(acls) {
			return fmt.Errorf("kafka: allowing %s: %w", acls[i], err)
		}
	}
	return nil
}

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
