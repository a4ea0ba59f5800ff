package compaction

import (
	"context"
	"errors"
	"testing"
	"time"
)

// An append that began before a doubt says nothing about it: when it was answered afterwards it
// revived the lease that the doubt had ended, and nobody asked the log whose the shard is.
func TestLeaseRevivedByAnAppendBeforeTheDoubt(t *testing.T) {
	l := &lease{length: time.Hour}
	l.confirm(time.Now())
	if l.expired() {
		t.Error("a lease that was just confirmed has expired")
	}
	began := time.Now()
	l.end()
	l.confirm(began)
	if !l.expired() {
		t.Error("what began before it was ended revives a lease")
	}
	l.confirm(time.Now().Add(time.Microsecond))
	if l.expired() {
		t.Error("what began after it was ended does not revive a lease")
	}
	if l.length = 0; l.expired() {
		t.Error("a lease for ever has expired")
	}
}

// A fencedWriter is one whose shard another has claimed.
type fencedWriter struct{ Writer }

func (fencedWriter) Append(context.Context, Group) (Positions, error) { return nil, ErrFenced }

// Whoever is told that a shard was fenced may read it at once, before it is dropped: the lease was
// still there, and so a store was read that was known to be behind another's.
func TestReadOfAShardThatWasFenced(t *testing.T) {
	s := &shard{clock: time.Now, counts: &counters{}, writer: fencedWriter{},
		work: newWork(nil, func() bool { return false }, 1)}
	s.tx = Tx{w: s.work}
	s.lease.length = time.Hour
	s.lease.confirm(time.Now())
	told := make(chan outcome)
	s.requests = []*request{{ctx: t.Context(), done: told, command: Command{
		Decide: func(*Tx) (Answer, error) { return Answer{}, nil }}}}
	ended := make(chan error, 1)
	go func() { ended <- s.group(nil) }()
	if o := <-told; !errors.Is(o.err, ErrFenced) {
		t.Errorf("%v, want ErrFenced", o.err)
	}
	if !s.lease.expired() {
		t.Error("its store is read after that")
	}
	if err := <-ended; !errors.Is(err, ErrFenced) {
		t.Errorf("%v, want ErrFenced", err)
	}
}
