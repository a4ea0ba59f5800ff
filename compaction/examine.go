package compaction

import (
	"context"
	"errors"
	"fmt"
)

// examinations is how often an examination is begun that ends because its shard is dropped.
const examinations = 3

// errDropped is the ErrNotServing that ends what takes longer than its shard is served.
var errDropped = fmt.Errorf("%w: it was dropped or given up meanwhile", ErrNotServing)

// Examine calls f with a view of a shard that is as current as that of Read, for as long as f
// takes. Nobody waits for f: when the shard drops itself or is to be given up, f's context ends and
// the view shows nothing more. Then f must return; what it has found is worth nothing. It is called
// anew with another view when the shard is served again, three times in all.
//
// Errors: ErrNotServing, also when the shard was given up or was dropped each time; those of f, and
// that of ctx if it ends while nothing is served.
func (s *Shards) Examine(
	ctx context.Context, shard int, f func(ctx context.Context, v *View) error,
) error {
	slot := s.slots[shard]
	for again := 1; ; again++ {
		if err := slot.renew(); err != nil {
			return err
		}
		dropped, err := slot.examine(ctx, f)
		if !errors.Is(err, errDropped) || again == examinations {
			return err
		}
		if err := slot.another(ctx, dropped); err != nil {
			return err
		}
	}
}

// examine calls f once, and returns the shard that was examined.
func (s *slot) examine(
	ctx context.Context, f func(context.Context, *View) error,
) (*shard, error) {
	sh, err := s.hold()
	if err != nil {
		return nil, err
	}
	defer s.readers.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(sh.served, func() { cancel(errDropped) })()
	v := sh.view()
	if v == nil {
		return sh, errDropped
	}
	v.ctx = ctx
	err = errors.Join(f(ctx, v), v.snapshot.Close())
	if err != nil && context.Cause(ctx) == errDropped {
		err = errDropped // whatever f made of it
	}
	return sh, err
}

// another waits until a shard is served that is not the one before.
func (s *slot) another(ctx context.Context, before *shard) error {
	_, err := s.wait(ctx, func(sh *shard) bool { return sh != before })
	return err
}
