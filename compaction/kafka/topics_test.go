package kafka

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestPlace: partition i of every topic is led by one broker, each broker leads as many, and what
// one that fails has led is shared by the others.
func TestPlace(t *testing.T) {
	f := &found{brokers: []int32{1, 2, 3, 4}}
	all := f.place(12, 3)
	led, next := map[int32]int{}, map[[2]int32]int{}
	for i, ids := range all {
		slices.Sort(slices.Clone(ids))
		if len(ids) != 3 || ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
			t.Errorf("partition %d is kept by %v", i, ids)
		}
		led[ids[0]]++
		next[[2]int32{ids[0], ids[1]}]++
	}
	for _, b := range f.brokers {
		if led[b] != 3 {
			t.Errorf("broker %d leads %d of 12", b, led[b])
		}
	}
	if len(next) != 12 {
		t.Errorf("when a leader fails: %v", next)
	}
	f.topics = map[string]foundTopic{ShardsTopic: {replicas: all[:2]}}
	if got := f.place(2, 1); len(got) != 2 || !slices.Equal(got[1], all[1]) {
		t.Errorf("a topic that comes later: got %v", got)
	}
}

// TestSpread: copies of a partition are in different racks where there are some.
func TestSpread(t *testing.T) {
	broker := func(id int32, rack string) kmsg.MetadataResponseBroker {
		return kmsg.MetadataResponseBroker{NodeID: id, Rack: &rack}
	}
	got := spread([]kmsg.MetadataResponseBroker{
		broker(1, "a"), broker(2, "a"), broker(3, "b"), broker(4, "b"), broker(5, "c")})
	if want := []int32{1, 3, 5, 2, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBrokers: what a plan made on three real brokers is as it must be, to the last setting; every
// setting that somebody gets wrong later keeps a log from being opened; and leaders that moved only
// make it slower.
func TestBrokers(t *testing.T) {
	// A broker that is missed while the machine is busy leads nothing any more, which is warned of.
	cluster := kafkatest.Start(t, kafkatest.Options{Brokers: 3, Steady: true})
	a := admin(t, Connection{Brokers: cluster.Addrs()})
	s := Spec{Topics: someTopics(), Prefix: "acme.", Shards: 6}
	if warnings := a.apply(t, s); len(warnings) > 0 {
		t.Errorf("making the topics: %v", warnings)
	}
	if p := a.plan(t, s); !p.Empty() || len(p.Notes) > 0 {
		t.Errorf("after it was applied:\n%s", p)
	}
	a.together(t, s)
	for _, c := range append(slices.Clone(wrongSettings), insecureSettings...) {
		a.change(t, s.Prefix+c.topic, c.name, c.value)
		a.refuses(t, s, c.topic, c.name, c.value, c.mended)
		a.apply(t, s)
	}
	a.moved(t, s)
	a.hears(t, s, func(r Report, err error) bool { return err == nil && len(r.Warnings) == 2 })
	a.downgradeTransactions(t)
	a.hears(t, s, func(_ Report, err error) bool {
		return err != nil && strings.Contains(err.Error(), "transaction.version is 1")
	})
}

// hears checks until a broker that is asked has heard of a change, which those of Kafka 4.0 do up
// to half a second after one another.
func (a *Admin) hears(t *testing.T, s Spec, heard func(Report, error) bool) {
	t.Helper()
	ctx := aMinute(t)
	for {
		r, err := a.Check(ctx, s)
		if heard(r, err) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("a check says %v, %v", r.Warnings, err)
		}
	}
}

// insecureSettings are those that only real brokers know.
var insecureSettings = []wrongSetting{
	{"quittance.quotes.v1", "min.insync.replicas", "1", "2"},
	{"quittance.journal.v1", "unclean.leader.election.enable", "true", "false"},
}

// change gives a topic a setting and returns when all brokers know it.
func (a *Admin) change(t *testing.T, topic, name, value string) {
	t.Helper()
	p := Plan{Changes: []Change{
		{Kind: SetConfig, Topic: topic, Settings: []Setting{{Name: name, Value: value}}}}}
	if _, err := a.Apply(aMinute(t), p); err != nil {
		t.Fatal(err)
	}
}

// together wants each partition of all topics to be led by one broker, and all brokers to lead as
// many.
func (a *Admin) together(t *testing.T, s Spec) {
	t.Helper()
	f, err := find(aMinute(t), a.cl, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.topics) != 5 {
		t.Errorf("%d topics", len(f.topics))
	}
	led := map[int32]int{}
	for name, topic := range f.topics {
		for i, leader := range topic.leaders {
			if leader != f.topics[ShardsTopic].leaders[i] || topic.replication() != 3 {
				t.Errorf("partition %d of %s: led by %d, kept by %v", i, name, leader, topic.replicas[i])
			}
			led[leader]++
		}
	}
	for b, n := range led {
		if n != 10 {
			t.Errorf("broker %d leads %d of 30 partitions", b, n)
		}
	}
}

// moved makes another broker lead partition 0 of one topic, and that broker the preferred one of
// partition 1 of another.
func (a *Admin) moved(t *testing.T, s Spec) {
	t.Helper()
	adm, ctx := kadm.NewClient(a.cl), aMinute(t)
	quotes, journal := s.Prefix+"quittance.quotes.v1", s.Prefix+"quittance.journal.v1"
	home := a.replicas(t, s)
	prefer := func(topic string, partition int32, replicas ...int32) {
		var req kadm.AlterPartitionAssignmentsReq
		req.Assign(topic, partition, replicas)
		all, err := adm.AlterPartitionAssignments(ctx, req)
		if err == nil {
			err = all.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	first, second := home[0], home[1]
	prefer(quotes, 0, first[1], first[0], first[2])
	set := kadm.TopicsSet{}
	set.Add(quotes, 0)
	if _, err := adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, set); err != nil {
		t.Fatal(err)
	}
	prefer(quotes, 0, first...)
	prefer(journal, 1, second[1], second[0], second[2])
}

// replicas returns which brokers keep each shard.
func (a *Admin) replicas(t *testing.T, s Spec) [][]int32 {
	t.Helper()
	f, err := find(aMinute(t), a.cl, s)
	if err != nil {
		t.Fatal(err)
	}
	return f.topics[ShardsTopic].replicas
}
