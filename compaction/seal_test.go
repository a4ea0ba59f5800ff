package compaction_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// moved returns where a log says that it has moved, "" for one that has not.
func (c *copied) moved() string {
	c.t.Helper()
	m, err := c.Mark(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	if m.Moved == nil {
		return ""
	}
	return m.Moved.To
}

// A source is marked when the copy of it is whole, keeps its mark when it is copied again, and a
// copy back into it takes the mark away: of two logs with the same commands one is served.
func TestCopyMoves(t *testing.T) {
	from, to, third := openCopied(t), openCopied(t), openCopied(t)
	from.fill(1, 20)
	for _, step := range []struct {
		from, to *copied
		o        compaction.CopyOptions
		want     [3]string
	}{
		{from, to, compaction.CopyOptions{}, [3]string{}},
		{from, to, compaction.CopyOptions{Live: true, MovedTo: "to"}, [3]string{}},
		{from, to, compaction.CopyOptions{MovedTo: "to"}, [3]string{"to"}},
		{from, to, compaction.CopyOptions{MovedTo: "to"}, [3]string{"to"}},
		{from, third, compaction.CopyOptions{MovedTo: "third"}, [3]string{"to"}},
		{to, from, compaction.CopyOptions{MovedTo: "from"}, [3]string{"to", "from"}},
		{to, from, compaction.CopyOptions{MovedTo: "from", Unseal: true}, [3]string{"", "from"}},
	} {
		if _, err := copyLog(step.from, step.to, step.o); err != nil {
			t.Fatal(err)
		}
		if got := [3]string{from.moved(), to.moved(), third.moved()}; got != step.want {
			t.Errorf("%+v: moved to %q, want %q", step.o, got, step.want)
		}
		if from.text() != to.text() {
			t.Errorf("%+v: the logs differ", step.o)
		}
	}
}

// A source that somebody claimed meanwhile is not marked: what he is about to write is not in the
// target.
func TestCopyMovesFenced(t *testing.T) {
	from, to := openCopied(t), openCopied(t)
	from.fill(1, 20)
	var once sync.Once
	o := compaction.CopyOptions{MovedTo: "to", Progress: func(c compaction.Copied) {
		if c.Done {
			once.Do(func() {
				for shard := range from.last {
					if _, err := from.Claim(ctx, shard); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}}
	if _, err := copyLog(from, to, o); !errors.Is(err, compaction.ErrFenced) || from.moved() != "" {
		t.Errorf("copied: %v, moved to %q; want ErrFenced and no mark", err, from.moved())
	}
}
