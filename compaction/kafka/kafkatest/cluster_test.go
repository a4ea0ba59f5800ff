package kafkatest

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// besides is what this program does when it is not to run its tests (see TestOrphan).
var besides = func() {}

func TestMain(m *testing.M) {
	besides()
	Main(m)
}

// limit bounds a test's calls.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// topic makes a topic of one partition, replicated as often as can be.
func topic(t *testing.T, client *kgo.Client, name string) {
	t.Helper()
	_, err := kadm.NewClient(client).CreateTopic(limit(t), 1, -1, nil, name)
	if err != nil {
		t.Fatal(err)
	}
}

// produce writes a record and waits until all brokers that must have it do.
func produce(t *testing.T, client *kgo.Client, topic, value string) {
	t.Helper()
	record := &kgo.Record{Topic: topic, Value: []byte(value)}
	if err := client.ProduceSync(limit(t), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// consume reads a topic's only partition from its start until there are n records.
func consume(t *testing.T, c *Cluster, topic string, n int) []string {
	t.Helper()
	client := c.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().AtStart()},
	}))
	var values []string
	for len(values) < n {
		fetches := client.PollFetches(limit(t))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

// TestOne is what every other test builds on: a record that was written is read, also by the
// broker that comes back on the same port and data after it was killed.
func TestOne(t *testing.T) {
	began := time.Now()
	c := Start(t, Options{})
	t.Logf("started in %v", time.Since(began))
	client := c.Client()
	topic(t, client, "t")
	produce(t, client, "t", "before")
	c.Kill(0)
	began = time.Now()
	c.Restart(0)
	t.Logf("restarted in %v", time.Since(began))
	produce(t, client, "t", "after")
	if got := consume(t, c, "t", 2); got[0] != "before" || got[1] != "after" {
		t.Errorf("read %q", got)
	}
}

// TestThree wants three brokers, also guarded ones, to be what a cluster is for: one is killed,
// writes that two must have go on, and the one that comes back is counted again.
func TestThree(t *testing.T) {
	began := time.Now()
	c := Start(t, Options{Brokers: 3, SASL: true, TLS: true, Authorizer: true})
	t.Logf("started in %v", time.Since(began))
	client := c.Client()
	topic(t, client, "t")
	produce(t, client, "t", "three")
	began = time.Now()
	c.Kill(0)
	produce(t, client, "t", "two")
	t.Logf("written %v after the death of broker 0", time.Since(began))
	began = time.Now()
	c.Restart(0)
	t.Logf("restarted in %v", time.Since(began))
	if got := consume(t, c, "t", 2); len(got) != 2 {
		t.Errorf("read %q", got)
	}
}

// TestShared wants the tests of a process to share a broker without meeting each other.
func TestShared(t *testing.T) {
	for range 2 {
		c, name := Shared(t), Prefix(t)+"t"
		client := c.Client()
		topic(t, client, name)
		produce(t, client, name, "one")
		if got := consume(t, c, name, 1); len(got) != 1 {
			t.Errorf("read %q", got)
		}
	}
}
