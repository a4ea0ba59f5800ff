package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/quittance/quittance/compaction/compactiontest"
)

// faults checks a cluster and returns what is wrong with it.
func (a *Admin) faults(t *testing.T, s Spec) *FaultsError {
	t.Helper()
	_, err := a.Check(aMinute(t), s)
	var faults *FaultsError
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want faults", err)
	}
	return faults
}

// A wrongSetting is one with which a log loses what it acknowledged, and the value that mends it.
type wrongSetting struct{ topic, name, value, mended string }

// wrongSettings are those that the model of a cluster knows.
var wrongSettings = []wrongSetting{
	{"quittance.quotes.v1", "cleanup.policy", "delete", "compact"},
	{"quittance.quotes.v1", "cleanup.policy", "compact,delete", "compact"},
	{"quittance.journal.v1", "cleanup.policy", "compact", "delete"},
	{"quittance.journal.v1", "retention.ms", "604800000", "-1"},
	{"quittance.settled.v1", "delete.retention.ms", "604800000", "2592000000"},
	{"quittance.events.v1", "retention.ms", "-1", "2592000000"},
	{"quittance.events.v1", "retention.bytes", "1000000", "-1"},
	{"quittance.quotes.v1", "max.message.bytes", "1048588", "8388608"},
	{"quittance.shards.v1", "retention.ms", "1", "-1"},
}

// TestCheck: a log that opens on a topic with a wrong setting loses what it acknowledged, later and
// in silence. It must not open, and must say which setting to give which topic.
func TestCheck(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Prefix: "acme.", Shards: 2}
	a.apply(t, s)
	for _, c := range wrongSettings {
		right := a.setting(t, s, c.topic, c.name)
		a.set(t, s.Prefix+c.topic, c.name, c.value)
		a.refuses(t, s, c.topic, c.name, c.value, c.mended)
		a.set(t, s.Prefix+c.topic, c.name, right)
	}
	if _, err := a.Check(aMinute(t), s); err != nil {
		t.Error(err)
	}
}

// setting returns what a topic's setting is.
func (a *Admin) setting(t *testing.T, s Spec, topic, name string) string {
	t.Helper()
	f, err := find(aMinute(t), a.cl, s)
	if err != nil {
		t.Fatal(err)
	}
	return f.topics[topic].configs[name].value
}

// refuses wants exactly one fault, and the command that mends it.
func (a *Admin) refuses(t *testing.T, s Spec, topic, name, value, mended string) {
	t.Helper()
	faults := a.faults(t, s)
	text := faults.Error()
	if len(faults.Faults) != 1 {
		t.Errorf("%s of %s: %d faults:\n%s", name, topic, len(faults.Faults), text)
	}
	for _, want := range []string{
		s.Prefix + topic + ": " + name + " is " + value + " and must be ",
		"kafka-configs.sh --bootstrap-server " + strings.Join(a.c.Brokers, ",") +
			" --alter --entity-type topics --entity-name " + s.Prefix + topic +
			" --add-config " + name + "=" + mended,
		"quittance topics apply --log kafka --brokers " + strings.Join(a.c.Brokers, ",") +
			" --topic-prefix " + s.Prefix,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s of %s: no %q in:\n%s", name, topic, want, text)
		}
	}
}

// TestCheckMissing: a topic that is not there is not made by a start, unless that was asked for.
func TestCheckMissing(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Shards: 2}
	text := a.faults(t, s).Error()
	for _, want := range []string{"missing", "quittance.quotes.v1", "quittance.shards.v1",
		"quittance topics apply"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// TestCheckPartitions: with another number of partitions a tenant's records are looked for where
// they are not.
func TestCheckPartitions(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Prefix: "acme.", Shards: 2}
	a.apply(t, s)
	other := s
	other.Shards = 3
	const asked = "has 2 shards, and 3 were asked for"
	if text := a.faults(t, other).Error(); !strings.Contains(text, asked) {
		t.Errorf("another number of shards:\n%s", text)
	}
	_, err := kadm.NewClient(a.cl).UpdatePartitions(aMinute(t), 5, "acme.quittance.journal.v1")
	if err != nil {
		t.Fatal(err)
	}
	text := a.faults(t, s).Error()
	plan := "topics plan --log kafka --brokers " + a.c.Brokers[0] + " --topic-prefix acme."
	const says = "acme.quittance.journal.v1: it has 5 partitions and the log has 2 shards"
	if !strings.Contains(text, says) || !strings.Contains(text, plan) {
		t.Errorf("got:\n%s", text)
	}
	if strings.Contains(text, "topics apply") {
		t.Errorf("it is said to be mended by what refuses it:\n%s", text)
	}
	a.set(t, "acme.quittance.journal.v1", "retention.ms", "1")
	text = a.faults(t, s).Error()
	if !strings.Contains(text, "does nothing before the rest is decided") {
		t.Errorf("beside what is mended so:\n%s", text)
	}
}

