package local

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A selfMark is what the log says of itself, as it is stored.
type selfMark struct {
	mu sync.Mutex
	is compaction.Mark
}

var _ compaction.MarkedLog = (*Log)(nil)

// Mark returns what the log says of itself.
func (l *Log) Mark(ctx context.Context) (compaction.Mark, error) {
	l.mark.mu.Lock()
	m := l.mark.is
	l.mark.mu.Unlock()
	for _, s := range l.shards {
		e, err := s.committed()
		// A shard that is damaged was written to.
		m.Claimed = m.Claimed || err != nil || e.group > 0
	}
	return m, ctx.Err()
}

// Last returns the number and the stamp of a shard's last group.
func (l *Log) Last(ctx context.Context, shard int) (uint64, time.Time, error) {
	s, err := l.enter(shard)
	if err != nil {
		return 0, time.Time{}, err
	}
	defer l.leave()
	e, err := s.committed()
	if err != nil {
		return 0, time.Time{}, err
	}
	return e.group, e.time, ctx.Err()
}

// SetMark changes what the log says of itself: one mark for all its shards.
func (w *writer) SetMark(ctx context.Context, m compaction.Mark) error {
	l := w.log
	if _, err := l.enter(w.shard.id); err != nil {
		return fmt.Errorf("%w: %w", compaction.ErrNotCommitted, err)
	}
	defer l.leave()
	w.shard.writing.Lock()
	defer w.shard.writing.Unlock()
	if _, err := w.may(ctx); err != nil {
		return err
	}
	l.mark.mu.Lock()
	defer l.mark.mu.Unlock()
	return l.remember(m)
}

// recall reads the mark. It refuses a log that is served with another secret than the mark knows.
func (l *Log) recall() error {
	body, err := readMeta(l.db, markKey)
	if err != nil || body == nil {
		return err
	}
	m, err := compaction.DecodeMark(body)
	if err != nil {
		return err
	}
	own := l.options.SecretCheck
	if len(own) > 0 && len(m.Secret) > 0 && !hmac.Equal(own, m.Secret) {
		return errSecret
	}
	l.mark.is = m
	return nil
}

// errSecret reports a log that was served with another secret. With two of them nobody could tell a
// repeated request from another one.
var errSecret = errors.New("local: the log was served with another secret than this one: restore " +
	"the file that belongs to it")

// admit lets a shard be claimed, unless the log has moved. The first claim with a secret writes
// down what it is known by.
func (l *Log) admit() error {
	l.mark.mu.Lock()
	defer l.mark.mu.Unlock()
	m := l.mark.is
	if m.Moved != nil && !l.options.Moved {
		return &compaction.MovedError{Move: *m.Moved}
	}
	if len(l.options.SecretCheck) == 0 || len(m.Secret) > 0 {
		return nil
	}
	m.Secret = l.options.SecretCheck
	return l.remember(m)
}

// remember writes the mark. A crash leaves it as it was, or as it is.
func (l *Log) remember(m compaction.Mark) error {
	if m.Secret == nil {
		m.Secret = l.mark.is.Secret
	}
	body, err := m.Encode()
	if err != nil {
		return err
	}
	if err := writeMeta(l.db, markKey, body); err != nil {
		return err
	}
	m.Claimed = true
	l.mark.is = m
	return nil
}
