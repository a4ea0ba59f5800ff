package local

import (
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeFolder makes dir and the folders above it that are missing, and syncs the folder above each:
// a power cut must not take away the folder of a log that has acknowledged something.
func makeFolder(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeFolder(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	d, err := fs.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
