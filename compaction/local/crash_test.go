package local

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/quittance/quittance/compaction"
)

// inMemory are the options of a log in a file system of a test.
func inMemory(fs vfs.FS) Options {
	return Options{Shards: 2, FS: fs, CleanEvery: -1, CleanKeys: 5, Space: plenty,
		Reserve: minReserve, CacheSize: 1 << 20, Logger: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return start.Add(24 * time.Hour) }}
}

// randomGroup makes a group of a few records over few keys.
func randomGroup(rng *rand.Rand, number uint64) compaction.Group {
	g := compaction.Group{Number: number, Time: start.Add(time.Duration(number) * time.Second)}
	topics := []string{topicOpen, topicOpen, topicBackground, topicJournal}
	for range rng.IntN(4) {
		r := record(topics[rng.IntN(len(topics))], fmt.Sprintf("k%d", rng.IntN(6)),
			fmt.Sprint(number, strings.Repeat("x", rng.IntN(300))))
		if r.Topic != topicJournal && rng.IntN(3) == 0 {
			r.Value = nil
		}
		g.Records = append(g.Records, r)
	}
	return g
}

// A crasher is a run of appends and cleanings during which the power fails.
type crasher struct {
	t       *testing.T
	rng     *rand.Rand
	groups  []compaction.Group
	acked   atomic.Uint64
	crashed *vfs.MemFS // the disk as the crash left it
	sure    uint64     // groups acknowledged before the crash
}

// run works until the crash has happened, at the file operation with the given index.
func (c *crasher) run(at int) {
	disk := vfs.NewCrashableMem()
	var operations atomic.Int64
	unsynced := c.rng.IntN(101)
	crash := rand.New(rand.NewPCG(c.rng.Uint64(), 1))
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && operations.Add(1) == int64(at) {
			c.sure = c.acked.Load()
			c.crashed = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: crash})
		}
		return nil
	}))
	l := openCrash(c.t, fs)
	defer l.Close()
	w := claim(c.t, l, 1)
	for number := uint64(1); operations.Load() < int64(at); number++ {
		g := randomGroup(c.rng, number)
		c.groups = append(c.groups, g)
		if _, err := w.Append(c.t.Context(), g); err != nil {
			c.t.Fatal(err)
		}
		c.acked.Store(number)
		switch c.rng.IntN(40) {
		case 0:
			if err := l.db.Flush(); err != nil {
				c.t.Fatal(err)
			}
		case 1:
			if _, err := l.Clean(c.t.Context(), atOnce()); err != nil {
				c.t.Fatal(err)
			}
		case 2, 3, 4:
			if _, _, err := l.cleaner.pass(c.t.Context(), l.shards[1], open, atOnce()); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

func openCrash(t *testing.T, fs vfs.FS) *Log {
	t.Helper()
	l, err := Open("log", testTopics, inMemory(fs))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// meaning folds groups into a model.
func meaning(groups []compaction.Group) *model {
	m := newModel()
	for _, g := range groups {
		for _, r := range g.Records {
			m.apply(r.Topic, string(r.Key), r.Value)
		}
	}
	return m
}

// Whenever the power fails, what was acknowledged is there, groups are whole, and the log means
// what its groups mean, cleaned or not; and it can be written again.
func TestCrash(t *testing.T) {
	for seed := range uint64(200) {
		c := &crasher{t: t, rng: rand.New(rand.NewPCG(seed, 7))}
		// The first operations make the folder: a log that was never opened is nobody's.
		c.run(60 + c.rng.IntN(600))
		l := openCrash(t, c.crashed)
		w := claim(t, l, 1)
		end := uint64(w.Start()[0].Next - 1)
		if end < c.sure || end > uint64(len(c.groups)) {
			t.Fatalf("seed %d: %d groups are left, %d were acknowledged, %d begun",
				seed, end, c.sure, len(c.groups))
		}
		want := meaning(c.groups[:end])
		if got := fold(t, l, 1); !got.equal(want) {
			t.Fatalf("seed %d: %d groups mean %v, want %v", seed, end, got, want)
		}
		g := randomGroup(c.rng, end+1)
		if _, err := w.Append(t.Context(), g); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if _, err := l.Clean(t.Context(), atOnce()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want = meaning(append(c.groups[:end:end], g))
		if got := fold(t, l, 1); !got.equal(want) {
			t.Fatalf("seed %d: cleaned after the crash: %v, want %v", seed, got, want)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// disk returns a file system with a log of some groups, and what they mean. The log was not
// closed: its newest groups are in the WAL alone unless they were flushed.
func disk(t *testing.T, rng *rand.Rand, flush bool) (*vfs.MemFS, *model) {
	t.Helper()
	fs := vfs.NewCrashableMem()
	l := openCrash(t, fs)
	defer l.Close()
	w := claim(t, l, 1)
	var groups []compaction.Group
	for number := range uint64(40) {
		g := randomGroup(rng, number+1)
		groups = append(groups, g)
		if _, err := w.Append(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if flush && number%10 == 9 {
			if err := l.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// As after kill -9: everything that was written is there, synced or not.
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng}), meaning(groups)
}

// One flipped byte, in whatever file, is noticed or does no harm: a log never has fewer records
// than were acknowledged without saying so.
func TestFlippedByte(t *testing.T) {
	refused, stopped, harmless := 0, 0, 0
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 3))
		fs, want := disk(t, rng, seed%2 == 0)
		name, offset := flip(t, rng, fs)
		where := fmt.Sprintf("seed %d, byte %d of %s", seed, offset, name)
		l, err := Open("log", testTopics, inMemory(fs))
		if err != nil {
			refused++
			continue
		}
		var got *model
		entries, err := read(t.Context(), l, 1)
		if err == nil {
			got = newModel()
			for _, e := range entries {
				got.apply(e.Topic, string(e.Key), e.Value)
			}
		}
		corrupt, named := errors.AsType[*compaction.CorruptError](err)
		switch {
		case err != nil && (!named || corrupt.Shard != 1):
			t.Errorf("%s: %v does not name the place", where, err)
		case err != nil:
			stopped++
			if _, err := l.Claim(t.Context(), 1); err == nil {
				t.Errorf("%s: a damaged shard could be claimed", where)
			}
		case !got.equal(want):
			t.Errorf("%s: the log means %v, want %v", where, got, want)
		default:
			harmless++
		}
		if err := l.Close(); err != nil && named {
			t.Errorf("%s: close: %v", where, err)
		}
	}
	t.Logf("%d logs did not open, %d shards stopped, %d flips did no harm",
		refused, stopped, harmless)
}

// flip changes a byte of a file that holds something.
func flip(t *testing.T, rng *rand.Rand, fs *vfs.MemFS) (string, int) {
	t.Helper()
	var files []string
	for _, dir := range []string{"log", "log/groups"} {
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if b, err := fs.UnsafeGetFileDataBuffer(filepath.Join(dir, n)); err == nil && len(b) > 0 {
				files = append(files, filepath.Join(dir, n))
			}
		}
	}
	// A recycled WAL is not part of the log; the newest files matter most.
	name := files[rng.IntN(len(files))]
	b, err := fs.UnsafeGetFileDataBuffer(name)
	if err != nil {
		t.Fatal(err)
	}
	i := rng.IntN(len(b))
	b[i] ^= byte(1 + rng.IntN(255))
	return name, i
}
