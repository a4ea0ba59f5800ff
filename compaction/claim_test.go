package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// Whatever the log answered when a shard was claimed, a good store was thrown away for it: while
// reading was forbidden or a broker away, each claim folded the whole log. Only what is wrong with
// the store is a reason, and that the log no longer has what comes next for it.
func TestClaimRebuiltForErrorsOfTheLog(t *testing.T) {
	forbidden := errors.New("reading is forbidden")
	for what, c := range map[string]struct {
		read, next error
		want       uint64
	}{
		"a read that is refused":  {read: forbidden},
		"a read that breaks off":  {next: forbidden},
		"records that are gone":   {next: fmt.Errorf("deleted: %w", compaction.ErrGone), want: 1},
		"a log that was set back": {next: fmt.Errorf("away: %w", compaction.ErrSetBack), want: 1},
		"a record that is broken": {next: &compaction.CorruptError{Topic: "t", Key: "k"}, want: 1},
	} {
		t.Run(what, func(t *testing.T) {
			table := notes(false, never)
			e := startEngine(t, t.TempDir(), table).run()
			e.within(e.Restored)
			e.must(put(table, "a"))
			e.stop()
			e = startEngine(t, e.dir, table)
			fails := 0
			once := func(err error) error { // claims are made by one goroutine
				if err == nil || fails > 0 {
					return nil
				}
				fails++
				return err
			}
			e.hooks.read = func(context.Context, compaction.Range) error { return once(c.read) }
			e.hooks.next = func() error { return once(c.next) }
			e.run()
			if n := e.Stats()[0].Rebuilds; n != c.want || fails != 1 {
				t.Errorf("the store was rebuilt %d times after %d errors, want %d after one", n, fails, c.want)
			}
			e.same()
		})
	}
}

// A first start has nothing to tell of. A store that was there before and is rebuilt, for whatever
// reason, is news to who runs the program.
func TestRebuiltStoreIsToldOf(t *testing.T) {
	table, dir := notes(false, never), t.TempDir()
	store := dir + "/store/shard-000"
	run := func() string {
		t.Helper()
		var said strings.Builder
		e := startEngine(t, dir, table)
		o := e.options
		o.Logger = slog.New(slog.NewTextHandler(&said, nil))
		var err error
		if e.Shards, err = compaction.NewShards(o); err != nil {
			t.Fatal(err)
		}
		e.run()
		e.within(e.Restored)
		e.must(put(table, "a"))
		e.stop()
		return said.String()
	}
	for _, c := range []struct {
		what   string
		before func() error
		want   string // all but the first start's
	}{
		{"a first start", func() error { return nil }, ""},
		{"another start", func() error { return nil }, ""},
		{"a store that was removed", func() error { return os.RemoveAll(store) }, "there is none"},
		{"an empty folder in its place", func() error {
			return errors.Join(os.RemoveAll(store), os.Mkdir(store, 0o700))
		}, "it is empty"},
	} {
		if err := c.before(); err != nil {
			t.Fatal(err)
		}
		said := run()
		told := strings.Contains(said, `msg="rebuilt a store from the log"`)
		if told != (c.want != "") || !strings.Contains(said, c.want) {
			t.Errorf("%s: it says %q, want %q", c.what, said, c.want)
		}
	}
}
