package compaction

import (
	"context"
	"fmt"
)

// marking finds out how the source is to be marked. A log that has moved keeps its mark: it is
// served where it says, whoever else copies it.
func (c *copier) marking(ctx context.Context) error {
	if c.o.MovedTo == "" {
		return nil
	}
	marked, ok := c.from.(MarkedLog)
	if !ok {
		return fmt.Errorf("compaction: copy: a %T cannot be marked as moved", c.from)
	}
	m, err := marked.Mark(ctx)
	if err != nil {
		return fmt.Errorf("compaction: copy: %w", err)
	}
	if c.moved = m.Moved; c.moved == nil {
		c.moved = &Move{c.o.MovedTo, c.o.Clock().UTC()}
	}
	return nil
}

// seal marks the source as moved. Its writer was not fenced until then, or this fails: whoever
// claims it later finds the mark. A crash leaves some shards marked, which is as good as all.
func (s *shardCopy) seal(ctx context.Context) error {
	return setMark(ctx, s.source, Mark{Moved: s.moved})
}

// unseal takes the mark from the target, when the source has it.
func (s *shardCopy) unseal(ctx context.Context) error { return setMark(ctx, s.target, Mark{}) }

func setMark(ctx context.Context, w Writer, m Mark) error {
	marking, ok := w.(MarkingWriter)
	if !ok {
		return fmt.Errorf("a %T cannot mark its log", w)
	}
	return marking.SetMark(ctx, m)
}
