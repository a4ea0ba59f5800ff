package main

import (
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A disk is the file system of one machine. It outlives its processes, may be slow, and after a
// crash holds what was synced and, of the rest, what chance leaves.
type disk struct {
	memory *vfs.MemFS
	slow   atomic.Int64 // nanoseconds that a write takes
}

func newDisk() *disk { return &disk{memory: vfs.NewCrashableMem()} }

// fs is the disk as a process sees it. Only tables are slow to write: Pebble holds locks while it
// writes some of the rest, and time in a bubble does not pass as long as somebody waits for a lock.
func (d *disk) fs() vfs.FS {
	return errorfs.Wrap(d.memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && filepath.Ext(op.Path) == ".sst" {
			time.Sleep(time.Duration(d.slow.Load()))
		}
		return nil
	}))
}

// crash returns the disk as it is after the machine lost its power.
func (d *disk) crash(percent int, rng *rand.Rand) *disk {
	o := vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}
	return &disk{memory: d.memory.CrashClone(o)}
}
