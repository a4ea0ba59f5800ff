package local

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/quittance/quittance/compaction"
)

// atOnce makes every tombstone due.
func atOnce() CleanOptions {
	var zero time.Duration
	return CleanOptions{DeleteRetention: &zero}
}

// A model is what a log means: the latest value of each key, and every append-only record.
type model struct {
	latest  map[string]string
	journal []string
}

func (m *model) apply(topic, key string, value []byte) {
	switch {
	case topic == topicJournal || topic == topicEvents:
		m.journal = append(m.journal, topic+" "+key+" "+string(value))
	case value == nil:
		delete(m.latest, topic+" "+key)
	default:
		m.latest[topic+" "+key] = string(value)
	}
}

// A fataler is a test of package testing or of rapid.
type fataler interface {
	Context() context.Context
	Fatalf(format string, args ...any)
}

func newModel() *model { return &model{latest: map[string]string{}} }

func (m *model) equal(o *model) bool {
	return maps.Equal(m.latest, o.latest) && slices.Equal(m.journal, o.journal)
}

// fold reads a shard into a model, checking that groups come in order and whole numbers of them
// are accounted for.
func fold(t fataler, l *Log, shard int) *model {
	m := newModel()
	entries, err := read(t.Context(), l, shard)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	group := uint64(0)
	for _, e := range entries {
		if e.Group < group {
			t.Fatalf("group %d after group %d", e.Group, group)
		}
		group = e.Group
		m.apply(e.Topic, string(e.Key), e.Value)
	}
	return m
}

// A cleaned log means what it meant, whatever was appended and however small the cleaner's map is;
// what is left in it is what is open.
func TestClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := start.Add(24 * time.Hour)
		l, err := Open("log", testTopics, Options{Shards: 1, FS: vfs.NewMem(), CleanEvery: -1,
			CleanKeys: rapid.IntRange(1, 20).Draw(t, "keys"), Space: plenty,
			Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		w, err := l.Claim(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		want := newModel()
		number := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				number++
				g := draw(t, number, want)
				if _, err := w.Append(t.Context(), g); err != nil {
					t.Fatal(err)
				}
			},
			"clean": func(t *rapid.T) {
				for _, f := range []family{open, background} {
					did, _, err := l.cleaner.pass(t.Context(), l.shards[0], f, CleanOptions{})
					if err != nil {
						t.Fatalf("%v %v", did, err)
					}
				}
			},
			"": func(t *rapid.T) {
				if got := fold(t, l, 0); !got.equal(want) {
					t.Fatalf("got %v, want %v", got, want)
				}
				if _, err := findEnd(l.db, 0); err != nil {
					t.Fatal(err)
				}
			},
		})
		if _, err := l.Clean(t.Context(), atOnce()); err != nil {
			t.Fatal(err)
		}
		if got := fold(t, l, 0); !got.equal(want) {
			t.Fatalf("cleaned: got %v, want %v", got, want)
		}
		left, err := read(t.Context(), l, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(left), len(want.latest)+len(want.journal); got != want {
			t.Fatalf("%d records are left, want %d: %v", got, want, text(left))
		}
	})
}

func plenty(string) (uint64, error) { return 1 << 40, nil }

// draw makes a group and applies it to a model.
func draw(t *rapid.T, number uint64, m *model) compaction.Group {
	g := compaction.Group{Number: number, Time: start.Add(time.Duration(number) * time.Second)}
	for range rapid.IntRange(0, 4).Draw(t, "records") {
		topic := rapid.SampledFrom([]string{topicOpen, topicOpen, topicBackground, topicJournal}).
			Draw(t, "topic")
		r := compaction.Record{Topic: topic,
			Key: []byte(fmt.Sprintf("k%d", rapid.IntRange(0, 5).Draw(t, "key")))}
		if topic == topicJournal || rapid.IntRange(0, 2).Draw(t, "tombstone") > 0 {
			r.Value = []byte(fmt.Sprint(number))
		}
		m.apply(r.Topic, string(r.Key), r.Value)
		g.Records = append(g.Records, r)
	}
	return g
}

// A tombstone stays for its topic's retention, and until values that it removes are durably gone.
func TestCleanTombstone(t *testing.T) {
	now := start
	l := openLog(t, t.TempDir(), Options{Shards: 1, Clock: func() time.Time { return now }})
	w := claim(t, l, 0)
	add(t, w, 1, record(topicOpen, "a", "1"))
	add(t, w, 2, compaction.Record{Topic: topicOpen, Key: []byte("a")})
	add(t, w, 3, record(topicOpen, "b", "1"))
	for _, step := range []struct {
		at   time.Duration
		want string
	}{
		{3 * time.Minute, "[2 quittance.test.open.v1 a=- 3 quittance.test.open.v1 b=1]"},
		{61 * time.Minute, "[2 quittance.test.open.v1 a=- 3 quittance.test.open.v1 b=1]"},
		{62 * time.Minute, "[3 quittance.test.open.v1 b=1]"},
	} {
		now = start.Add(step.at)
		if _, err := l.Clean(t.Context(), CleanOptions{}); err != nil {
			t.Fatal(err)
		}
		got, err := read(t.Context(), l, 0)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(text(got)) != step.want {
			t.Errorf("after %v: got %v, want %s", step.at, text(got), step.want)
		}
	}
}

