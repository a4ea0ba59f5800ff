package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// A Fault is something about a cluster with which a log must not be opened.
type Fault struct {
	Topic string // with its prefix; empty where it is about the cluster
	What  string // what is wrong, and why that matters
	Mend  string // a command, or what there is to decide; empty where applying a plan mends it

	lost   bool // what the log kept is gone: a plan must not paper over it
	decide bool // no plan mends it, and none is applied while it is there
}

// A FaultsError refuses to open a log on a cluster that would not keep it. It says how to mend
// each fault.
type FaultsError struct {
	Cluster string // its id
	Faults  []Fault
	Apply   string // the command that mends what a plan can
}

// Is reports that the error is a compaction.ErrReplaced where what the log kept is gone.
func (e *FaultsError) Is(target error) bool {
	return target == compaction.ErrReplaced && e.lost()
}

// lost reports whether what the log kept is gone.
func (e *FaultsError) lost() bool {
	return slices.ContainsFunc(e.Faults, func(f Fault) bool { return f.lost })
}

// Error names every fault and how to mend it, a line or two each.
func (e *FaultsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kafka: the cluster %s would not keep this log:", e.Cluster)
	planned, undecided := false, false
	for _, f := range e.Faults {
		b.WriteString("\n  ")
		if f.Topic != "" {
			b.WriteString(f.Topic + ": ")
		}
		b.WriteString(f.What)
		if f.Mend != "" {
			b.WriteString("\n      " + f.Mend)
		}
		planned = planned || !f.decide && !f.lost
		undecided = undecided || f.decide || f.lost
	}
	switch {
	case planned && undecided:
		b.WriteString("\nTopics and settings are mended by the following, which does nothing before " +
			"the rest is decided\n      " + e.Apply)
	case planned:
		b.WriteString("\nTopics and settings are shown and mended by\n      " + e.Apply)
	}
	return b.String()
}

// A Report is what a check found of a cluster that is fit to keep a log.
type Report struct {
	Cluster string // its id
	Shards  int
	// Topics are the ids of the log's topics, by their names without the prefix.
	Topics map[string]TopicID
	// Warnings say what slows the log down, or makes it less safe than it could be.
	Warnings []string

	prefix string
	claims []*compactionv1.ShardRecord // of each shard the last one; nil where there is none
}

// check holds a cluster against a spec. The error is a *FaultsError, or says what kept it from
// looking.
func check(ctx context.Context, cl *kgo.Client, s Spec) (Report, error) {
	if err := s.check(); err != nil {
		return Report{}, err
	}
	f, before, err := look(ctx, cl, s)
	if err != nil {
		return Report{}, err
	}
	brokers := seeds(cl)
	e := &FaultsError{Cluster: f.cluster, Apply: topicsCommand("apply", s, brokers),
		Faults: before.lost(f, s)}
	if why := f.transactionFault(); why != nil {
		why.Mend = strings.ReplaceAll(why.Mend, "BROKERS", brokers)
		e.Faults = append(e.Faults, *why)
	}
	its, err := f.topicFaults(ctx, cl, s, before)
	if err != nil {
		return Report{}, err
	}
	if e.Faults = append(e.Faults, its...); len(e.Faults) > 0 {
		return Report{}, e
	}
	r := Report{Cluster: f.cluster, Shards: f.shards(s), Topics: map[string]TopicID{},
		prefix: s.Prefix, claims: before.claims}
	for name, t := range f.topics {
		r.Topics[name] = t.id
	}
	r.Warnings = f.notes(s)
	return r, nil
}

// seeds returns the brokers that a client was told, as a flag takes them.
func seeds(cl *kgo.Client) string {
	all, _ := cl.OptValue(kgo.SeedBrokers).([]string)
	return strings.Join(all, ",")
}

// topicsCommand is the command that plans, or does, what makes a cluster fit.
func topicsCommand(verb string, s Spec, brokers string) string {
	text := "quittance topics " + verb + " --log kafka --brokers " + brokers
	if s.Prefix != "" {
		text += " --topic-prefix " + s.Prefix
	}
	return text
}

// The tools of Kafka that mend what a plan does not.
const (
	configsTool  = "kafka-configs.sh"
	featuresTool = "kafka-features.sh"
	electionTool = "kafka-leader-election.sh"
	reassignTool = "kafka-reassign-partitions.sh"
)

// minTransactions is the level of transaction.version from which each transaction has an epoch of
// its own: below it, a late message of one transaction may end up in the next.
const minTransactions = 2

