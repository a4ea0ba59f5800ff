package compaction

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

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
// also compares the two ways of making one. Idle or busy, the shard goes on serving, and one that
// drops itself or is given up does not wait for it: see Examine. One comparison of a shard is made
// at a time.
func (s *Shards) CompareStore(ctx context.Context, shard int) (StoreReport, error) {
	s.slots[shard].comparing.Lock()
	defer s.slots[shard].comparing.Unlock()
	for again := 0; ; again++ {
		var report StoreReport
		err := s.Examine(ctx, shard, func(ctx context.Context, v *View) (err error) {
			report, err = s.compareStore(ctx, shard, v)
			return err
		})
		// A cleaning of the log meanwhile takes records that later ones have replaced, which the
		// view still has. What truly differs differs every time.
		if err != nil || report.Different == nil || again == 2 {
			return report, err
		}
	}
}

func (s *Shards) compareStore(ctx context.Context, shard int, v *View) (StoreReport, error) {
	report := StoreReport{Shard: shard}
	if v.restoring {
		return report, ErrRestoring
	}
	state, err := stateOf(v.snapshot)
	if err != nil {
		return report, err
	}
	report.Group = state.group
	dir := s.storeDir(shard) + ".verify"
	o := s.storeOptions()
	to := target{end: state.positions, classes: []Class{Open, Background}}
	if err := rebuild(ctx, s.o.Log, shard, to, dir, s.o.Schema, o); err != nil {
		return report, err
	}
	folded, err := openStore(dir, shard, s.o.Schema, o)
	if err != nil {
		return report, err
	}
	err = compare(ctx, v.snapshot, folded.db, &report)
	return report, errors.Join(err, folded.close(), o.fs.RemoveAll(dir))
}

// CheckTopics reads what CompareStore leaves out of a shard's log: what stands behind its store, in
// every topic, and all of the topics that only grow, but those that the caller has read. A record
// that the program did not write, or not where it stands, is a *CorruptError: it would stop whoever
// claims the shard next, and an owner goes on meanwhile, who does not read what it has written. It
// returns how many records were read.
func (s *Shards) CheckTopics(ctx context.Context, shard int, read ...string) (int, error) {
	var others []string
	for _, name := range s.o.Schema.names(AppendOnly) {
		if !slices.Contains(read, name) {
			others = append(others, name)
		}
	}
	records := 0
	err := s.Examine(ctx, shard, func(ctx context.Context, v *View) error {
		state, err := stateOf(v.snapshot)
		if err != nil {
			return err
		}
		end, err := s.o.Log.End(ctx, shard)
		if err != nil {
			return err
		}
		records = 0
		count := func(b Batch) error {
			records += len(b.Entries)
			return nil
		}
		err = each(ctx, s.o.Log, shard, Range{From: state.positions, To: end}, count)
		if err == nil && len(others) > 0 {
			err = each(ctx, s.o.Log, shard, Range{To: end, Topics: others}, count)
		}
		return err
	})
	return records, err
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
func compare(ctx context.Context, a, b pebble.Reader, report *StoreReport) error {
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
		if err := ctx.Err(); err != nil {
			return errors.Join(err, left.Close(), right.Close())
		}
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
