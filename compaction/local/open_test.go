package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// TestMain is also the other process of TestLocked and of TestKilled.
func TestMain(m *testing.M) {
	if dir := os.Getenv("QUITTANCE_TEST_APPEND"); dir != "" {
		fmt.Println(appendForEver(dir))
		return
	}
	dir := os.Getenv("QUITTANCE_TEST_OPEN")
	if dir == "" {
		os.Exit(m.Run())
	}
	l, err := Open(dir, testTopics, Options{})
	if err != nil {
		fmt.Println(errors.Is(err, compaction.ErrLocked), err)
		return
	}
	fmt.Println("opened", l.Identity().ID)
	if err := l.Close(); err != nil {
		fmt.Println(err)
	}
}

// openElsewhere opens a folder in another process and returns what that says.
func openElsewhere(t *testing.T, dir string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Env = append(os.Environ(), "QUITTANCE_TEST_OPEN="+dir)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// Two processes never have a folder open, nor one process twice, and the second learns who has it.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{})
	out := openElsewhere(t, dir)
	holder := fmt.Sprint("process ", os.Getpid())
	if !strings.HasPrefix(out, "true ") || !strings.Contains(out, holder) {
		t.Errorf("another process: %q, want ErrLocked and process %d", out, os.Getpid())
	}
	if _, err := Open(dir, testTopics, Options{}); !errors.Is(err, compaction.ErrLocked) {
		t.Errorf("the same process: %v, want ErrLocked", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if out := openElsewhere(t, dir); out != "opened "+l.Identity().ID+"\n" {
		t.Errorf("after Close another process says %q", out)
	}
	if _, err := Open(dir, testTopics, Options{Shards: 3}); err == nil {
		t.Error("a log of 16 shards opened with 3")
	}
	openLog(t, dir, Options{}) // a failed Open has released the folder
}

// Topics are added in later versions and records of those that are gone stay readable, but a
// topic never changes how it is kept.
func TestTopics(t *testing.T) {
	dir := t.TempDir()
	open := func(topics ...compaction.Topic) (*Log, error) {
		return Open(dir, topics, Options{Shards: 1, CleanEvery: -1})
	}
	l, err := open(testTopics[0])
	if err != nil {
		t.Fatal(err)
	}
	add(t, claim(t, l, 0), 1, record(topicOpen, "a", "1"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = open(testTopics[2], testTopics[1]); err != nil {
		t.Fatal(err)
	}
	add(t, claim(t, l, 0), 2, record(topicJournal, "a", "2"), record(topicBackground, "a", "3"))
	got, err := read(t.Context(), l, 0)
	if err != nil || len(got) != 3 || got[0].Topic != topicOpen {
		t.Errorf("got %v, %v", text(got), err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, class := range []compaction.Class{compaction.Background, compaction.AppendOnly} {
		changed := testTopics[0]
		changed.Class = class
		if _, err := open(changed); err == nil || !strings.Contains(err.Error(), topicOpen) {
			t.Errorf("%s as %v: %v, want an error that names it", topicOpen, class, err)
		}
	}
	if l, err = open(slices.Clone(testTopics)...); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// A log whose newest files are gone says so: the end that was acknowledged is not there.
func TestMissingFiles(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{Shards: 2})
	w := claim(t, l, 1)
	for i := range uint64(10) {
		add(t, w, i+1, record(topicOpen, "a", "1"))
	}
	// A copy as a process that was killed leaves it, without its WALs.
	broken := t.TempDir()
	if err := os.CopyFS(broken, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	wals, err := filepath.Glob(filepath.Join(broken, "groups", "*.log"))
	if err != nil || len(wals) == 0 {
		t.Fatalf("no WAL to remove: %v", err)
	}
	for _, path := range wals {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	b, err := Open(broken, testTopics, Options{CleanEvery: -1})
	if err != nil {
		return // said so at once
	}
	defer b.Close()
	_, err = b.Claim(t.Context(), 1)
	corrupt, ok := errors.AsType[*compaction.CorruptError](err)
	if !ok || corrupt.Shard != 1 || corrupt.Group != 1 {
		t.Errorf("claim: %v, want the damage at shard 1, group 1", err)
	}
	if _, err := b.Claim(t.Context(), 0); err != nil {
		t.Errorf("the other shard: %v", err)
	}
	if b.Stats().Damaged != 1 {
		t.Errorf("%+v, want one damaged shard", b.Stats())
	}
}

// Reading the records that are needed to serve reads none of the journal: its size does not
// matter to a restore.
func TestReadsOnlyItsFamily(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{Shards: 1, CacheSize: 1})
	w := claim(t, l, 0)
	for i := range uint64(200) {
		g := bulky(i + 1)
		g.Records = append(g.Records, record(topicOpen, fmt.Sprint(i), "1"))
		if _, err := w.Append(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	loaded := func(topics ...string) uint64 {
		before := l.db.Metrics().BlockCache.Misses
		got, err := read(t.Context(), l, 0, topics...)
		if err != nil || len(got) != 200 {
			t.Fatalf("%d records, %v", len(got), err)
		}
		return uint64(l.db.Metrics().BlockCache.Misses - before)
	}
	if few, all := loaded(topicOpen), loaded(topicJournal); few > 60 || all < 200 {
		t.Errorf("%d blocks for the open records and %d for the journal's", few, all)
	}
}

// The cleaner in the background does its work by itself.
func TestCleanerRuns(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{Shards: 1, CleanEvery: 5 * time.Millisecond})
	w := claim(t, l, 0)
	big := strings.Repeat("x", 1<<20)
	for i := range uint64(12) {
		add(t, w, i+1, record(topicOpen, "a", big))
	}
	deadline := time.After(30 * time.Second)
	for l.Stats().Clean.Superseded < 4 {
		select {
		case <-deadline:
			t.Fatalf("nothing was cleaned: %+v", l.Stats())
		case <-time.After(5 * time.Millisecond):
		}
	}
	if st := l.Stats(); st.CleanErr != nil || st.Cleaned.IsZero() || st.Groups != 12 {
		t.Errorf("%+v", st)
	}
}

// What is appended while a pass is under way is dirty after it: it was taken for clean, and the
// cleaner then waited for as much again, or for a day.
func TestCleanerCountsWhatItDidNotSee(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{Shards: 1, CleanEvery: time.Hour})
	w := claim(t, l, 0)
	s := l.shards[0]
	add(t, w, 1, record(topicOpen, "a", "1"))
	seen := s.size(open)
	add(t, w, 2, record(topicOpen, "a", "2"))
	if s.cleaned(open, seen); seen == 0 || s.size(open) != seen {
		t.Errorf("%d bytes are dirty after a pass that saw %d of as many again", s.size(open), seen)
	}
	if _, _, err := l.cleaner.pass(t.Context(), s, open, CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := s.size(open); got != 0 {
		t.Errorf("%d bytes are dirty after a pass over everything", got)
	}
}