// Even when its retention is over, a tombstone stays until a pass has durably removed the older
// values of its key.
func TestCleanTombstoneLater(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{Shards: 1})
	w := claim(t, l, 0)
	add(t, w, 1, record(topicOpen, "a", "1"))
	add(t, w, 2, compaction.Record{Topic: topicOpen, Key: []byte("a")})
	for pass, want := range []CleanStats{
		{Passes: 1, Superseded: 1, Rewritten: 1, Removed: 1}, {Passes: 1, Tombstones: 1, Rewritten: 1},
	} {
		did, _, err := l.cleaner.pass(t.Context(), l.shards[0], open, atOnce())
		if err != nil || did != want {
			t.Errorf("pass %d: %+v (%v), want %+v", pass+1, did, err, want)
		}
	}
}

// Bounded records go when their topic's retention is over; those kept for ever stay beside them.
func TestCleanRetention(t *testing.T) {
	now := start.Add(75 * time.Minute)
	l := openLog(t, t.TempDir(), Options{Shards: 1, Clock: func() time.Time { return now }})
	w := claim(t, l, 0)
	for i := range uint64(20) {
		add(t, w, i+1, record(topicJournal, "j", fmt.Sprint(i+1)),
			record(topicEvents, "e", fmt.Sprint(i+1)))
	}
	did, err := l.Clean(t.Context(), CleanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if did.Expired != 14 {
		t.Errorf("%d records expired, want 14", did.Expired)
	}
	for topic, want := range map[string]int{topicJournal: 20, topicEvents: 6} {
		got, err := read(t.Context(), l, 0, topic)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != want {
			t.Errorf("%s has %d records, want %d", topic, len(got), want)
		}
	}
	now = now.Add(24 * time.Hour)
	if _, err := l.Clean(t.Context(), CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t.Context(), l, 0, topicEvents); err != nil || len(got) != 0 {
		t.Errorf("%d events are left (%v), want none", len(got), err)
	}
	add(t, w, 21, record(topicEvents, "e", "new"))
	if got, err := read(t.Context(), l, 0, topicEvents); err != nil || len(got) != 1 {
		t.Errorf("%d events after another, want 1 (%v)", len(got), err)
	}
}

// Readers see the same while the cleaner works, and an open reader that waited goes on.
func TestCleanBesideReader(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{Shards: 1})
	w := claim(t, l, 0)
	for i := range uint64(50) {
		add(t, w, i+1, record(topicOpen, fmt.Sprintf("k%d", i%3), fmt.Sprint(i)))
	}
	r, err := l.Read(t.Context(), 0, compaction.Range{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := r.Next(t.Context()); err != nil || len(b.Entries) != 50 {
		t.Fatalf("%d entries, %v", len(b.Entries), err)
	}
	add(t, w, 51, record(topicOpen, "k0", "x"))
	add(t, w, 52, record(topicOpen, "k0", "y"))
	if _, err := l.Clean(t.Context(), CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	b, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(text(b.Entries)); got != "[52 quittance.test.open.v1 k0=y]" || b.Group != 52 {
		t.Errorf("got %s up to group %d", got, b.Group)
	}
}

// After Clean, the bytes of what was removed are in no file of the folder.
func TestCleanErases(t *testing.T) {
	const marker = "Erika Mustermann"
	dir := t.TempDir()
	l := openLog(t, dir, Options{Shards: 2, Reserve: minReserve})
	w := claim(t, l, 1)
	noise := strings.Repeat("0123456789", 20)
	for i := range uint64(2000) {
		add(t, w, i+1, record(topicOpen, fmt.Sprintf("k%d", i), marker+noise))
		if i%500 == 0 {
			if err := l.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found := filesWith(t, dir, marker); len(found) == 0 {
		t.Fatal("the marker is not in any file before: the test proves nothing")
	}
	for i := range uint64(2000) {
		add(t, w, i+2001, compaction.Record{Topic: topicOpen, Key: fmt.Appendf(nil, "k%d", i)})
	}
	did, err := l.Clean(t.Context(), atOnce())
	if err != nil {
		t.Fatal(err)
	}
	if did.Superseded != 2000 || did.Tombstones != 2000 {
		t.Errorf("%+v, want 2000 superseded and 2000 tombstones", did)
	}
	if found := filesWith(t, dir, marker); len(found) != 0 {
		t.Errorf("the marker is in %v", found)
	}
	if got, err := read(t.Context(), l, 1); err != nil || len(got) != 0 {
		t.Errorf("%d records are left, %v", len(got), err)
	}
}

// filesWith returns the files of a folder that hold some bytes.
func filesWith(t *testing.T, dir, marker string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(marker)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
