package compaction_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Positions stand in the batch of what they are of: wherever a crash cuts off what the store had
// written, it is replayed from what is left, and is the fold of the log.
func TestStoreCutAnywhere(t *testing.T) {
	fs := vfs.NewCrashableMem()
	c := startIn(t, fs)
	if err := c.shards.Restored(ctx); err != nil {
		t.Fatal(err)
	}
	const numbers = 4
	for range numbers {
		do(t, c.shards, add("acme", "invoice"))
	}
	c.stop(t)
	path, whole := written(t, fs)
	all := vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}
	const step = 9
	replayed := 0
	for n := max(0, len(whole)-400); n <= len(whole); n += step {
		after := fs.CrashClone(all)
		cutTo(t, after, path, whole[:n])
		c := startIn(t, after)
		if err := c.shards.Restored(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := c.shards.CompareStore(ctx, 0)
		if err != nil || r.Different != nil {
			t.Errorf("cut after %d of %d bytes: different %v, %v", n, len(whole), r.Different, err)
		}
		a := do(t, c.shards, add("acme", "invoice"))
		if want := fmt.Sprint(numbers + 1); string(a.Body) != want {
			t.Errorf("cut after %d of %d bytes: number %s, want %s", n, len(whole), a.Body, want)
		}
		if c.shards.Stats()[0].Rebuilds == 0 {
			replayed++
		}
		c.stop(t)
	}
	// One that is cut before it says that its background topics are whole is made anew.
	if replayed == 0 {
		t.Error("every store was rebuilt, none was replayed")
	}
}

// written returns what the store of shard 0 wrote last, and its file.
func written(t *testing.T, fs vfs.FS) (path string, text []byte) {
	t.Helper()
	names, err := fs.List("store/shard-000")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if filepath.Ext(name) == ".log" {
			path = max(path, "store/shard-000/"+name)
		}
	}
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = io.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path, text
}

// cutTo makes a file of text.
func cutTo(t *testing.T, fs vfs.FS, path string, text []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
