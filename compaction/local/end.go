package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// An endFile remembers, beside the database, the last acknowledged group of each shard. It is
// written after the commit, so it is never ahead of what was durable, and synced once a second, so
// it costs an Append one small write to the page cache.
//
// It is there for the last commit of the newest WAL. Pebble finds damage in a WAL by what follows:
// a later chunk tells how far the file had been synced. Nothing follows the last chunk, so one
// flipped byte in it looks like a write that was cut off, and an acknowledged group would be gone
// without an error. The same goes for a WAL, or the end of a MANIFEST, that is missing altogether.
// After a loss of power the file may lag behind, and then proves less; it never proves wrong.
type endFile struct {
	f       vfs.File
	changed atomic.Bool // since it was synced
}

const endSlot = 16

// openEnd opens the file and returns the groups that it proves were acknowledged, 0 where it
// proves nothing.
func openEnd(fs vfs.FS, path string, shards int) (*endFile, []uint64, error) {
	f, err := fs.OpenReadWrite(path, "quittance-end")
	if err != nil {
		return nil, nil, fmt.Errorf("local: %w", err)
	}
	b := make([]byte, shards*endSlot)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, errors.Join(fmt.Errorf("local: %w", err), f.Close())
	}
	proved := make([]uint64, shards)
	for i := range shards {
		// A slot that was cut off or damaged proves nothing.
		slot := b[i*endSlot : (i+1)*endSlot]
		if body, err := unseal([]byte{byte(i >> 8), byte(i)}, slot[:12]); err == nil &&
			(i+1)*endSlot <= n {
			proved[i] = binary.BigEndian.Uint64(body)
		}
	}
	return &endFile{f: f}, proved, nil
}

// acknowledge writes that a shard's group is durable. Shards may be written at the same time.
func (e *endFile) acknowledge(shard int, group uint64) error {
	var slot [endSlot]byte
	binary.BigEndian.PutUint64(slot[:], group)
	seal([]byte{byte(shard >> 8), byte(shard)}, slot[:8])
	_, err := e.f.WriteAt(slot[:], int64(shard)*endSlot)
	e.changed.Store(true)
	return err
}

// sync makes what was acknowledged so far durable.
func (e *endFile) sync() error {
	if !e.changed.Swap(false) {
		return nil
	}
	return e.f.SyncData()
}

func (e *endFile) close() error { return errors.Join(e.sync(), e.f.Close()) }
