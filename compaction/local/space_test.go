package local

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"github.com/quittance/quittance/compaction"
)

// fillUp appends until there is no room, and returns the number of the group that was refused.
func fillUp(t *testing.T, w compaction.Writer, number uint64) uint64 {
	t.Helper()
	for ; ; number++ {
		_, err := w.Append(t.Context(), bulky(number))
		if err == nil {
			continue
		}
		refused, ok := errors.AsType[*compaction.SpaceError](err)
		if !ok || !errors.Is(err, compaction.ErrNotCommitted) {
			t.Fatalf("group %d: %v, want a SpaceError that is an ErrNotCommitted", number, err)
		}
		if refused.Reserve == 0 || refused.Path == "" {
			t.Errorf("%+v does not say how much there is", refused)
		}
		return number
	}
}

// bulky is a group of 256 KiB that does not compress.
func bulky(number uint64) compaction.Group {
	value := make([]byte, 256<<10)
	x := number*2654435761 + 1
	for i := range value {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		value[i] = byte(x)
	}
	return compaction.Group{Number: number, Time: start, Records: []compaction.Record{
		{Topic: topicJournal, Key: []byte("big"), Value: value}}}
}

// When space runs out, appends are refused, reads go on, and appends go on when there is space.
func TestSpace(t *testing.T) {
	var free atomic.Uint64
	free.Store(64 << 20)
	l := openLog(t, t.TempDir(), Options{Shards: 1, Reserve: 16 << 20,
		Space: func(string) (uint64, error) { return free.Load(), nil }})
	w := claim(t, l, 0)
	if _, err := w.Append(t.Context(), bulky(1)); err != nil {
		t.Fatal(err)
	}
	free.Store(16 << 20)
	next := fillUp(t, w, 2)
	if got, err := read(t.Context(), l, 0); err != nil || len(got) != int(next)-1 {
		t.Errorf("read %d records, %v; want %d", len(got), err, next-1)
	}
	if l.Stats().Refused == 0 {
		t.Error("the refusal is not counted")
	}
	free.Store(64 << 20)
	if _, err := w.Append(t.Context(), bulky(next)); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

// When nobody can tell how much space there is, nothing is written and nothing is lost.
func TestSpaceUnknown(t *testing.T) {
	broken := errors.New("no answer")
	var fail atomic.Bool
	l := openLog(t, t.TempDir(), Options{Shards: 1, Space: func(string) (uint64, error) {
		if fail.Load() {
			return 0, broken
		}
		return 1 << 40, nil
	}})
	w := claim(t, l, 0)
	fail.Store(true)
	group := bulky(1)
	group.Records[0].Value = bytes.Repeat([]byte("x"), 2*askBytes)
	_, err := w.Append(t.Context(), group)
	if !errors.Is(err, compaction.ErrNotCommitted) || !errors.Is(err, broken) {
		t.Errorf("got %v, want ErrNotCommitted and the cause", err)
	}
	fail.Store(false)
	if _, err := w.Append(t.Context(), group); err != nil {
		t.Error(err)
	}
}

// A compaction's files are refused when the last of the disk is in use; WALs and flushes are not.
func TestScarce(t *testing.T) {
	free := uint64(1 << 20)
	fs := vfs.NewMem()
	g := &guardFS{FS: fs, space: &space{fs: fs, reserve: 8 << 20,
		ask: func(string) (uint64, error) { return free, nil }}}
	if _, err := g.Create("1.sst", compactions); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a compaction's file: %v, want ENOSPC", err)
	}
	for _, category := range []vfs.DiskWriteCategory{"pebble-wal", "pebble-memtable-flush"} {
		f, err := g.Create("2", category)
		if err != nil {
			t.Fatalf("%s: %v", category, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	free = 4 << 20
	time.Sleep(askEvery)
	f, err := g.Create("1.sst", compactions)
	if err != nil {
		t.Fatalf("with space again: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// On a disk that is really full the process lives, nothing that was acknowledged is lost, and
// writing goes on when there is space. Where a test may not mount a file system, the disk is one
// that only says how large it is.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	const size = 96 << 20
	o := Options{Shards: 1, Reserve: 32 << 20}
	mounted := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=96m") == nil
	if mounted {
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	} else {
		o.Space = func(dir string) (uint64, error) { return size - min(size, folderSize(t, dir)), nil }
	}
	t.Logf("a file system of its own: %t", mounted)
	l := openLog(t, dir, o)
	w := claim(t, l, 0)
	next := fillUp(t, w, 1)
	if next < 50 {
		t.Fatalf("only %d groups of 256 KiB fit on %d bytes", next-1, size)
	}
	// Another program takes the rest of the disk, to the last byte.
	other := filepath.Join(dir, "other")
	for range 5 {
		hog(t, other, 64<<20)
		fillUp(t, w, next)
		time.Sleep(300 * time.Millisecond) // let the reserve be freed, and taken too
	}
	if got, err := read(t.Context(), l, 0); err != nil || len(got) != int(next)-1 {
		t.Errorf("on the full disk: read %d records, %v; want %d", len(got), err, next-1)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	full := fillUp(t, w, next)
	// The rest as an operator would make it: the oldest files of somebody else go.
	if mounted {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=256m"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Append(t.Context(), bulky(full)); err != nil {
			t.Errorf("on a larger disk: %v", err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, o)
	if got, err := read(t.Context(), l, 0); err != nil || len(got) < int(full)-1 {
		t.Errorf("after opening again: read %d records, %v; want %d", len(got), err, full-1)
	}
}

// hog makes a file that takes up to so many bytes, as many as there are.
func hog(t *testing.T, path string, size int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 256<<10)
	for written := 0; written < size; written += len(piece) {
		if _, err := f.Write(piece); err != nil {
			break // the disk is full
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// folderSize returns how many bytes a folder's files hold.
func folderSize(t *testing.T, dir string) (size uint64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // Pebble removes files meanwhile
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			size += uint64(info.Size())
		}
		return nil
	})
	return size
}
