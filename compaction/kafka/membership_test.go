package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// grouped runs a member of a group until the end of the test, and returns what it was told: how
// many shards it has, and when the group was asked that has answered.
func grouped(t *testing.T, c Connection) (owns <-chan int, heard <-chan time.Time) {
	t.Helper()
	shards, asked := make(chan int, 100), make(chan time.Time, 10_000)
	m := Membership{Connection: c, Logger: quiet, SessionTimeout: 6 * time.Second,
		Heard: func(at time.Time) { asked <- at },
		Own: func(_ context.Context, s []int) error {
			shards <- len(s)
			return nil
		}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return shards, asked
}

// TestMembershipHeard: a member tells when the group was last asked with success: not when the
// answer came, and not of questions that were lost. By that its owner knows until when the group
// gives its shards to nobody else. When the group counts it out it says so.
func TestMembershipHeard(t *testing.T) {
	l, wire := wired(t, models)
	began := time.Now()
	owns, heard := grouped(t, l.options.Connection)
	if n := <-owns; n != l.identity.Shards {
		t.Fatalf("it has %d shards, want all", n)
	}
	at := <-heard
	held := wire.next(kmsg.Heartbeat, holdAnswer, 1, nil)
	<-held.met // what a member does when it asks, it has done
	met := time.Now()
	for len(heard) > 0 {
		at = <-heard
	}
	if at.Before(began) { // as the zero time is
		t.Errorf("it was heard %v after the start", at.Sub(began))
	}
	if !at.Before(held.at) {
		t.Error("it was heard before there was an answer")
	}
	held.release()
	if at = <-heard; at.After(met) {
		t.Errorf("it was asked at least %v after the question was sent", at.Sub(met))
	}
	// Nothing comes through any more: another member is to have the shards.
	lost := wire.next(kmsg.Heartbeat, loseRequest, 1000, nil)
	<-lost.met
	for at = range heard {
		if at.IsZero() {
			break
		}
	}
	lost.over()
	if n := <-owns; n != 0 {
		t.Errorf("it has %d shards, want none", n)
	}
	if n := <-owns; n == 0 {
		t.Error("it has no shards when it is a member again")
	}
	for late := time.After(30 * time.Second); at.IsZero(); {
		select {
		case at = <-heard:
		case <-late:
			t.Fatal("it is not heard when it is a member again")
		}
	}
}

// TestHeartbeatsOfAProcessThatWasStopped: where a process was stopped after an answer had come, and
// before the client spoke of it, the group was heard of too late by as long, and reads trusted the
// shards of a process that the group had counted out.
func TestHeartbeatsOfAProcessThatWasStopped(t *testing.T) {
	var heard time.Time
	h := &heartbeats{heard: func(at time.Time) { heard = at }}
	var broker kgo.BrokerMetadata
	h.OnBrokerWrite(broker, kmsg.Heartbeat.Int16(), 0, 0, time.Millisecond, nil)
	asked := time.Now()
	time.Sleep(20 * time.Millisecond)
	h.OnBrokerE2E(broker, kmsg.Heartbeat.Int16(), kgo.BrokerE2E{TimeToRead: time.Millisecond})
	if heard.IsZero() || heard.After(asked) {
		t.Errorf("stopped before it was told of the answer: heard %v late", heard.Sub(asked))
	}
	asked = time.Now()
	h.OnBrokerWrite(broker, kmsg.Heartbeat.Int16(), 0, 0, 0, nil)
	h.OnBrokerE2E(broker, kmsg.Heartbeat.Int16(), kgo.BrokerE2E{ReadWait: time.Hour})
	if heard.After(asked) {
		t.Errorf("stopped before it was told of the question: heard %v late", heard.Sub(asked))
	}
}

// TestMembershipSession: brokers refuse a session timeout in their own words, and only when a
// process joins: by then it has made the topics, with a number of partitions for ever.
func TestMembershipSession(t *testing.T) {
	membershipSession(t, model(t).ListenAddrs(), "")
}

// TestMembershipSessionBroker is the same on a real broker.
func TestMembershipSessionBroker(t *testing.T) {
	membershipSession(t, kafkatest.Shared(t).Addrs(), kafkatest.Prefix(t))
}

func membershipSession(t *testing.T, brokers []string, prefix string) {
	for timeout, want := range map[time.Duration]bool{
		time.Second: false, 6 * time.Second: true, 31 * time.Minute: false,
	} {
		m := Membership{Connection: Connection{Brokers: brokers}, Prefix: prefix,
			SessionTimeout: timeout}
		if takes, err := m.TakesSession(aMinute(t)); takes != want || err != nil {
			t.Errorf("%v: got %t, %v, want %t", timeout, takes, err, want)
		}
	}
	left, err := Members(aMinute(t), Connection{Brokers: brokers}, prefix)
	if err != nil || left.Members > 0 {
		t.Errorf("asking leaves members: %v, %v", left, err)
	}
}
