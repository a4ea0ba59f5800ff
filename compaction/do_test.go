package compaction_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

// While nobody knows what became of a command, nothing that happens to it afterwards is told as if
// it had not been done.
func TestUnknownOutcomeIsNotToldAsRefusal(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	e.fault.Script(compactiontest.UnknownLost, compactiontest.NotCommitted)
	_, err := e.Do(ctx, keyed("a"))
	if !errors.Is(err, compaction.ErrUnknownOutcome) || errors.Is(err, compaction.ErrNotCommitted) {
		t.Errorf("got %v, want ErrUnknownOutcome alone", err)
	}
}

// A command of unknown outcome does not wait for a shard that will not be served again.
func TestUnknownOutcomeOfTheLast(t *testing.T) {
	for _, name := range []string{"damaged", "away"} {
		t.Run(name, func(t *testing.T) {
			e := startEngine(t, t.TempDir())
			var away atomic.Bool
			again := make(chan struct{}, 100)
			e.hooks.claim = func(ctx context.Context) error {
				if !away.Load() {
					return nil
				}
				again <- struct{}{}
				if name == "damaged" {
					return &compaction.CorruptError{Group: 1, Reason: "as the test says"}
				}
				<-ctx.Done()
				return ctx.Err()
			}
			e.run()
			away.Store(true)
			e.fault.Script(compactiontest.UnknownLost)
			got := make(chan error, 1)
			go func() {
				_, err := e.Do(context.Background(), keyed("a"))
				got <- err
			}()
			<-again
			if name == "away" {
				e.stop()
			}
			e.within(func(soon context.Context) error {
				select {
				case err := <-got:
					if !errors.Is(err, compaction.ErrUnknownOutcome) {
						t.Errorf("got %v, want ErrUnknownOutcome", err)
					}
					return nil
				case <-soon.Done():
					return soon.Err()
				}
			})
		})
	}
}

// Who waits for an engine that has ended is told so.
func TestReadyAfterTheEnd(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(context.Context) error{
		"ready": e.Ready,
		"history": func(ctx context.Context) error {
			_, err := e.History(ctx, "acme", "account", compaction.Page{})
			return err
		},
	} {
		e.within(func(soon context.Context) error {
			err := f(soon)
			if !errors.Is(err, compaction.ErrNotServing) {
				t.Errorf("%s: %v, want ErrNotServing", name, err)
			}
			return soon.Err()
		})
	}
}

// A secret that is given once is given to the caller whose append had an unknown outcome, and to
// nobody who comes later.
func TestUnknownOutcomeGivesTheSecret(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	c := keyed("a")
	c.Decide = func(tx *compaction.Tx) (compaction.Answer, error) {
		return compaction.Answer{Code: 201, Body: []byte("secret"), Record: []byte("given")}, nil
	}
	e.fault.Script(compactiontest.UnknownWritten)
	if a := do(t, e.Shards, c); string(a.Body) != "secret" || a.Replayed {
		t.Errorf("the first answer is %q, replayed %t", a.Body, a.Replayed)
	}
	if a := do(t, e.Shards, c); string(a.Body) != "given" || !a.Replayed {
		t.Errorf("the second answer is %q, replayed %t", a.Body, a.Replayed)
	}
}

// A command that repeats one of long ago says so, also when its own group had an unknown outcome.
func TestUnknownOutcomeOfAReplay(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	do(t, e.Shards, keyed("old"))
	release := e.fault.Hold()
	e.fault.Script(compactiontest.Pass, compactiontest.UnknownWritten)
	answers := make(chan compaction.Answer, 3)
	ask := func(c compaction.Command) {
		a, err := e.Do(ctx, c)
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}
	go ask(add("acme", "first"))
	e.eventually("the first append does not begin", func() bool {
		return e.fault.Injected(compactiontest.Pass) == 2
	})
	go ask(keyed("new"))
	go ask(keyed("old"))
	e.eventually("the commands are not queued", func() bool { return e.Stats()[0].Queue == 2 })
	release()
	replayed := 0
	for range 3 {
		if a := <-answers; a.Replayed {
			replayed++
		}
	}
	if replayed != 1 {
		t.Errorf("%d answers say that they are repeated, want 1", replayed)
	}
}

