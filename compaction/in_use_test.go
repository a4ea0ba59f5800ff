package compaction_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quittance/quittance/compaction"
)

// TestStoreInUse: a store that somebody else has open was taken for a damaged one. It was removed
// under a process that served from it, and what that decided from then on was wrong, for ever. A
// shard whose store is in use stops and says so; a history waits; and the store is as it was.
func TestStoreInUse(t *testing.T) {
	e := startEngine(t, t.TempDir(), numbers).run()
	e.count(1, 1)
	e.projected(e.log, 2)
	e.stop()
	file, other := inUse(t, e.dir+"/store/shard-000")
	e = startEngine(t, e.dir, numbers)
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(running) }()
	err := e.Ready(running)
	var stopped *compaction.StoppedError
	if !errors.As(err, &stopped) || !errors.Is(err, compaction.ErrLocked) {
		t.Errorf("a shard whose store is in use: %v, want that it has stopped for ErrLocked", err)
	}
	cancel()
	if err := errors.Join(<-ended, e.log.Close(), other.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the store was removed: %v", err)
	}
	file, other = inUse(t, e.dir+"/store/history-000")
	e = startEngine(t, e.dir, numbers).run()
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	e.projected(e.log, 2)
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the history was removed: %v", err)
	}
}

// inUse locks a store and leaves a file in it, which goes where the store does.
func inUse(t *testing.T, dir string) (string, io.Closer) {
	t.Helper()
	file := filepath.Join(dir, "left")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	return file, other
}
