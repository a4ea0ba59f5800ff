package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// aMinute bounds a test's calls.
func aMinute(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// fake starts a model of a cluster and returns a way to it.
func fake(t *testing.T, o ...kfake.Opt) (*Admin, *kfake.Cluster) {
	t.Helper()
	c, err := kfake.NewCluster(o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return admin(t, Connection{Brokers: c.ListenAddrs()}), c
}

// admin reaches a cluster.
func admin(t *testing.T, c Connection) *Admin {
	t.Helper()
	a, err := OpenAdmin(aMinute(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// plan plans, and fails the test when it cannot.
func (a *Admin) plan(t *testing.T, s Spec, grants ...Grant) Plan {
	t.Helper()
	p, err := a.Plan(aMinute(t), s, grants...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apply applies what is to be done for a spec.
func (a *Admin) apply(t *testing.T, s Spec, grants ...Grant) []string {
	t.Helper()
	warnings, err := a.Apply(aMinute(t), a.plan(t, s, grants...))
	if err != nil {
		t.Fatal(err)
	}
	return warnings
}

// set gives a topic a setting, right or wrong.
func (a *Admin) set(t *testing.T, topic, name, value string) {
	t.Helper()
	if err := set(aMinute(t), a.cl, topic, Setting{Name: name, Value: value}); err != nil {
		t.Fatal(err)
	}
}

// TestPlan: what a plan says is what an operator agrees to; nothing may be done that it did not
// say, and what was done must not be planned again.
func TestPlan(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(3))
	s := Spec{Topics: someTopics(), Prefix: "acme.", Shards: 4}
	first := a.plan(t, s)
	if len(first.Changes) != 5 || first.Empty() {
		t.Fatalf("a plan for an empty cluster:\n%s", first)
	}
	for _, c := range first.Changes {
		if c.Kind != CreateTopic || c.Partitions != 4 || c.Replication != 3 || len(c.Replicas) != 4 {
			t.Errorf("got %+v", c)
		}
	}
	text := first.String()
	for _, want := range []string{"+ topic acme.quittance.quotes.v1", "cleanup.policy=compact ",
		"# every record is kept for ever", "4 partitions, 3 copies", "5 topics to make"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%s", want, text)
		}
	}
	for range 2 { // doing it again does nothing more
		if _, err := a.Apply(aMinute(t), first); err != nil {
			t.Fatal(err)
		}
	}
	if again := a.plan(t, s); !again.Empty() || !strings.Contains(again.String(), "nothing to do") {
		t.Errorf("after it was applied:\n%s", again)
	}
	s.Shards = 0
	r, err := a.Check(aMinute(t), s)
	if err != nil || r.Shards != 4 || len(r.Topics) != 5 || r.Topics[ShardsTopic] == (TopicID{}) {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestPlanSettings: a setting that must be so is planned where it is not; one that is only
// suggested is left to an operator who chose otherwise.
func TestPlanSettings(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Shards: 2}
	a.apply(t, s)
	a.set(t, "quittance.journal.v1", "retention.ms", "1000")
	a.set(t, "quittance.quotes.v1", "delete.retention.ms", "604799999")
	a.set(t, "quittance.settled.v1", "delete.retention.ms", "99999999999")
	a.set(t, "quittance.quotes.v1", "segment.ms", "3600000")
	p := a.plan(t, s)
	if len(p.Changes) != 2 || p.Changes[0].Have != "1000" || p.Changes[1].Have != "604799999" {
		t.Errorf("got:\n%s", p)
	}
	if !strings.Contains(p.String(), "retention.ms=1000 -> -1") {
		t.Errorf("the plan does not say what changes:\n%s", p)
	}
	if _, err := a.Apply(aMinute(t), p); err != nil {
		t.Fatal(err)
	}
	if p = a.plan(t, s); !p.Empty() {
		t.Errorf("after it was applied:\n%s", p)
	}
}

// TestPlanSuggested: a topic that somebody made without the settings that keep it small gets them.
func TestPlanSuggested(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Shards: 1}
	_, err := kadm.NewClient(a.cl).CreateTopic(aMinute(t), 1, 1, map[string]*string{
		"cleanup.policy": new("compact"), "retention.ms": new("-1"),
		"delete.retention.ms": new("604800000"), "max.message.bytes": new("8388608"),
	}, "quittance.quotes.v1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range a.plan(t, s).Changes {
		if c.Kind == SetConfig {
			got = append(got, c.Settings[0].Name)
		}
	}
	if want := "segment.ms segment.bytes"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestPlanUndecided: where records may be gone already, or are where they are not looked for, a
// plan must not paper over it, and must do nothing else meanwhile.
func TestPlanUndecided(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Shards: 2}
	adm := kadm.NewClient(a.cl)
	_, err := adm.CreateTopic(aMinute(t), 3, 1, nil, "quittance.quotes.v1")
	if err != nil {
		t.Fatal(err)
	}
	policy := func() (kinds []Kind) {
		for _, c := range a.plan(t, s).Changes {
			policy := c.Kind == SetConfig && c.Settings[0].Name == "cleanup.policy"
			if c.Topic == "quittance.quotes.v1" && (c.Kind == Cannot || policy) {
				kinds = append(kinds, c.Kind)
			}
		}
		return kinds
	}
	if got := policy(); len(got) != 2 || got[0] != Cannot || got[1] != SetConfig {
		t.Errorf("an empty topic: got %v, want its partitions to decide and its policy to change", got)
	}
	record := &kgo.Record{Topic: "quittance.quotes.v1", Key: []byte("t/q"), Value: []byte("quote")}
	if err := a.cl.ProduceSync(aMinute(t), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	// Without the topic of the shards nobody knows how many partitions are right.
	if got := policy(); len(got) != 1 || got[0] != Cannot {
		t.Errorf("a topic with records: got %v, want its policy to decide", got)
	}
	if _, err := a.Apply(aMinute(t), a.plan(t, s)); !errors.Is(err, ErrUndecided) {
		t.Errorf("got %v", err)
	}
	if all, err := adm.ListTopics(aMinute(t)); err != nil || len(all) != 1 {
		t.Errorf("there are %d topics (%v): something was done", len(all), err)
	}
}

// TestPlanHeadless: where the topic of the shards alone is missing, every other one was said to
// have the wrong number of partitions, against a number that nothing but a default had said, and
// the advice was to delete it. The others are the log.
func TestPlanHeadless(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Prefix: "acme.", Shards: 2}
	a.apply(t, s)
	s.Shards = 0
	adm := kadm.NewClient(a.cl)
	if _, err := adm.DeleteTopic(aMinute(t), s.Prefix+ShardsTopic); err != nil {
		t.Fatal(err)
	}
	// A plan that was stopped half-way leaves this: nothing is lost, and it goes on.
	if p := a.plan(t, s); p.Shards != 2 || !p.Possible() || len(p.Changes) != 1 {
		t.Errorf("with empty topics:\n%s", p)
	}
	record := &kgo.Record{Topic: "acme.quittance.quotes.v1", Value: []byte("quote")}
	if err := a.cl.ProduceSync(aMinute(t), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p := a.plan(t, s)
	for from, text := range map[string]string{"plan": p.String(), "check": a.faults(t, s).Error()} {
		if !strings.Contains(text, "acme.quittance.shards.v1: it is missing, and other topics") ||
			!strings.Contains(text, "nor delete the others: restore the cluster") ||
			strings.Contains(text, "partitions and the log") || strings.Contains(text, "topics apply") {
			t.Errorf("the %s says:\n%s", from, text)
		}
	}
	if _, err := a.Apply(aMinute(t), p); len(p.Changes) != 1 || !errors.Is(err, ErrUndecided) {
		t.Errorf("%v, of:\n%s", err, p)
	}
}

// TestPlanServed: a plan made a topic that a log had been served with, as if it were new, and every
// start refused the log from then on; the check called it fit. A topic that is new to the log is
// made.
func TestPlanServed(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	o := suiteOptions(a.c.Brokers, "acme.")
	l := opened(t, o)
	claim(t, l, 1)
	s := o.spec()
	s.Topics = append(s.Topics, someTopics()[0])
	if p := a.plan(t, s); len(p.Changes) != 1 || p.Changes[0].Kind != CreateTopic {
		t.Errorf("a topic that is new:\n%s", p)
	}
	deleted(t, l, background)
	p := a.plan(t, s)
	if p.Possible() || !strings.Contains(p.String(), "! acme."+background+": it is missing") ||
		!strings.Contains(p.String(), "do not make it anew") {
		t.Errorf("a topic that the log was served with:\n%s", p)
	}
	if _, err := a.Apply(aMinute(t), p); !errors.Is(err, ErrUndecided) {
		t.Errorf("applied: %v", err)
	}
	made(t, l, background)
	const says = ": the topic was deleted and made anew"
	text := a.faults(t, o.spec()).Error()
	if !strings.Contains(text, "acme."+background+says) || strings.Contains(text, "topics apply") {
		t.Errorf("the check says:\n%s", text)
	}
	if p = a.plan(t, s); p.Possible() || !strings.Contains(p.String(), says) {
		t.Errorf("a topic that was made anew:\n%s", p)
	}
}

// TestPlanReplication: more copies than there are brokers were planned, and the cluster refused
// them in its own words when the plan was done.
func TestPlanReplication(t *testing.T) {
	a, _ := fake(t, kfake.NumBrokers(1))
	s := Spec{Topics: someTopics(), Shards: 2, Replication: 3}
	const says = "new topics are to have 3 copies, and the cluster has 1 broker"
	if p := a.plan(t, s); p.Possible() || !strings.Contains(p.String(), says) {
		t.Errorf("got:\n%s", p)
	}
	o := suiteOptions(a.c.Brokers, "")
	o.Replication = 3
	if _, err := Open(aMinute(t), o); !errors.Is(err, ErrUndecided) ||
		!strings.Contains(err.Error(), says) {
		t.Errorf("opened: %v", err)
	}
	s.Replication = 1
	a.apply(t, s)
	if s.Replication = 3; !a.plan(t, s).Possible() {
		t.Error("there is nothing to make, and it is refused")
	}
}

// TestPlanRefusedInPart: managed clusters choose brokers themselves and have settings of their own;
// the topics are made all the same, with what they must have, and a warning says what is otherwise.
func TestPlanRefusedInPart(t *testing.T) {
	a, cluster := fake(t, kfake.NumBrokers(3))
	cluster.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return managed(r.(*kmsg.CreateTopicsRequest))
	})
	s := Spec{Topics: someTopics(), Shards: 2}
	warnings := a.apply(t, s)
	if text := strings.Join(warnings, "\n"); !strings.Contains(text, "chose the brokers of") ||
		!strings.Contains(text, "refused some settings of") {
		t.Errorf("got the warnings:\n%s", text)
	}
	if _, err := a.Check(aMinute(t), s); err != nil {
		t.Error(err)
	}
}

// managed answers as a cluster does that chooses brokers and some settings itself.
func managed(req *kmsg.CreateTopicsRequest) (kmsg.Response, error, bool) {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	for _, t := range req.Topics {
		refusal := kmsg.NewCreateTopicsResponseTopic()
		refusal.Topic = t.Topic
		if len(t.ReplicaAssignment) > 0 {
			refusal.ErrorCode = kerr.PolicyViolation.Code
		}
		for _, c := range t.Configs {
			if c.Name == "segment.ms" || c.Name == "message.timestamp.type" {
				refusal.ErrorCode = kerr.InvalidConfig.Code
			}
		}
		resp.Topics = append(resp.Topics, refusal)
	}
	return resp, nil, resp.Topics[0].ErrorCode != 0
}
