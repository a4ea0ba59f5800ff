package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

var ctx = context.Background()

// add is a command that takes the next number of a series.
func add(tenant, series string) compaction.Command {
	decide := func(tx *compaction.Tx) (compaction.Answer, error) {
		n, err := compaction.NextNumber(tx, tenant, series)
		return compaction.Answer{Code: 200, Body: []byte(fmt.Sprint(n))}, err
	}
	return compaction.Command{Tenant: tenant, Decide: decide}
}

func do(t *testing.T, s *compaction.Shards, c compaction.Command) compaction.Answer {
	t.Helper()
	a, err := s.Do(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Numbers without gaps come from a record of the same append, whoever asks and however often.
func TestNextNumber(t *testing.T) {
	s := compactiontest.Start(t)
	const callers, each = 16, 50
	seen := make(chan string, callers*each)
	for range callers {
		go func() {
			for range each {
				a, err := s.Do(ctx, add("acme", "invoice"))
				if err != nil {
					t.Error(err)
				}
				seen <- string(a.Body)
			}
		}()
	}
	numbers := map[string]bool{}
	for range callers * each {
		numbers[<-seen] = true
	}
	for i := 1; i <= callers*each; i++ {
		if !numbers[fmt.Sprint(i)] {
			t.Fatalf("number %d was not given out", i)
		}
	}
}

// A command that fails leaves nothing behind, and neither do the ones beside it suffer.
func TestDoRollsBack(t *testing.T) {
	s := compactiontest.Start(t)
	refused := errors.New("refused")
	c := add("acme", "invoice")
	inner := c.Decide
	c.Decide = func(tx *compaction.Tx) (compaction.Answer, error) {
		a, err := inner(tx)
		return a, errors.Join(err, refused)
	}
	do(t, s, add("acme", "invoice"))
	if _, err := s.Do(ctx, c); !errors.Is(err, refused) {
		t.Fatalf("got %v, want the refusal", err)
	}
	if got := string(do(t, s, add("acme", "invoice")).Body); got != "2" {
		t.Errorf("the number after a refused command is %s, want 2", got)
	}
}

// The same key with the same request is answered as the first time, also after a restart and a
// lost store; with another request it is refused with the field that differs.
func TestDoReplays(t *testing.T) {
	dir := t.TempDir()
	keyed := func(value string) compaction.Command {
		c := add("acme", "invoice")
		c.Idempotency = &compaction.Idempotency{Principal: "key_1", Operation: "add", Key: "k",
			Fields: []compaction.Field{{Name: "amount", Value: []byte(value)}}}
		return c
	}
	t.Run("first", func(t *testing.T) {
		s := compactiontest.StartAt(t, dir, nil)
		do(t, s, add("acme", "invoice"))
		if a := do(t, s, keyed("1")); a.Replayed || string(a.Body) != "2" {
			t.Errorf("the first answer is %q, replayed %t", a.Body, a.Replayed)
		}
	})
	t.Run("again", func(t *testing.T) {
		s := compactiontest.StartAt(t, dir, nil)
		if a := do(t, s, keyed("1")); !a.Replayed || string(a.Body) != "2" || a.Code != 200 {
			t.Errorf("the repeated answer is %q, replayed %t", a.Body, a.Replayed)
		}
		var mismatch *compaction.IdempotencyMismatchError
		if _, err := s.Do(ctx, keyed("2")); !errors.As(err, &mismatch) || mismatch.Field != "amount" {
			t.Errorf("got %v, want a mismatch of amount", err)
		}
		if err := s.Restored(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := s.CompareStore(ctx, compaction.ShardOf("acme", 2))
		if err != nil || r.Different != nil || r.Records == 0 {
			t.Errorf("compared %d records: %v, different %v", r.Records, err, r.Different)
		}
	})
}

// An effect is found by when it is due and by its aggregate, and its subscriber is told.
func TestEmit(t *testing.T) {
	s := compactiontest.Start(t)
	signal, cancel, err := s.Subscribe(compaction.Outbox.Topic().Name)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	emit := func(tx *compaction.Tx) (compaction.Answer, error) {
		e := compaction.Effect{Tenant: "acme", ID: "eff_1", Kind: "k", Aggregate: "pay_1"}
		return compaction.Answer{}, compaction.Emit(tx, e)
	}
	do(t, s, compaction.Command{Tenant: "acme", Decide: emit})
	select {
	case <-signal:
	case <-time.After(time.Minute):
		t.Fatal("the subscriber was not told")
	}
	err = s.Read("acme", func(v *compaction.View) error {
		rows, err := compaction.Outbox.Lookup(v, "due", compaction.Page{Limit: 10})
		if len(rows) != 1 || rows[0].Value.ID != "eff_1" {
			t.Errorf("due are %v", rows)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
