package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
)

// ShardsTopic keeps who owns which shard, and with what it was claimed. Every log has it, whatever
// else it keeps; its partitions are the log's shards.
const ShardsTopic = "quittance.shards.v1"

// DefaultShards is how many shards a log is made with where nobody says.
const DefaultShards = 16

// MaxMessageBytes is how large a batch of records the topics take: the writers send none larger.
const MaxMessageBytes = 8 << 20

// A Spec is what a cluster must have to keep a log: its topics, each with its settings, one
// partition a shard.
type Spec struct {
	// Topics are what the program keeps. ShardsTopic need not be among them.
	Topics []compaction.Topic
	// Prefix is put before the name of every topic, transactional id and group.
	Prefix string
	// Shards is how many shards the log has. 0 is as many as it has on the cluster, and
	// DefaultShards where it is not there yet.
	Shards int
	// Replication is how many copies new topics have. 0 is 3 where there are three brokers, else 1.
	Replication int
}

// topics returns every topic of the log, sorted by name.
func (s Spec) topics() []compaction.Topic {
	all := slices.Clone(s.Topics)
	isShards := func(t compaction.Topic) bool { return t.Name == ShardsTopic }
	if !slices.ContainsFunc(all, isShards) {
		all = append(all, compaction.Topic{
			Name: ShardsTopic, Key: "{shard}", Class: compaction.Open,
			DeleteRetention: compaction.DefaultDeleteRetention,
			Purpose:         "Who owns each shard, and with what it was claimed.",
		})
	}
	slices.SortFunc(all, func(a, b compaction.Topic) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// check reports what is impossible.
func (s Spec) check() error {
	switch {
	case s.Shards < 0:
		return fmt.Errorf("kafka: %d shards", s.Shards)
	case s.Replication < 0:
		return fmt.Errorf("kafka: %d copies of a topic", s.Replication)
	case strings.ContainsFunc(s.Prefix, notInNames):
		return fmt.Errorf("kafka: %q cannot stand before the names of topics: "+
			"they are of letters, digits, '.', '_' and '-'", s.Prefix)
	}
	return nil
}

// notInNames reports whether r may not stand in the name of a topic.
func notInNames(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letter && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}

// replication returns how many copies a topic is to have on a cluster of so many brokers.
func (s Spec) replication(brokers int) int {
	switch {
	case s.Replication != 0:
		return s.Replication
	case brokers >= 3:
		return 3
	}
	return 1
}

// A Rule says how a setting is held.
type Rule uint8

const (
	// Exactly this value: with another one a log does not open.
	Exactly Rule = iota + 1
	// AtLeast this value, a number: with a lower one a log does not open.
	AtLeast
	// Suggested values are given to a topic that has none of its own. An operator's stays.
	Suggested
)

// A Setting is one thing that a topic's configuration must say, and why.
type Setting struct {
	Name, Value string
	Rule        Rule
	Why         string
}

// String writes the setting as Kafka's own tools take it.
func (s Setting) String() string { return s.Name + "=" + s.Value }

// holds reports whether a topic with this value is as it must be.
func (s Setting) holds(value string) bool {
	switch s.Rule {
	case Exactly:
		return value == s.Value
	case AtLeast:
		have, err := strconv.ParseInt(value, 10, 64)
		want, _ := strconv.ParseInt(s.Value, 10, 64) // written by this package
		return err == nil && have >= want
	}
	return true
}

// settings returns what a topic's configuration must say when it has so many copies.
func settings(t compaction.Topic, replication int) []Setting {
	all := compacted(t)
	if t.Class == compaction.AppendOnly {
		all = appendOnly(t)
	}
	insync := "2"
	if replication < 2 {
		insync = "1"
	}
	return append(all,
		Setting{"min.insync.replicas", insync, AtLeast,
			"what is acknowledged is on two disks before it is, where there are two"},
		Setting{"unclean.leader.election.enable", "false", Exactly,
			"a copy that is behind must not lead: it would take back what was acknowledged"},
		Setting{"max.message.bytes", strconv.Itoa(MaxMessageBytes), AtLeast,
			"a group goes as few batches, and the writer makes them up to this size"},
		Setting{"message.timestamp.type", "CreateTime", Suggested,
			"the brokers need not write every batch anew to stamp it"},
	)
}

// compacted returns the settings of a topic of which the last record of each key is kept.
func compacted(t compaction.Topic) []Setting {
	tombstones := t.DeleteRetention
	if tombstones == 0 {
		tombstones = compaction.DefaultDeleteRetention
	}
	return []Setting{
		{"cleanup.policy", "compact", Exactly,
			"a record is a whole state: the last one of its key is kept, whatever its age"},
		{"retention.ms", "-1", Exactly,
			"what is open does not end by age (compatible brokers apply this to compacted topics too)"},
		{"retention.bytes", "-1", Exactly, "nor by size"},
		{"delete.retention.ms", milliseconds(tombstones), AtLeast,
			"a store that was away for less than half of this still meets every tombstone"},
		{"min.compaction.lag.ms", "0", Suggested,
			"followers read whole states: none has to be kept for them to have seen it"},
		{"max.compaction.lag.ms", milliseconds(7 * 24 * time.Hour), Suggested,
			"what was superseded or ended, personal data too, is gone from quiet topics as well"},
		{"segment.ms", milliseconds(6 * time.Hour), Suggested,
			"the segment that is written to is never compacted: in small topics it would be all"},
		{"segment.bytes", strconv.Itoa(64 << 20), Suggested,
			"the same for busy ones, so that a shard that moves has little to replay"},
	}
}

// appendOnly returns the settings of a topic of which every record is kept, or for a time.
func appendOnly(t compaction.Topic) []Setting {
	age, why := "-1", "every record is kept for ever"
	if t.Retention != 0 {
		age, why = milliseconds(t.Retention), "records are kept for this long, and no longer"
	}
	return []Setting{
		{"cleanup.policy", "delete", Exactly, "every record counts, not only the last one of its key"},
		{"retention.ms", age, Exactly, why},
		{"retention.bytes", "-1", Exactly, "however large the topic becomes"},
	}
}

// milliseconds writes a duration as Kafka's settings want it.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