// TestCheckTransactions: below this level a record that was sent late can end up in a later group.
func TestCheckTransactions(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Shards: 2}
	a.apply(t, s)
	a.downgradeTransactions(t)
	text := a.faults(t, s).Error()
	for _, want := range []string{"transaction.version is 1", "kafka-features.sh --bootstrap-server " +
		a.c.Brokers[0] + " upgrade --feature transaction.version=2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if p := a.plan(t, s); len(p.Changes) != 1 || p.Changes[0].Kind != Cannot {
		t.Errorf("a plan leaves it out:\n%s", p)
	}
}

// downgradeTransactions makes the cluster run transactions as before Kafka 4.
func (a *Admin) downgradeTransactions(t *testing.T) {
	t.Helper()
	all, err := kadm.NewClient(a.cl).UpdateFeatures(aMinute(t), false, kadm.FeatureUpdate{
		Feature: "transaction.version", MaxVersionLevel: 1, UpgradeType: 2})
	if err == nil {
		err = all.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCheckSame: a cluster that stands where another was, or a topic that was deleted and made
// anew, has the right settings and none of the data.
func TestCheckSame(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Shards: 2}
	a.apply(t, s)
	before, err := a.Check(aMinute(t), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := before.same(before.Cluster, before.Topics); err != nil {
		t.Errorf("the same cluster: %v", err)
	}
	if _, err := kadm.NewClient(a.cl).DeleteTopics(aMinute(t), "quittance.quotes.v1"); err != nil {
		t.Fatal(err)
	}
	a.apply(t, s)
	after, err := a.Check(aMinute(t), s)
	if err != nil {
		t.Fatal(err)
	}
	err = after.same("another", before.Topics)
	var faults *FaultsError
	if !errors.As(err, &faults) || len(faults.Faults) != 2 || faults.Faults[0].Topic != "" ||
		faults.Faults[1].Topic != "quittance.quotes.v1" {
		t.Errorf("got %v", err)
	}
}

// TestOpenRefuses: opening a log is what looks. With a wrong setting, too few or other topics there
// is no log, and the error says what to do. Create makes what is missing and mends nothing else:
// who set it otherwise has to hear of it.
func TestOpenRefuses(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	o := suiteOptions(a.c.Brokers, "acme.")
	journal := o.Prefix + compactiontest.JournalTopic
	o.Create = false
	refused := func(why, want string) {
		t.Helper()
		_, err := Open(aMinute(t), o)
		var faults *FaultsError
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want one that says %q", why, err, want)
		}
	}
	refused("no topics", "missing")
	o.Create = true
	if err := opened(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	o.Create = false
	a.set(t, journal, "retention.ms", "1000")
	refused("a wrong setting", "--entity-name "+journal+" --add-config retention.ms=-1")
	o.Shards = 7
	refused("another number of shards", "and 7 were asked for")
	o.Shards, o.Create = 0, true
	refused("a wrong setting, with Create", "--entity-name "+journal+" --add-config retention.ms=-1")
	if _, err := kadm.NewClient(a.cl).DeleteTopic(aMinute(t), journal); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, o).Close(); err != nil {
		t.Errorf("a missing topic, with Create: %v", err)
	}
	_, err := kadm.NewClient(a.cl).UpdatePartitions(aMinute(t), 5, journal)
	if err != nil {
		t.Fatal(err)
	}
	refused("another number of partitions, with Create", journal+": it has 5 partitions")
}
