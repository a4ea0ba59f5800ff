package kafka

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestTopicReplaced: a topic that was deleted and made anew under an owner was written to again,
// and every later start refused what had been acknowledged. Whichever producer of the ring meets
// it first, whether it has met the one before or not, nothing more is acknowledged, and no claim
// succeeds.
func TestTopicReplaced(t *testing.T) { topicReplaced(t, models) }

// TestTopicReplacedBroker is the same on a real broker.
func TestTopicReplacedBroker(t *testing.T) {
	shared := kafkatest.Shared(t)
	topicReplaced(t, func(tb testing.TB) ([]string, string) {
		return shared.Addrs(), kafkatest.Prefix(tb)
	})
}

func topicReplaced(t *testing.T, fresh fresh) {
	for groups := range uint64(ringSize + 1) {
		brokers, prefix := fresh(t)
		l := opened(t, suiteOptions(brokers, prefix))
		w := claim(t, l, 0)
		for n := range groups {
			add(t, w, three(n+1))
		}
		replace(t, l, background)
		// What nobody could know is acknowledged: a group that leaves the topic alone.
		add(t, w, compaction.Group{Number: groups + 1, Records: []compaction.Record{
			rec(open, "b", "1")}})
		for range ringSize {
			if _, err := w.Append(t.Context(), three(groups+2)); err == nil {
				t.Fatalf("after %d groups: one was acknowledged in a topic that was made anew", groups)
			} else if errors.Is(err, compaction.ErrNotCommitted) {
				t.Errorf("after %d groups: the owner stays, and nobody looks why: %v", groups, err)
			}
		}
		anew(t, l, background)
		for range 2 {
			var replaced *replacedError
			_, err := l.Claim(t.Context(), 0)
			if !errors.Is(err, compaction.ErrReplaced) || !errors.As(err, &replaced) ||
				replaced.topic != prefix+background {
				t.Errorf("claimed: %v", err)
			}
		}
		if _, err := Open(t.Context(), l.options); !errors.Is(err, compaction.ErrReplaced) {
			t.Errorf("opened: %v", err)
		}
	}
}

// replace deletes a topic of a log and makes it anew.
func replace(tb testing.TB, l *Log, topic string) {
	tb.Helper()
	deleted(tb, l, topic)
	made(tb, l, topic)
}

// deleted deletes a topic of a log.
func deleted(tb testing.TB, l *Log, topic string) {
	tb.Helper()
	_, err := admins(tb, l.options.Brokers).DeleteTopic(tb.Context(), l.options.Prefix+topic)
	if err != nil {
		tb.Fatal(err)
	}
}

// made makes a topic of a log that was deleted.
func made(tb testing.TB, l *Log, topic string) {
	tb.Helper()
	c := Change{Kind: CreateTopic, Topic: l.options.Prefix + topic, Partitions: l.identity.Shards,
		Replication: 1, Settings: settings(l.topics[topic], 1)}
	// Brokers delete in their own time.
	err := createOnce(tb.Context(), l.admin, c, nil, c.Settings)
	for errors.Is(err, kerr.TopicAlreadyExists) {
		err = createOnce(tb.Context(), l.admin, c, nil, c.Settings)
	}
	if err == nil {
		err = await(tb.Context(), l.admin, []Change{c})
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// anew wants a topic that was made anew to have nothing committed.
func anew(tb testing.TB, l *Log, topic string) {
	tb.Helper()
	other := &Log{options: l.options, admin: l.admin, report: Report{Topics: map[string]TopicID{}}}
	f, err := find(tb.Context(), l.admin, l.options.spec())
	if err != nil {
		tb.Fatal(err)
	}
	for name, have := range f.topics {
		other.report.Topics[name] = have.id
	}
	ends, err := l.offsets(tb.Context(), 0, []string{topic}, lastStable)
	if err != nil {
		tb.Fatal(err)
	}
	read := &fetcher{log: other, cl: l.admin}
	err = read.sweep(tb.Context(), []want{{topic: topic}}, ends, func(p piece) error {
		for _, r := range p.records {
			tb.Errorf("%s has a record at %d: %s", topic, r.Offset, r.Key)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// TestTopicReplacedUnseen: the broker that a claim asks for the ids of topics may not have heard of
// the new one yet. The leader has, and its word counts.
func TestTopicReplacedUnseen(t *testing.T) {
	brokers, prefix := models(t)
	l := opened(t, suiteOptions(brokers, prefix))
	w := claim(t, l, 1)
	f := &fetcher{log: l, cl: l.admin, shard: 1}
	var err error
	if f.led, err = f.leaders(t.Context(), l.names); err != nil {
		t.Fatal(err)
	}
	if err := f.confirm(t.Context(), w.start); err != nil {
		t.Errorf("nothing was made anew: %v", err)
	}
	replace(t, l, background)
	if err := f.confirm(t.Context(), w.start); !errors.Is(err, compaction.ErrReplaced) {
		t.Errorf("got %v", err)
	}
}

// TestTopicReplacedWhileLeadersMove: a broker that no longer leads a topic has said nothing of it.
// Its refusal was taken for a word that nothing was made anew, and the claim succeeded.
func TestTopicReplacedWhileLeadersMove(t *testing.T) {
	c := model(t)
	l := opened(t, suiteOptions(c.ListenAddrs(), ""))
	w := claim(t, l, 1)
	for _, replaced := range []bool{false, true} {
		f := &fetcher{log: l, cl: l.admin, shard: 1}
		var err error
		if f.led, err = f.leaders(t.Context(), l.names); err != nil {
			t.Fatal(err)
		}
		if replaced {
			replace(t, l, background)
		}
		moved := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition,
			Count: 1})
		err = f.confirm(t.Context(), w.start)
		if errors.Is(err, compaction.ErrReplaced) != replaced || !replaced && err != nil {
			t.Errorf("replaced: %t: %v", replaced, err)
		}
		if moved.Hits() == 0 {
			t.Error("no leader was asked")
		}
	}
}

// TestClaimMeetsALateBroker: a broker that was just started may not know of any topic for a moment.
// A claim that met it told that topics were missing, named none, and asked for a restore.
func TestClaimMeetsALateBroker(t *testing.T) {
	l := opened(t, suiteOptions(models(t)))
	late := fmt.Errorf("the barrier: %w", kerr.UnknownTopicOrPartition)
	if err := l.absent(t.Context(), 0, late); err != late {
		t.Errorf("every topic is there, and a claim is told %v", err)
	}
}

// TestAppendSetBack: a topic that goes on before its end is not the one that it was, or has lost
// records.
func TestAppendSetBack(t *testing.T) {
	l := &Log{options: Options{Prefix: "acme."}}
	w := &writer{log: l, ends: compaction.Positions{{Topic: journal, Next: 7}, {Topic: open, Next: 5}}}
	at := func(topic string, offset int64) *kgo.Record {
		return &kgo.Record{Topic: "acme." + topic, Offset: offset}
	}
	if err := w.follow([]*kgo.Record{at(open, 5), at(open, 6), at(journal, 9)}); err != nil {
		t.Error(err)
	}
	if err := w.follow([]*kgo.Record{at(open, 5), at(journal, 6)}); !parted(err) {
		t.Errorf("a record before the end of its topic: %v", err)
	}
	w.ends = nil
	if err := w.follow([]*kgo.Record{at(open, 0)}); err != nil {
		t.Errorf("a topic that nothing is known of: %v", err)
	}
}
