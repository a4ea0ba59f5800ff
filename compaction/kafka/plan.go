package kafka

import (
	"cmp"
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
	// halts is set where a start, which makes what is missing, must not make anything either.
	halts bool
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

// creating returns the part of the plan that makes what is not there, and what forbids that. What
// is there and wrong is not mended by it: somebody else may have wanted that, and has to hear of it
// first.
func (p Plan) creating() Plan {
	p.Changes = slices.DeleteFunc(slices.Clone(p.Changes), func(c Change) bool {
		return c.Kind != CreateTopic && !c.halts
	})
	return p
}

// newPlan compares what a cluster has with a spec and with what the grants allow.
func newPlan(ctx context.Context, cl *kgo.Client, s Spec, grants []Grant) (Plan, error) {
	if err := s.check(); err != nil {
		return Plan{}, err
	}
	f, before, err := look(ctx, cl, s)
	if f != nil && denied(err) {
		before, err = past{unseen: true}, nil
	}
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Cluster: f.cluster, Shards: f.shards(s)}
	p.decide(f, s, before)
	replication := s.replication(len(f.brokers))
	replicas := f.place(p.Shards, replication)
	for _, t := range s.topics() {
		have, ok := f.topics[t.Name]
		name := s.Prefix + t.Name
		switch {
		case !ok && before.allows(t.Name):
			p.Changes = append(p.Changes, Change{
				Kind: CreateTopic, Topic: name, Partitions: p.Shards, Replication: replication,
				Replicas: replicas, Settings: settings(t, replication), class: t.Class,
			})
			continue
		case !ok:
			continue // it is to be decided
		}
		changes, err := p.mend(ctx, cl, name, t, have, before)
		if err != nil {
			return Plan{}, err
		}
		p.Changes = append(p.Changes, changes...)
	}
	p.Notes = f.notes(s)
	return p, p.allow(ctx, cl, s, grants)
}

// decide adds what is wrong and no change mends, but for single topics that are there.
func (p *Plan) decide(f *found, s Spec, before past) {
	if why := f.transactionFault(); why != nil {
		p.Changes = append(p.Changes, Change{Kind: Cannot, Reason: why.What + ": " + why.Mend})
	}
	if s.Shards != 0 && s.Shards != p.Shards {
		p.Changes = append(p.Changes, Change{Kind: Cannot, Topic: s.Prefix + ShardsTopic,
			Reason: shardsReason(p.Shards, s.Shards)})
	}
	for _, lost := range before.lost(f, s) {
		p.Changes = append(p.Changes, Change{Kind: Cannot, Topic: lost.Topic, halts: true,
			Reason: lost.What + ". There is this to do: " + lost.Mend})
	}
	missing := func(t compaction.Topic) bool {
		_, ok := f.topics[t.Name]
		return !ok
	}
	if !slices.ContainsFunc(s.topics(), missing) {
		return
	}
	if n := len(f.brokers); s.Replication > n {
		p.Changes = append(p.Changes, Change{Kind: Cannot, halts: true, Reason: fmt.Sprintf(
			"new topics are to have %d copies, and the cluster has %s: add some, or ask for fewer "+
				"copies (--replication)", s.Replication, brokers(n))})
	}
	if before.unseen {
		p.Changes = append(p.Changes, Change{Kind: Cannot, Topic: s.Prefix + ShardsTopic, halts: true,
			Reason: "it may not be read, and it says whether the log was served with the topics that " +
				"are missing: allow who runs this READ on it"})
	}
}

// shards returns how many shards the log has, or is to have. Where ShardsTopic is not there yet,
// topics that are, as those are that were made by a plan that was stopped half-way, say how many
// were wanted.
func (f *found) shards(s Spec) int {
	if t, ok := f.topics[ShardsTopic]; ok {
		return len(t.leaders)
	}
	if s.Shards != 0 {
		return s.Shards
	}
	n := 0
	for _, t := range f.topics {
		if n != 0 && len(t.leaders) != n {
			return DefaultShards
		}
		n = len(t.leaders)
	}
	return cmp.Or(n, DefaultShards)
}

// mend returns the changes of a topic that is there.
func (p Plan) mend(
	ctx context.Context, cl *kgo.Client, name string, t compaction.Topic, have foundTopic, before past,
) (changes []Change, err error) {
	if n := len(have.leaders); n != p.Shards && !before.headless {
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
		}
		why, err := s.undecided(ctx, cl, name, is.value)
		if err != nil {
			return nil, err
		}
		if why != "" {
			changes = append(changes, Change{Kind: Cannot, Topic: name, Reason: why})
			continue
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

// undecided says why a setting of a topic that is another one must not simply be set, empty where
// it may be.
func (s Setting) undecided(
	ctx context.Context, cl *kgo.Client, topic, have string,
) (why string, err error) {
	if s.Name != "cleanup.policy" {
		return "", nil
	}
	if empty, err := emptyTopic(ctx, cl, topic); err != nil || empty {
		return "", err
	}
	return fmt.Sprintf("cleanup.policy is %s and must be %s, and it holds records: what the wrong "+
		"policy removed is gone. Copy the log from where it is whole; or, where nothing is missing, "+
		"set the policy yourself", have, s.Value), nil
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
