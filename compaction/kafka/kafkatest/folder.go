package kafkatest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A folder holds a cluster. A lock in it tells that its test is alive: what a killed one left, the
// next removes.
type folder struct {
	path string
	lock *os.File
}

const folderPattern = "quittance-kafkatest-*"

// sweep removes what killed tests left, once a process.
var sweep = sync.OnceValue(func() error {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), folderPattern))
	for _, dir := range left {
		err = errors.Join(err, removeDead(dir))
	}
	return err
})

// removeDead removes dir unless somebody holds its lock, or is just about to take it.
func removeDead(dir string) error {
	made, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Since(made.ModTime()) < time.Minute {
		return nil
	}
	f := &folder{path: dir}
	if err := f.take(); err != nil {
		return nil // somebody's
	}
	return f.remove()
}

// newFolder makes a folder in dir, or in that of temporary files.
func newFolder(dir string) (*folder, error) {
	if err := sweep(); err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(dir, folderPattern)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	return f, f.take()
}

func (f *folder) take() (err error) {
	if f.lock, err = os.Create(filepath.Join(f.path, "lock")); err != nil {
		return err
	}
	if err := unix.Flock(int(f.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(err, f.lock.Close())
	}
	return nil
}

// remove removes everything. Nothing may run in it any more.
func (f *folder) remove() error {
	disks, err := filepath.Glob(filepath.Join(f.path, "*", "disk"))
	for _, disk := range disks {
		err = errors.Join(err, unmount(disk))
	}
	return errors.Join(err, os.RemoveAll(f.path), f.lock.Close())
}
