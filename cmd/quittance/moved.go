package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/quittance/quittance/compaction"
)

// markOf returns what a log says of itself.
func markOf(ctx context.Context, l compaction.Log) (compaction.Mark, error) {
	marked, ok := l.(compaction.MarkedLog)
	if !ok {
		return compaction.Mark{}, fmt.Errorf("a %T has no mark", l)
	}
	return marked.Mark(ctx)
}

// openOwn opens the log for this process to own shards of. One that has moved is refused, for
// commands that read is looked at as it stands, and is taken back where that is wanted.
func (e *engine) openOwn(ctx context.Context, o engineOptions) error {
	if err := e.openLog(ctx, o); err != nil {
		return err
	}
	m, err := markOf(ctx, e.log)
	switch {
	case err != nil:
	case m.Moved == nil:
		return nil
	case o.reading:
		e.log = compaction.Still(e.log)
		return nil
	case !o.unseal:
		err = fmt.Errorf("%w.\nServe it there: what is answered here would be missing there, and what "+
			"is due would be done twice.\nTo go back on purpose, when nobody serves it there any more: "+
			"quittance copy --unseal from there\nto here, or quittance serve --unseal, which forgets "+
			"what was answered there", &compaction.MovedError{Move: *m.Moved})
	}
	if err := errors.Join(err, e.log.Close()); err != nil {
		return err
	}
	if err := e.remark(ctx, o, func(m *compaction.Mark) { m.Moved = nil }); err != nil {
		return err
	}
	o.logger.Warn("the log had moved and is served here again", "moved to", m.Moved.To)
	return e.openLog(ctx, o)
}

// remark changes the mark of the log, before it is opened to be served.
func (e *engine) remark(
	ctx context.Context, o engineOptions, change func(*compaction.Mark),
) (err error) {
	if o.cluster != nil {
		c := *o.cluster
		o.cluster, c.Moved = &c, true
	}
	o.log.Moved = true
	if err := e.openLog(ctx, o); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.log.Close()) }()
	return compaction.Remark(ctx, e.log, change)
}
