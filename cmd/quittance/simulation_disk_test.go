package main

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A disk is the file system of one machine. It outlives its processes, and after a crash holds what
// was synced and, of the rest, what chance leaves.
type disk struct {
	memory *vfs.MemFS
	ills   *ills
}

// The ills of a disk outlive crashes.
type ills struct {
	slow atomic.Int64 // nanoseconds that anything takes
	owed atomic.Int64 // and that it has not taken yet
	full atomic.Bool
}

func newDisk() *disk { return &disk{vfs.NewCrashableMem(), &ills{}} }

// fs is the disk as a process sees it. One that stands still is not served. What is not written for
// want of room ends the process, which is what Pebble does for all but tables.
func (d *disk) fs(w *wire, end func()) vfs.FS {
	return errorfs.Wrap(d.memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
		d.wait(w)
		if d.ills.full.Load() && grows(op.Kind) {
			end()
		}
		return nil
	}))
}

// wait takes the time that the disk takes.
func (d *disk) wait(w *wire) {
	slow := d.ills.slow.Load()
	switch {
	case slow == 0 && !w.stands():
	case held():
		d.ills.owed.Store(min(d.ills.owed.Load()+slow, int64(longestDebt)))
	default:
		w.stand()
		time.Sleep(time.Duration(slow + d.ills.owed.Swap(0)))
	}
}

// grows reports whether something wants room.
func grows(k errorfs.OpKind) bool {
	switch k {
	case errorfs.OpCreate, errorfs.OpFilePreallocate, errorfs.OpFileWrite, errorfs.OpFileWriteAt:
		return true
	}
	return false
}

// longestDebt is how far a disk falls behind.
const longestDebt = 20 * time.Second

// holders are what Pebble and shards do with locks held that other goroutines wait for, and time in
// a bubble does not pass as long as somebody waits for a lock. What these take of a slow disk's
// time is taken when it is next asked for something else.
var holders = []string{"/pebble/v2.Open", "/pebble/v2.(*DB).Close", "(*LogWriter).flushLoop",
	"/compaction.(*shard).publish"}

// held reports whether one of them is what asks.
func held() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for f, more := frames.Next(); more; f, more = frames.Next() {
		if slices.ContainsFunc(holders, func(h string) bool {
			return strings.HasSuffix(f.Function, h)
		}) {
			return true
		}
	}
	return false
}

// crash returns the disk as it is after the machine lost its power.
func (d *disk) crash(percent int, rng *rand.Rand) *disk {
	o := vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}
	return &disk{d.memory.CrashClone(o), d.ills}
}