// A command whose key was made for it is not done twice either.
func TestUnknownOutcomeOfANewKey(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	c := keyed("a")
	c.Idempotency.New = true
	e.fault.Script(compactiontest.UnknownWritten)
	if a := do(t, e.Shards, c); string(a.Body) != "1" {
		t.Errorf("the number is %s, want 1", a.Body)
	}
}

// A subscriber hears of a group whose outcome was unknown.
func TestSubscribeHearsOfUnknownOutcome(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	signal, cancel, err := e.Subscribe(compaction.Counters.Topic().Name)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	e.fault.Script(compactiontest.UnknownWritten)
	_, err = e.Do(ctx, add("acme", "invoice"))
	if !errors.Is(err, compaction.ErrUnknownOutcome) {
		t.Fatalf("got %v, want ErrUnknownOutcome", err)
	}
	e.within(func(soon context.Context) error {
		select {
		case <-signal:
			return nil
		case <-soon.Done():
			return soon.Err()
		}
	})
}

// A subscription that is ended twice ends no other.
func TestSubscribeCancelTwice(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	topic := compaction.Counters.Topic().Name
	_, cancel, err := e.Subscribe(topic)
	if err != nil {
		t.Fatal(err)
	}
	signal, other, err := e.Subscribe(topic)
	if err != nil {
		t.Fatal(err)
	}
	defer other()
	cancel()
	cancel()
	do(t, e.Shards, add("acme", "invoice"))
	e.within(func(soon context.Context) error {
		select {
		case <-signal:
			return nil
		case <-soon.Done():
			return soon.Err()
		}
	})
}

// A table that the program's schema lacks fails the command that uses it, and no other.
func TestTableOutsideTheSchema(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	outside := notes(false, never)
	err := e.do(func(tx *compaction.Tx) error {
		outside.Put(tx, "acme/a", note{})
		return nil
	})
	if err == nil {
		t.Error("it was written")
	}
	if err := e.Read("acme", func(v *compaction.View) error {
		_, _, err := outside.Get(v, "acme/a")
		return err
	}); err == nil {
		t.Error("it was read")
	}
	if n := e.Stats()[0].Claims; n != 1 {
		t.Errorf("the shard was claimed %d times", n)
	}
}

// What is wrong with a history, or with anything else that a reader asks, is not held against the
// store it reads.
func TestReadOfDamageElsewhere(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	elsewhere := &compaction.StoppedError{Err: &compaction.CorruptError{Group: 1}}
	err := e.Read("acme", func(*compaction.View) error { return elsewhere })
	if !errors.Is(err, compaction.ErrNotServing) {
		t.Errorf("got %v, want the function's error", err)
	}
	for range 3 {
		do(t, e.Shards, add("acme", "invoice"))
	}
	if s := e.Stats()[0]; s.Claims != 1 || s.Stopped != "" {
		t.Errorf("the shard was claimed %d times, and stopped: %q", s.Claims, s.Stopped)
	}
}

// A record that does not decode stops its shard, which names it.
func TestUndecodableRecordStops(t *testing.T) {
	e := startEngine(t, t.TempDir())
	w, err := e.log.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Append(ctx, compaction.Group{Number: 1, Time: start, Records: []compaction.Record{{
		Topic: compaction.Counters.Topic().Name, Key: []byte("acme/invoice"), Value: []byte("?")}}})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	e.run()
	var stopped *compaction.StoppedError
	e.eventually("the shard does not stop", func() bool {
		_, err = e.Do(ctx, add("acme", "invoice"))
		return errors.As(err, &stopped)
	})
	var corrupt *compaction.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Key != "acme/invoice" {
		t.Errorf("it stopped with %v", err)
	}
}
