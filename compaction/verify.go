package compaction

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A StoreReport says how a shard's store compares with the log.
type StoreReport struct {
	Shard     int
	Group     uint64   // the last group both were compared at
	Records   int      // keys compared, derived ones included
	Digest    [32]byte // SHA-256 over the keys and values, in order; equal for equal stores
	Different []string // the first keys that differ, at most ten; nil if store and log agree
}

// CompareStore folds a shard's log into a store of its own, up to where the shard's store is, and
// compares the two, key by key: records and all that is derived from them. The folded store is
// made by sorted chunks from what the log has now, the other by the group as each came, so this
// also compares the two ways of making one. Idle or busy, the shard goes on serving.
// One comparison of a shard is made at a time.
func (s *Shards) CompareStore(ctx context.Context, shard int) (StoreReport, error) {
	s.slots[shard].comparing.Lock()
	defer s.slots[shard].comparing.Unlock()
	for again := 0; ; again++ {
		report, err := s.compareStore(ctx, shard)
		// A cleaning of the log meanwhile takes records that later ones have replaced, which the
		// view still has. What truly differs differs every time.
		if err != nil || report.Different == nil || again == 2 {
			return report, err
		}
	}
}

func (s *Shards) compareStore(ctx context.Context, shard int) (StoreReport, error) {
	report := StoreReport{Shard: shard}
	err := s.view(shard, func(v *View) error {
		if v.restoring {
			return ErrRestoring
		}
		state, err := stateOf(v.snapshot)
		if err != nil {
			return err
		}
		report.Group = state.group
		dir := s.storeDir(shard) + ".verify"
		o := s.storeOptions()
		to := target{end: state.positions, classes: []Class{Open, Background}}
		err = rebuild(ctx, s.o.Log, shard, to, dir, s.o.Schema, o)
		if err != nil {
			return err
		}
		folded, err := openStore(dir, shard, s.o.Schema, o)
		if err != nil {
			return err
		}
		err = compare(v.snapshot, folded.db, &report)
		return errors.Join(err, folded.close(), o.fs.RemoveAll(dir))
	})
	return report, err
}

func stateOf(r pebble.Reader) (storeState, error) {
	v, closer, err := r.Get([]byte(stateKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return storeState{}, nil
	}
	if err != nil {
		return storeState{}, err
	}
	state, err := decodeStoreState(v)
	return state, errors.Join(err, closer.Close())
}

// compare walks two stores together and notes the keys that are not in both with the same value.
func compare(a, b pebble.Reader, report *StoreReport) error {
	left, err := a.NewIter(nil)
	if err != nil {
		return err
	}
	right, err := b.NewIter(nil)
	if err != nil {
		return errors.Join(err, left.Close())
	}
	digest := sha256.New()
	l, r := left.First(), right.First()
	for l || r {
		order := 0
		switch {
		case !r:
			order = -1
		case !l:
			order = 1
		default:
			order = bytes.Compare(left.Key(), right.Key())
		}
		it := left
		if order > 0 {
			it = right
		}
		same := order == 0 && bytes.Equal(left.Value(), right.Value())
		if string(it.Key()) != stateKey {
			report.Records++
			fmt.Fprintf(digest, "%d %d ", len(it.Key()), len(it.Value()))
			digest.Write(it.Key())   // a hash never fails
			digest.Write(it.Value()) //
			if !same && len(report.Different) < 10 {
				report.Different = append(report.Different, fmt.Sprintf("%q", it.Key()))
			}
		}
		if order <= 0 {
			l = left.Next()
		}
		if order >= 0 {
			r = right.Next()
		}
	}
	digest.Sum(report.Digest[:0])
	return errors.Join(left.Close(), right.Close())
}
