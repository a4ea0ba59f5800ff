package compaction

import (
	"errors"
	"log/slog"
	"time"
)

// untakenEvery is how often it is told that a log goes on taking nothing.
const untakenEvery = 10 * time.Second

// untaken tells an operator of groups that the log did not take, and why: their callers are only
// told that nothing was written. It tells of the first, then now and then, and when it is over. It
// is the shard's goroutine's.
type untaken struct {
	groups int       // since the last one that was taken
	told   time.Time // when that was last told
}

// note notes what became of an append.
func (u *untaken) note(l *slog.Logger, shard int, err error) {
	switch {
	case err == nil && u.groups > 0:
		l.Info("the log takes groups again", "shard", shard, "refused", u.groups)
		u.groups = 0
	case errors.Is(err, ErrNotCommitted):
		u.groups++
		if now := time.Now(); u.groups == 1 || now.Sub(u.told) >= untakenEvery {
			l.Warn("the log did not take a group: nothing of it was done", "shard", shard,
				"error", err, "refused", u.groups)
			u.told = now
		}
	}
}
