package compaction_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/local"
)

// A copied is a log to be copied, or one that was.
type copied struct {
	*local.Log
	t    *testing.T
	last [2]uint64 // the last group of each shard that fill has written
}

func openCopied(t *testing.T) *copied {
	t.Helper()
	l, err := local.Open("log", compactiontest.Topics(), local.Options{
		Shards: 2, CleanEvery: -1, Logger: slog.New(slog.DiscardHandler), Moved: true,
		FS: vfs.NewMem(), Reserve: 8 << 20, Space: func(string) (uint64, error) { return 1 << 40, nil },
		Clock: func() time.Time { return copyOrigin.Add(time.Hour) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &copied{Log: l, t: t}
}

var copyOrigin = time.Date(2026, 3, 1, 9, 0, 0, 7, time.UTC)

// fill appends groups of random records, some of them tombstones and some groups empty, the same
// for the same seed.
func (c *copied) fill(seed uint64, groups int) {
	c.t.Helper()
	rng := rand.New(rand.NewPCG(seed, seed))
	for shard := range c.last {
		w, err := c.Claim(ctx, shard)
		if err != nil {
			c.t.Fatal(err)
		}
		for range groups {
			c.last[shard]++
			n := c.last[shard]
			g := compaction.Group{Number: n, Time: copyOrigin.Add(time.Duration(n) * time.Second)}
			for range rng.IntN(5) {
				topic := compactiontest.Topics()[rng.IntN(3)]
				r := compaction.Record{Topic: topic.Name, Key: fmt.Appendf(nil, "k%d", rng.IntN(9))}
				if topic.Class == compaction.AppendOnly || rng.IntN(3) > 0 {
					r.Value = fmt.Appendf([]byte{}, "%d of %d", rng.IntN(100), n)
				}
				g.Records = append(g.Records, r)
			}
			if _, err := w.Append(ctx, g); err != nil {
				c.t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// put appends one group to shard 0.
func (c *copied) put(records ...compaction.Record) {
	c.t.Helper()
	w, err := c.Claim(ctx, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	c.last[0]++
	_, err = w.Append(ctx, compaction.Group{Number: c.last[0], Records: records,
		Time: copyOrigin.Add(time.Duration(c.last[0]) * time.Second)})
	if err = errors.Join(err, w.Close()); err != nil {
		c.t.Fatal(err)
	}
}

// clean compacts the log, tombstones too.
func (c *copied) clean() {
	c.t.Helper()
	if _, err := c.Clean(ctx, local.CleanOptions{DeleteRetention: new(time.Duration)}); err != nil {
		c.t.Fatal(err)
	}
}

// text is what a log holds, a line a record, and where its shards end.
func (c *copied) text() string {
	c.t.Helper()
	var b strings.Builder
	for shard := range c.last {
		end, err := c.End(ctx, shard)
		if err != nil {
			c.t.Fatal(err)
		}
		rd, err := c.Read(ctx, shard, compaction.Range{To: end})
		if err != nil {
			c.t.Fatal(err)
		}
		group, stamp := uint64(0), time.Time{}
		for {
			batch, err := rd.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				c.t.Fatal(err)
			}
			group, stamp = batch.Group, batch.Time
			for _, e := range batch.Entries {
				fmt.Fprintf(&b, "%d %d %v %s %q %.40q %d %08x %t\n", shard, e.Group, e.Time, e.Topic, e.Key,
					e.Value, len(e.Value), crc32.ChecksumIEEE(e.Value), e.Tombstone())
			}
		}
		fmt.Fprintf(&b, "%d ends at %d, %v\n", shard, group, stamp)
		if err := rd.Close(); err != nil {
			c.t.Fatal(err)
		}
	}
	return b.String()
}

func copyLog(from, to compaction.Log, o compaction.CopyOptions) ([]compaction.Copied, error) {
	running, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return compaction.Copy(running, from, to, compactiontest.Topics(), o)
}

// A copy holds what the source holds, record by record, whether or not the source was compacted,
// and the target goes on from the same number.
func TestCopy(t *testing.T) {
	for _, clean := range []bool{false, true} {
		from, to := openCopied(t), openCopied(t)
		from.fill(1, 60)
		for range 30 {
			from.put() // empty groups at the end
		}
		if clean {
			from.clean()
		}
		told := map[int]compaction.Copied{}
		done, err := copyLog(from, to, compaction.CopyOptions{Parallel: 1,
			Progress: func(c compaction.Copied) { told[c.Shard] = c }})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := to.text(), from.text(); got != want {
			t.Errorf("cleaned %t: got\n%s\nwant\n%s", clean, got, want)
		}
		for shard, c := range done {
			if c != told[shard] || !c.Done || c.Group != from.last[shard] || c.Found != 0 ||
				c.Records == 0 || c.Bytes == 0 || c.Groups > 61 {
				t.Errorf("shard %d: %+v and was told %+v", shard, c, told[shard])
			}
		}
		to.last = from.last
		to.fill(2, 3)
	}
}

// A copy that was stopped at any append, in any way that an append may fail, goes on where it was.
func TestCopyStopped(t *testing.T) {
	from := openCopied(t)
	from.fill(3, 12)
	from.clean()
	want := from.text()
	step := 1
	if testing.Short() {
		step = 5
	}
	for _, how := range []compactiontest.Outcome{
		compactiontest.NoSpace, compactiontest.UnknownWritten, compactiontest.UnknownLost,
		compactiontest.Fenced, compactiontest.NotCommitted,
	} {
		for at := 0; at < 24; at += step {
			to := openCopied(t)
			fault := compactiontest.NewFault(to)
			fault.Script(append(make([]compactiontest.Outcome, at), how)...)
			_, err := copyLog(from, fault, compaction.CopyOptions{})
			failed := fault.Injected(how) > 0 && how != compactiontest.NotCommitted
			if failed != (err != nil) {
				t.Fatalf("%v at append %d: %v", how, at, err)
			}
			if _, err := copyLog(from, to, compaction.CopyOptions{}); err != nil {
				t.Fatalf("after %v at append %d: %v", how, at, err)
			}
			if got := to.text(); got != want {
				t.Fatalf("after %v at append %d: got\n%s\nwant\n%s", how, at, got, want)
			}
		}
	}
}

// A bulkFault is a log whose writers fail at an append of several groups.
type bulkFault struct {
	*copied
	left    int  // appends before the one that fails
	written bool // it was done all the same
}

// Claim makes the caller such a writer.
func (b *bulkFault) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	w, err := b.copied.Claim(ctx, shard)
	return &bulkWriter{w.(compaction.BulkWriter), b}, err
}

type bulkWriter struct {
	compaction.BulkWriter
	fault *bulkFault
}

// AppendAll fails when it is its turn.
func (w *bulkWriter) AppendAll(ctx context.Context, groups []compaction.Group) (
	compaction.Positions, error,
) {
	w.fault.left--
	if w.fault.left >= 0 {
		return w.BulkWriter.AppendAll(ctx, groups)
	}
	if w.fault.written {
		if _, err := w.BulkWriter.AppendAll(ctx, groups); err != nil {
			return nil, err
		}
	}
	return nil, compaction.ErrUnknownOutcome
}

// A copy that was stopped at an append of many groups goes on after what is there of them.
func TestCopyStoppedBulk(t *testing.T) {
	from := openCopied(t)
	big := make([]byte, 513<<10)
	for range 3 { // batches of their own
		from.put(compaction.Record{Topic: compactiontest.JournalTopic, Value: big})
		from.put(compaction.Record{Topic: compactiontest.OpenTopic, Key: []byte("a"), Value: big[:9]})
	}
	want := from.text()
	for left := range 4 {
		for _, written := range []bool{false, true} {
			to := openCopied(t)
			fault := &bulkFault{to, left, written}
			_, err := copyLog(from, fault, compaction.CopyOptions{Parallel: 1})
			if failed := fault.left < 0; failed != (err != nil) {
				t.Fatalf("append %d: %v", left, err)
			}
			if _, err := copyLog(from, to, compaction.CopyOptions{}); err != nil {
				t.Fatalf("after append %d: %v", left, err)
			}
			if got := to.text(); got != want {
				t.Fatalf("after append %d the target is another", left)
			}
		}
	}
}

// A copy catches up with a source that has gone on, whichever of the two was compacted meanwhile.
func TestCopyAgain(t *testing.T) {
	for clean := range 4 {
		from, to := openCopied(t), openCopied(t)
		from.fill(4, 40)
		if _, err := copyLog(from, to, compaction.CopyOptions{}); err != nil {
			t.Fatal(err)
		}
		from.fill(5, 40)
		if clean&1 != 0 {
			if _, err := from.Clean(ctx, local.CleanOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if clean&2 != 0 {
			to.clean()
		}
		for range 2 {
			done, err := copyLog(from, to, compaction.CopyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if done[0].Group != 80 || done[0].Found < 40 || done[0].Checked == 0 {
				t.Errorf("%+v", done[0])
			}
		}
		from.clean()
		to.clean()
		if got, want := to.text(), from.text(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// A live copy stops at the end as it was, beside a writer that never pauses, and a second one that
// claims the source brings the rest.
func TestCopyLive(t *testing.T) {
	from, to := openCopied(t), openCopied(t)
	from.fill(6, 50)
	w, err := from.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan uint64)
	go func() {
		n := from.last[0]
		defer func() { stopped <- n }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			g := compaction.Group{Number: n + 1, Time: copyOrigin.AddDate(0, 1, 0),
				Records: []compaction.Record{{Topic: compactiontest.OpenTopic, Key: []byte("live")}}}
			if _, err := w.Append(ctx, g); err != nil {
				t.Errorf("the writer of a source that is live: %v", err)
				return
			}
			n++
		}
	}()
	done, err := copyLog(from, to, compaction.CopyOptions{Live: true})
	if err != nil || done[0].Group < 50 || done[1].Group != 50 {
		t.Errorf("%+v, %v", done, err)
	}
	close(stop)
	from.last[0] = <-stopped
	if _, err := copyLog(from, to, compaction.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := to.text(), from.text(); got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
	after := compaction.Group{Number: from.last[0] + 1, Time: copyOrigin.AddDate(1, 0, 0)}
	_, err = w.Append(ctx, after)
	if !errors.Is(err, compaction.ErrFenced) {
		t.Errorf("the writer of a source that was copied: %v", err)
	}
}

// A meddler is a log to which somebody writes while it is copied.
type meddler struct {
	*copied
	meddle func()
}

// Claim lets the other write after it.
func (m *meddler) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	w, err := m.copied.Claim(ctx, shard)
	if shard == 0 && m.meddle != nil {
		m.meddle()
	}
	return w, err
}

// What is no copy of the source is refused before anything is written to it, and so is a source
// that is written to.
func TestCopyRefused(t *testing.T) {
	record := func(topic, key, value string) compaction.Record {
		return compaction.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	}
	open, journal := compactiontest.OpenTopic, compactiontest.JournalTopic
	for what, c := range map[string]struct {
		change func(from, to *copied)
		want   string
	}{
		"another record": {func(from, to *copied) {
			from.put(record(open, "a", "1"))
			to.put(record(open, "a", "2"))
		}, "record a of " + open + " in group 1 is another one"},
		"another journal": {func(from, to *copied) {
			from.put(record(journal, "a", "1"), record(journal, "a", "2"))
			to.put(record(journal, "a", "1"), record(journal, "a", "3"))
		}, "or one beside it is another one"},
		"a record more": {func(from, to *copied) {
			from.put(record(open, "a", "1"))
			to.put(record(open, "a", "1"), record(open, "b", "1"))
		}, "record b of " + open + " in group 1 is not in the source"},
		"a record less": {func(from, to *copied) {
			from.put(record(open, "a", "1"), record(open, "b", "1"))
			to.put(record(open, "a", "1"))
		}, "record b of " + open + " in group 1 is missing in the target"},
		"an entry less": {func(from, to *copied) {
			from.put(record(journal, "a", "1"))
			to.put()
		}, "record a of " + journal + " in group 1 is missing in the target"},
		"an entry more": {func(from, to *copied) {
			from.put()
			to.put(record(journal, "a", "1"))
		}, "record a of " + journal + " in group 1 is not in the source"},
		"gone on": {func(from, to *copied) {
			from.put(record(open, "a", "1"))
			to.put(record(open, "a", "1"))
			to.put()
		}, "has group 2, and the source ends at group 1"},
		"forgotten": {func(from, to *copied) {
			from.put(record(open, "a", "1"))
			to.put(record(open, "a", "1"))
			from.put(compaction.Record{Topic: open, Key: []byte("a")})
			from.put(record(open, "b", "1")) // the last value of a chain stays, even an empty one
			from.clean()
		}, "its tombstone is gone too. Copy to a new log"},
	} {
		from, to := openCopied(t), openCopied(t)
		c.change(from, to)
		before := to.text()
		_, err := copyLog(from, to, compaction.CopyOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
		if after := to.text(); after != before {
			t.Errorf("%s: the target was written to", what)
		}
	}
	from, to := openCopied(t), openCopied(t)
	from.fill(7, 5)
	busy := &meddler{from, func() { from.put(record(open, "a", "1")) }}
	_, err := copyLog(busy, to, compaction.CopyOptions{})
	if err == nil || !strings.Contains(err.Error(), "somebody has written to shard 0 of the source") {
		t.Errorf("a source that is written to: %v", err)
	}
	busy = &meddler{copied: openCopied(t)}
	busy.meddle = func() { busy.meddle = nil; busy.put(record(open, "a", "1")) }
	_, err = copyLog(from, &unclaimed{busy}, compaction.CopyOptions{})
	if err == nil || !strings.Contains(err.Error(), "somebody else writes to shard 0 of the target") {
		t.Errorf("a target that is written to: %v", err)
	}
	if _, err := copyLog(from, from, compaction.CopyOptions{}); err == nil {
		t.Error("a log was copied to itself")
	}
	other, err := local.Open(t.TempDir(), compactiontest.Topics(), local.Options{Shards: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := copyLog(from, other, compaction.CopyOptions{}); err == nil ||
		!strings.Contains(err.Error(), "2 shards and the target 3") {
		t.Errorf("another number of shards: %v", err)
	}
}

// An unclaimed is a log whose shard is written to between the copy's look at it and its claim.
type unclaimed struct{ *meddler }

// Claim lets the other write before it.
func (u *unclaimed) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	if shard == 0 && u.meddle != nil { // the shard first: meddle is of its goroutine alone
		u.meddle()
	}
	return u.copied.Claim(ctx, shard)
}

// Tombstones and empty values are not each other's copies.
func TestCopyEmptyValue(t *testing.T) {
	from, to := openCopied(t), openCopied(t)
	from.put(compaction.Record{Topic: compactiontest.OpenTopic, Key: []byte("a"), Value: []byte{}},
		compaction.Record{Topic: compactiontest.OpenTopic, Key: []byte("b")})
	if _, err := copyLog(from, to, compaction.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if a, b := []byte(from.text()), []byte(to.text()); !bytes.Equal(a, b) {
		t.Errorf("got\n%s\nwant\n%s", b, a)
	}
}
