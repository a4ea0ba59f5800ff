package local

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"github.com/quittance/quittance/compaction"
)

// Lock takes a folder for this process, until what it returns is closed or the process ends, as
// Open does that of a log: for whoever keeps something else in one that two must not write to. The
// error for a folder that is taken wraps compaction.ErrLocked and names the holder.
func Lock(dir string) (io.Closer, error) { return lock(vfs.Default, dir) }

// lock takes the folder for this process, until what it returns is closed or the process ends. The
// error for a folder that is taken wraps compaction.ErrLocked and names the holder.
func lock(fs vfs.FS, dir string) (io.Closer, error) {
	if fs != vfs.Default {
		c, err := fs.Lock(fs.PathJoin(dir, "LOCK"))
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", compaction.ErrLocked, dir, err)
		}
		return c, nil
	}
	// flock and not fcntl: a lock by fcntl is lost when any other descriptor of the file closes,
	// and does not keep the process from itself.
	path := filepath.Join(dir, "LOCK")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("local: lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 100))
		_ = f.Close() // nothing was written to it
		return nil, fmt.Errorf("%w: %s is held by process %s (%w)",
			compaction.ErrLocked, dir, strings.TrimSpace(string(holder)), err)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		_ = f.Close() // the write's error is the one to tell
		return nil, fmt.Errorf("local: lock: %w", err)
	}
	return f, nil
}
