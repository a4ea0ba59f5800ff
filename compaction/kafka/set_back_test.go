package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestLogSetBack: the topics are set back on the broker's disk while a log is open, as by a broker
// that is the only one left and lacks the last records, or by a snapshot of its disk. Readers that
// had come further say so, and an owner commits nothing on what is gone. Both went on from where
// they stood: once the topics had grown past it, over a gap, and nobody was told.
func TestLogSetBack(t *testing.T) {
	c := kafkatest.Start(t, kafkatest.Options{})
	o := suiteOptions(c.Addrs(), "back-")
	o.Shards = 3
	l := opened(t, o)
	const waits, late, owner = 0, 1, 2
	var readers [3]compaction.Reader
	var writers [3]*writer
	for shard := range writers {
		writers[shard] = claim(t, l, shard)
		for n := uint64(1); n <= 5; n++ {
			add(t, writers[shard], three(n))
		}
		readers[shard] = reading(t, l, shard, compaction.Range{})
	}
	kept := t.TempDir()
	c.Stop(0)
	restored(t, c.DataDir(0), kept)
	c.Restart(0)
	for shard, w := range writers {
		for n := uint64(6); n <= 10; n++ {
			atLast(t, func() error {
				_, err := w.Append(t.Context(), three(n))
				return err
			})
		}
		comes(t, readers[shard], 10)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- ends(t.Context(), readers[waits]) }()
	c.Kill(0)
	restored(t, kept, c.DataDir(0))
	c.Restart(0)
	if err := <-waiting; !errors.Is(err, compaction.ErrSetBack) {
		t.Errorf("a reader that waited: %v, want ErrSetBack", err)
	}
	// The groups are numbered as if none of those that are gone were missing.
	w := claimAtLast(t, l, late)
	for n := uint64(11); n <= 30; n++ {
		g := three(n)
		g.First = w.last + 1
		add(t, w, g)
	}
	if err := ends(t.Context(), readers[late]); !errors.Is(err, compaction.ErrSetBack) {
		t.Errorf("a reader that the log has grown past: %v, want ErrSetBack", err)
	}
	// Of the producers of its ring some notice by themselves that the broker knows them no more.
	err := compaction.ErrNotCommitted
	for range 40 {
		if !errors.Is(err, compaction.ErrNotCommitted) {
			break
		}
		_, err = writers[owner].Append(t.Context(), three(11))
	}
	if !errors.Is(err, compaction.ErrUnknownOutcome) {
		t.Errorf("the owner's append: %v, want ErrUnknownOutcome", err)
	}
	groups, last := contents(t, l, owner, compaction.Range{To: claimAtLast(t, l, owner).Start()})
	if last.Group != 5 || len(groups) != 5 {
		t.Errorf("the owner has committed on what is gone: %v", groups)
	}
}

// atLast tries something until it has been done, for a minute: a broker that has just come back may
// still be loading what it coordinates. What may have been done is not tried again.
func atLast(t *testing.T, try func() error) {
	t.Helper()
	for ctx := aMinute(t); ; {
		err := try()
		if err == nil {
			return
		}
		if errors.Is(err, compaction.ErrUnknownOutcome) || pause(ctx, 100*time.Millisecond) != nil {
			t.Fatal(err)
		}
	}
}

// claimAtLast claims a shard so; that may be done twice.
func claimAtLast(t *testing.T, l *Log, shard int) (w *writer) {
	t.Helper()
	atLast(t, func() error {
		claimed, err := l.Claim(t.Context(), shard)
		if err != nil {
			return fmt.Errorf("claim: %v", err)
		}
		w = claimed.(*writer)
		return nil
	})
	return w
}

// restored puts the partitions of one data folder in the place of those of another. What the broker
// keeps of itself stays.
func restored(t *testing.T, from, to string) {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(from, "back-*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("%d partitions: %v", len(folders), err)
	}
	for _, folder := range folders {
		target := filepath.Join(to, filepath.Base(folder))
		err := errors.Join(os.RemoveAll(target), os.CopyFS(target, os.DirFS(folder)))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// comes reads until a group has come.
func comes(t *testing.T, r compaction.Reader, group uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		b, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if b.Group >= group {
			return
		}
	}
}

// ends reads until that ends.
func ends(ctx context.Context, r compaction.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if _, err := r.Next(ctx); err != nil {
			return err
		}
	}
}

// TestReadGroupsGoBack: a group that comes after a later one in a topic, between two answers of the
// broker, says that the log was set back and written on: who reads it anew meets what is there. Up
// to an end, and within one answer, it is damage.
func TestReadGroupsGoBack(t *testing.T) {
	for to, back := range map[int64]bool{-1: true, 100: false} {
		c := &cursor{topic: compaction.Topic{Name: journal}, to: to, asked: -1}
		r := &reader{log: &Log{}, cursors: []*cursor{c}, order: []*cursor{c}}
		answer := func(groups ...uint64) error {
			d := decoded{piece: piece{want: want{topic: journal}, next: c.next + int64(len(groups))}}
			for i, g := range groups {
				d.entries = append(d.entries, compaction.Entry{Group: g, Offset: c.next + int64(i),
					Record: compaction.Record{Topic: journal}})
			}
			return r.read(c, d)
		}
		if err := answer(7, 8); err != nil {
			t.Fatal(err)
		}
		if err := answer(3, 4); errors.Is(err, compaction.ErrSetBack) != back || err == nil {
			t.Errorf("reading to %d, in the next answer: %v", to, err)
		}
		var corrupt *compaction.CorruptError
		if err := answer(9, 5); !errors.As(err, &corrupt) {
			t.Errorf("reading to %d, in one answer: %v, want a CorruptError", to, err)
		}
	}
}
