package compaction

import (
	"errors"
	"testing"
)

// TestSnapshotBehind: a store that lacks what was answered is read no more, in the moment before
// its shard is given up, too.
func TestSnapshotBehind(t *testing.T) {
	s := &Shards{slots: []*slot{newSlot(true)}}
	s.slots[0].set(&shard{behind: true})
	err := s.snapshot(0, func(*View) error {
		t.Error("it is read")
		return nil
	})
	if !errors.Is(err, ErrNotServing) {
		t.Errorf("%v, want ErrNotServing", err)
	}
	s.slots[0].readers.Wait() // nobody is left who holds it
}
