package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
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
	owns, heard := grouped(t, l.options.Connection)
	if n := <-owns; n != l.identity.Shards {
		t.Fatalf("it has %d shards, want all", n)
	}
	began := time.Now()
	at := <-heard
	held := wire.next(kmsg.Heartbeat, hold, 1, nil)
	<-held.met
	met := time.Now()
	for len(heard) > 0 {
		at = <-heard
	}
	if at.IsZero() || at.After(met) || at.Before(began.Add(-time.Second)) {
		t.Errorf("it was heard %v after the start", at.Sub(began))
	}
	time.Sleep(100 * time.Millisecond)
	if len(heard) > 0 {
		t.Error("it was heard before there was an answer")
	}
	held.release()
	if at = <-heard; at.After(met.Add(50 * time.Millisecond)) {
		t.Errorf("it was asked at least %v after the question was sent", at.Sub(met))
	}
	// Nothing comes through for longer than the session: another member would have the shards now.
	lost := wire.next(kmsg.Heartbeat, loseRequest, 1000, nil)
	<-lost.met
	time.Sleep(7 * time.Second)
	lost.over()
	for at = range heard {
		if at.IsZero() {
			break
		}
	}
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
