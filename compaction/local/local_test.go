package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

var testTopics = []compaction.Topic{
	{Name: "quittance.test.open.v1", Class: compaction.Open, DeleteRetention: time.Hour},
	{Name: "quittance.test.background.v1", Class: compaction.Background, DeleteRetention: time.Hour},
	{Name: "quittance.test.journal.v1", Class: compaction.AppendOnly},
	{Name: "quittance.test.events.v1", Class: compaction.AppendOnly, Retention: time.Hour},
}

const (
	topicOpen       = "quittance.test.open.v1"
	topicBackground = "quittance.test.background.v1"
	topicJournal    = "quittance.test.journal.v1"
	topicEvents     = "quittance.test.events.v1"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// record returns a record of a test.
func record(topic, key, value string) compaction.Record {
	return compaction.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

// openLog opens a log that the test closes.
func openLog(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	if o.CleanEvery == 0 {
		o.CleanEvery = -1
	}
	l, err := Open(dir, testTopics, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func claim(t testing.TB, l *Log, shard int) compaction.Writer {
	t.Helper()
	w, err := l.Claim(t.Context(), shard)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// add appends a group whose stamp is its number in minutes after start.
func add(t testing.TB, w compaction.Writer, number uint64, records ...compaction.Record) {
	t.Helper()
	g := compaction.Group{Number: number, Time: start.Add(time.Duration(number) * time.Minute),
		Records: records}
	if _, err := w.Append(t.Context(), g); err != nil {
		t.Fatal(err)
	}
}

// read returns a shard's records of some topics from its start to its end.
func read(ctx context.Context, l *Log, shard int, topics ...string) ([]compaction.Entry, error) {
	to, err := l.End(ctx, shard)
	if err != nil {
		return nil, err
	}
	r, err := l.Read(ctx, shard, compaction.Range{To: to, Topics: topics})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []compaction.Entry
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, b.Entries...)
	}
}

// text shows entries, one a line.
func text(entries []compaction.Entry) (lines []string) {
	for _, e := range entries {
		v := string(e.Value)
		if e.Tombstone() {
			v = "-"
		}
		lines = append(lines, fmt.Sprintf("%d %s %s=%s", e.Group, e.Topic, e.Key, v))
	}
	return lines
}

// What was appended is read again after the log was closed and opened.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{Shards: 2})
	w := claim(t, l, 1)
	add(t, w, 1, record(topicOpen, "a", "1"), record(topicJournal, "a", "x"))
	add(t, w, 2)
	add(t, w, 3, record(topicJournal, "a", "y"))
	id := l.Identity()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, Options{})
	if l.Identity() != id {
		t.Errorf("identity %v, want %v", l.Identity(), id)
	}
	got, err := read(t.Context(), l, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := "[1 quittance.test.open.v1 a=1 1 quittance.test.journal.v1 a=x " +
		"3 quittance.test.journal.v1 a=y]"
	if fmt.Sprint(text(got)) != want {
		t.Errorf("got %v, want %s", text(got), want)
	}
}
