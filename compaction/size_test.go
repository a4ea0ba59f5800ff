package compaction_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/quittance/quittance/compaction"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// gated has commands queued behind one that waits, so that they are taken together, and returns
// what became of each in their order.
func (e *engine) gated(commands []compaction.Command) ([]compaction.Answer, []error) {
	e.t.Helper()
	inside, gate := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := e.do(func(*compaction.Tx) error {
			close(inside)
			<-gate
			return nil
		})
		if err != nil {
			e.t.Error(err)
		}
	})
	<-inside
	answers, errs := make([]compaction.Answer, len(commands)), make([]error, len(commands))
	for i, c := range commands {
		all.Go(func() { answers[i], errs[i] = e.Do(ctx, c) })
		e.eventually("a command is not queued", func() bool { return e.Stats()[0].Queue == i+1 })
	}
	close(gate)
	all.Wait()
	return answers, errs
}

// answering is a command with a key that says so much.
func answering(tenant, key string, size int) compaction.Command {
	return compaction.Command{
		Tenant:      tenant,
		Idempotency: &compaction.Idempotency{Principal: "key_1", Operation: "add", Key: key},
		Decide: func(*compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{Code: 1, Body: make([]byte, size)}, nil
		},
		Refuse: func(err error) (compaction.Answer, bool) {
			var size *compaction.SizeError
			return compaction.Answer{Code: 413}, errors.As(err, &size)
		},
	}
}

// TestOversizedAnswerIsRefusedAlone: an answer that is too large to remember is a refusal of its
// command, remembered as such, and the others of its group are done. On Kafka it failed every
// command that was decided beside it, and again each time that it was repeated.
func TestOversizedAnswerIsRefusedAlone(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	var commands []compaction.Command
	for i := range 10 {
		commands = append(commands, answering(fmt.Sprint("tenant-", i), "small", 1))
	}
	commands[4] = answering("acme", "large", compaction.MaxRecordBytes)
	answers, errs := e.gated(commands)
	for i, a := range answers {
		want := 1
		if i == 4 {
			want = 413
		}
		if errs[i] != nil || a.Code != want || a.Replayed {
			t.Errorf("command %d: %+v, %v, want %d", i, a.Code, errs[i], want)
		}
	}
	a, err := e.Do(ctx, commands[4])
	if err != nil || a.Code != 413 || !a.Replayed {
		t.Errorf("again: %d, replayed %v, %v, want the refusal again", a.Code, a.Replayed, err)
	}
	commands[4].Refuse = nil
	commands[4].Idempotency.Key = "unrefused"
	var size *compaction.SizeError
	if _, err := e.Do(ctx, commands[4]); !errors.As(err, &size) {
		t.Errorf("where nobody refuses it: %v, want a SizeError", err)
	}
}

// TestOversizedRecordIsRefusedAlone: the same for a record that a command writes, of a table or of
// a stream; nothing else that the command wrote stays.
func TestOversizedRecordIsRefusedAlone(t *testing.T) {
	table := compaction.NewTable(compaction.TableSpec[string]{
		Message: (*ledgerv1.AccountRecord)(nil),
		Encode:  func(s string) ([]byte, error) { return []byte(s), nil },
		Decode:  func(b []byte) (string, error) { return string(b), nil },
	})
	stream := compaction.NewStream(compaction.StreamSpec{Message: (*ledgerv1.JournalEntry)(nil)})
	e := startEngine(t, t.TempDir(), table, stream).run()
	large := make([]byte, compaction.MaxRecordBytes)
	for name, write := range map[string]func(tx *compaction.Tx){
		"table":  func(tx *compaction.Tx) { table.Put(tx, "large", string(large)) },
		"stream": func(tx *compaction.Tx) { stream.Append(tx, "large", large) },
	} {
		err := e.do(func(tx *compaction.Tx) error {
			table.Put(tx, "beside", "x")
			write(tx)
			return nil
		})
		var size *compaction.SizeError
		if !errors.As(err, &size) || size.Key != "large" {
			t.Errorf("%s: %v, want a SizeError that names the key", name, err)
		}
	}
	e.must(func(tx *compaction.Tx) error {
		if _, ok, err := table.Get(tx, "beside"); ok || err != nil {
			t.Errorf("what stood beside it is there: %v, %v", ok, err)
		}
		table.Put(tx, "largest", string(large[:len(large)-len("largest")]))
		return nil
	})
}

// TestGroupsAreBounded: what a group writes is bounded, however many commands that write much wait
// together: each is done, in the order of its tenant, in groups of a few.
func TestGroupsAreBounded(t *testing.T) {
	e := startEngine(t, t.TempDir()).run()
	var mu sync.Mutex
	var order []int
	var commands []compaction.Command
	for i := range 20 {
		c := answering("acme", fmt.Sprint(i), 2<<20)
		decide := c.Decide
		c.Decide = func(tx *compaction.Tx) (compaction.Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, i)
			return decide(tx)
		}
		commands = append(commands, c)
	}
	before := e.Stats()[0].Groups
	answers, errs := e.gated(commands)
	for i, a := range answers {
		if errs[i] != nil || a.Code != 1 {
			t.Errorf("command %d: %d, %v", i, a.Code, errs[i])
		}
		if order[i] != i {
			t.Fatalf("decided in the order %v", order)
		}
	}
	e.eventually("they are not in three groups, of nine each", func() bool {
		return e.Stats()[0].Groups-before == 3
	})
}
