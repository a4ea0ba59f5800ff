package compaction_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/quittance/quittance/compaction"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// TestReadAfterAnswer: what was answered is read from then on, though it is answered before it is
// in the store, and though others write all the time.
func TestReadAfterAnswer(t *testing.T) {
	table := notes(false, never)
	e := startEngine(t, t.TempDir(), table).run()
	e.within(e.Restored)
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for n := 1; n <= 300; n++ {
				key := fmt.Sprint("note-", caller)
				err := e.do(func(tx *compaction.Tx) error {
					table.Put(tx, key, note{texts: n})
					for other := range 50 { // so that there is something to apply
						table.Put(tx, fmt.Sprintf("other-%d-%d-%d", caller, n, other), note{texts: 1})
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				err = e.Read("acme", func(v *compaction.View) error {
					got, _, err := table.Get(v, key)
					if got.texts != n {
						err = errors.Join(err, fmt.Errorf("read %d of %s, answered %d", got.texts, key, n))
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}

// TestSubscribersHearBeforeTheAnswer: whoever remembers what was read, such as whose key it is,
// forgets it before the command that changes it is answered, though the store does not have it yet.
// Otherwise a key is good for a moment after its revocation was answered.
func TestSubscribersHearBeforeTheAnswer(t *testing.T) {
	applied := make(chan struct{})
	table := compaction.NewTable(compaction.TableSpec[string]{
		Message: (*ledgerv1.SettledRecord)(nil),
		Encode:  func(s string) ([]byte, error) { return []byte(s), nil },
		Decode:  func(b []byte) (string, error) { return string(b), nil },
		Indexes: []compaction.Index[string]{{Name: "text", Keys: func(_, s string) []string {
			<-applied // as on a machine that has other things to do
			return []string{s}
		}}},
	})
	e := startEngine(t, t.TempDir(), table).run()
	e.within(e.Restored)
	signal, cancel, err := e.Subscribe(table.Topic().Name)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	for len(signal) > 0 {
		<-signal // of the shards that are served now
	}
	e.must(func(tx *compaction.Tx) error {
		table.Put(tx, "key", "revoked")
		return nil
	})
	if len(signal) == 0 {
		t.Error("it was answered, and the subscriber does not know")
	}
	close(applied)
	err = e.Read("acme", func(v *compaction.View) error {
		got, _, err := table.Get(v, "key")
		if got != "revoked" {
			t.Errorf("read %q once it was known, want revoked", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// texts is a table of texts, of which one does not decode: unreadable.
func texts(indexes ...compaction.Index[string]) *compaction.Table[string] {
	return compaction.NewTable(compaction.TableSpec[string]{
		Message: (*ledgerv1.SettledRecord)(nil),
		Encode:  func(s string) ([]byte, error) { return []byte(s), nil },
		Decode: func(b []byte) (string, error) {
			if string(b) == "unreadable" {
				return "", errors.New("it is unreadable")
			}
			return string(b), nil
		},
		Indexes: indexes,
	})
}

// TestUnappliedIsNotRead: what was answered and could not be put into the store is in the log, and
// its shard is not read before that was found out: nobody is shown what was before it.
func TestUnappliedIsNotRead(t *testing.T) {
	table := texts(compaction.Index[string]{Name: "text",
		Keys: func(_, s string) []string { return []string{s} }})
	e := startEngine(t, t.TempDir(), table).run()
	for _, text := range []string{"before", "unreadable"} {
		e.must(func(tx *compaction.Tx) error {
			table.Put(tx, "key", text)
			return nil
		})
	}
	for range 100 {
		err := e.Read("acme", func(v *compaction.View) error {
			got, _, err := table.Get(v, "key")
			t.Errorf("read %q, %v", got, err)
			return nil
		})
		if !errors.Is(err, compaction.ErrNotServing) {
			t.Errorf("%v, want ErrNotServing", err)
		}
	}
	e.eventually("the shard goes on", func() bool { return e.Stats()[0].Stopped != "" })
}

// TestUnread: a command that cannot read the store is told so, and not something that may pass for
// a refusal of what it wanted. What is not wrong with the store is not called that.
func TestUnread(t *testing.T) {
	table := texts()
	foreign := notes(false, never)
	e := startEngine(t, t.TempDir(), table).run()
	e.must(func(tx *compaction.Tx) error {
		table.Put(tx, "acme/key", "unreadable")
		return nil
	})
	e.must(func(tx *compaction.Tx) error {
		_, _, one := table.Get(tx, "acme/key")
		_, all := table.Scan(tx, compaction.Page{})
		_, _, other := foreign.Get(tx, "acme/key")
		var corrupt *compaction.CorruptError
		for _, err := range []error{one, all} {
			if !errors.Is(err, compaction.ErrUnread) || !errors.As(err, &corrupt) {
				t.Errorf("%v, want ErrUnread and the record", err)
			}
		}
		if other == nil || errors.Is(other, compaction.ErrUnread) {
			t.Errorf("a table that is not in the schema: %v", other)
		}
		return nil // else the shard is dropped
	})
}