// transactionFault reports transactions that do not hold what they promise.
func (f *found) transactionFault() *Fault {
	if f.transactions >= minTransactions {
		return nil
	}
	return &Fault{decide: true,
		What: fmt.Sprintf("transaction.version is %d and must be at least %d: below it, what was "+
			"sent late for one group may become part of the next", f.transactions, minTransactions),
		Mend: featuresTool + " --bootstrap-server BROKERS upgrade --feature transaction.version=2",
	}
}

// topicFaults holds every topic that is there against what it must be, and names those that are
// missing and were never served.
func (f *found) topicFaults(
	ctx context.Context, cl *kgo.Client, s Spec, before past,
) (faults []Fault, err error) {
	shards, brokers := f.shards(s), seeds(cl)
	plan := topicsCommand("plan", s, brokers) + "\n      shows what else there is to decide"
	if s.Shards != 0 && s.Shards != shards {
		faults = append(faults, Fault{Topic: s.Prefix + ShardsTopic, decide: true,
			What: shardsReason(shards, s.Shards), Mend: plan})
	}
	var missing []string
	for _, t := range s.topics() {
		name := s.Prefix + t.Name
		have, ok := f.topics[t.Name]
		if !ok {
			if before.allows(t.Name) {
				missing = append(missing, name)
			}
			continue
		}
		if n := len(have.leaders); n != shards && !before.headless {
			faults = append(faults, Fault{Topic: name, decide: true,
				What: partitionsReason(n, shards), Mend: plan})
		}
		its, err := have.settingFaults(ctx, cl, t, name)
		if err != nil {
			return nil, err
		}
		faults = append(faults, its...)
	}
	if len(missing) > 0 {
		faults = append(faults, Fault{What: "topics are missing, or may not be seen: " +
			some(missing)})
	}
	return faults, nil
}

// settingFaults holds the settings of a topic against what they must be.
func (t foundTopic) settingFaults(
	ctx context.Context, cl *kgo.Client, of compaction.Topic, name string,
) (faults []Fault, err error) {
	for _, want := range settings(of, t.replication()) {
		is, known := t.configs[want.Name]
		if !known || want.holds(is.value) {
			continue
		}
		fault := Fault{Topic: name, What: want.fault(is.value),
			Mend: fmt.Sprintf("%s --bootstrap-server %s --alter --entity-type topics --entity-name %s "+
				"--add-config %s", configsTool, seeds(cl), name, want)}
		why, err := want.undecided(ctx, cl, name, is.value)
		if err != nil {
			return nil, err
		}
		if why != "" {
			fault.What, fault.decide = why, true
		}
		faults = append(faults, fault)
	}
	return faults, nil
}

// fault says that a setting is not what it must be, and why that matters.
func (s Setting) fault(have string) string {
	must := "must be "
	if s.Rule == AtLeast {
		must = "must be at least "
	}
	return fmt.Sprintf("%s is %s and %s%s: %s", s.Name, have, must, s.Value, s.Why)
}

// notes returns what is not as planned and no reason to refuse: topics with fewer copies than new
// ones get, and partitions whose leaders have moved.
func (f *found) notes(s Spec) (notes []string) {
	var few, elsewhere []string
	moved, want := 0, s.replication(len(f.brokers))
	home, hasHome := f.topics[ShardsTopic]
	for _, t := range s.topics() {
		have, ok := f.topics[t.Name]
		if !ok {
			continue
		}
		if have.replication() < want {
			few = append(few, s.Prefix+t.Name)
		}
		if !hasHome || len(have.leaders) != len(home.leaders) {
			continue
		}
		away := 0
		for i, replicas := range have.replicas {
			if len(replicas) > 0 && len(home.replicas[i]) > 0 && replicas[0] != home.replicas[i][0] {
				away++
			} else if have.leaders[i] != home.leaders[i] {
				moved++
			}
		}
		if away > 0 {
			elsewhere = append(elsewhere, s.Prefix+t.Name)
		}
	}
	if len(few) > 0 {
		notes = append(notes, fmt.Sprintf("fewer than %d copies are kept of %s: add some with %s",
			want, some(few), reassignTool))
	}
	if moved > 0 {
		notes = append(notes, fmt.Sprintf("the leaders of %d partitions have moved away from those of "+
			"their shard: groups take longer until they are back (%s --election-type PREFERRED "+
			"--all-topic-partitions)", moved, electionTool))
	}
	if len(elsewhere) > 0 {
		notes = append(notes, fmt.Sprintf("other brokers lead %s than %s: groups that span leaders take "+
			"longer (%s puts them together)", some(elsewhere), s.Prefix+ShardsTopic, reassignTool))
	}
	return notes
}
