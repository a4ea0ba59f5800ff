package local

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quittance/quittance/compaction"
)

// A cleaner compacts the log, one pass over one family of one shard at a time.
type cleaner struct {
	log *Log

	mu   sync.Mutex            // one pass at a time; covers what follows
	last map[chainID]time.Time // when a chain's last pass was, as far as this process knows

	statsMu sync.Mutex
	stats   CleanStats
	at      time.Time // of the last pass that did something
	err     error     // of the last pass
}

type chainID struct {
	shard  int
	family family
}

// CleanOptions say how thorough Clean is.
type CleanOptions struct {
	// DeleteRetention is how old a tombstone must be to go; nil: as old as its topic says. A
	// shorter one is for stores that are known to have read everything: a store that has not
	// would keep the keys for ever.
	DeleteRetention *time.Duration
}

// CleanStats count what a cleaning did.
type CleanStats struct {
	Passes     int
	Superseded int // records that a later one of their key replaced
	Tombstones int // tombstones whose time was over
	Expired    int // append-only records whose topic's retention was over
	Rewritten  int // groups written again without some of their records
	Removed    int // groups of which nothing was left
}

func (s *CleanStats) add(o CleanStats) {
	s.Passes += o.Passes
	s.Superseded += o.Superseded
	s.Tombstones += o.Tombstones
	s.Expired += o.Expired
	s.Rewritten += o.Rewritten
	s.Removed += o.Removed
}

// Clean compacts everything that has been appended before the call and returns when the bytes of
// removed records are gone from the folder's files. Appends and reads go on beside it. It may be
// called at any time and stopped by ctx at any time: what has been cleaned until then stays so.
// A reader in the middle of a batch keeps the files that it reads until it has them.
func (l *Log) Clean(ctx context.Context, o CleanOptions) (CleanStats, error) {
	var total CleanStats
	if _, err := l.enter(0); err != nil {
		return total, err
	}
	defer l.leave()
	c := l.cleaner
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range l.shards {
		for _, f := range []family{open, background, bounded} {
			did, err := c.exhaust(ctx, s, f, o)
			total.add(did)
			if err != nil {
				return total, err
			}
		}
	}
	return total, l.erase(ctx)
}

// exhaust makes passes until all that is there now is clean, and one more for the tombstones,
// which may only go when older values of their keys are durably gone.
func (c *cleaner) exhaust(
	ctx context.Context, s *shard, f family, o CleanOptions,
) (CleanStats, error) {
	var total CleanStats
	committed, err := s.committed()
	if err != nil {
		return total, err
	}
	for again := 0; again < 2; {
		did, m, err := c.pass(ctx, s, f, o)
		total.add(did)
		if err != nil {
			return total, err
		}
		if f == bounded || m.clean >= committed.tails[f] {
			again++
		}
	}
	return total, nil
}

// run is the cleaner in the background, from Open to Close.
func (c *cleaner) run(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-c.log.closing:
			return
		case <-ticker.C:
		}
		for _, s := range c.log.shards {
			for _, f := range []family{open, background, bounded} {
				c.consider(s, f)
			}
		}
	}
}

// consider makes a pass when one is worth it.
func (c *cleaner) consider(s *shard, f family) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := s.committed(); err != nil {
		return // the shard has stopped
	}
	worth, err := c.worth(s, f)
	if err == nil && worth {
		_, _, err = c.pass(context.Background(), s, f, CleanOptions{})
	}
	if err != nil && !errors.Is(err, compaction.ErrClosed) {
		c.log.options.Logger.Error("cleaning failed", "shard", s.id, "records", f.String(),
			"error", err)
	}
	c.statsMu.Lock()
	defer c.statsMu.Unlock()
	if worth || err != nil {
		c.err = err
	}
}

const (
	dirtyEnough = 4 << 20        // bytes: less is not worth a pass for its own sake
	dirtyTooOld = 24 * time.Hour // but is cleaned after this
	overdue     = time.Hour      // how often a pass is made for tombstones or retention alone
)

// worth reports whether a family should be cleaned now: when as much is dirty as was left clean
// (half of what a pass reads is then new), when something has been dirty for a day, or when
// tombstones or bounded records are due.
func (c *cleaner) worth(s *shard, f family) (bool, error) {
	id := chainID{s.id, f}
	since := time.Since(c.last[id])
	if f == bounded {
		return since > overdue, nil
	}
	m, err := readMark(c.log.db, s.id, f)
	if err != nil {
		return false, err
	}
	committed, _ := s.committed()
	if since > overdue && m.due != 0 && c.log.options.Clock().Unix() >= m.due {
		return true, nil
	}
	if committed.tails[f] <= m.clean {
		return false, nil
	}
	if s.size(f) >= max(dirtyEnough, m.bytes) {
		return true, nil
	}
	if _, seen := c.last[id]; !seen {
		c.last[id] = time.Now()
		return false, nil
	}
	return since > dirtyTooOld, nil
}

// A mark says how far a family of a shard is clean: every key has one value up to and including
// the group. It is written when a pass is durable.
type mark struct {
	clean uint64
	bytes uint64 // how much the clean part held
	due   int64  // when the first tombstone's time is over, Unix seconds; 0: there is none
}

func readMark(db *pebble.DB, shard int, f family) (mark, error) {
	body, err := readMeta(db, cleanKey(shard, f))
	if err != nil || body == nil {
		return mark{}, err
	}
	if len(body) != 24 {
		return mark{}, fmt.Errorf("local: how far shard %d is clean: %w", shard, errShape)
	}
	return mark{
		clean: binary.BigEndian.Uint64(body),
		bytes: binary.BigEndian.Uint64(body[8:]),
		due:   int64(binary.BigEndian.Uint64(body[16:])),
	}, nil
}

func writeMark(db *pebble.DB, shard int, f family, m mark) error {
	b := binary.BigEndian.AppendUint64(nil, m.clean)
	b = binary.BigEndian.AppendUint64(b, m.bytes)
	return writeMeta(db, cleanKey(shard, f), binary.BigEndian.AppendUint64(b, uint64(m.due)))
}

// erase has what was removed really go: it moves everything to new tables, and begins new WALs
// until none that Pebble keeps for reuse is older than the cleaning.
func (l *Log) erase(ctx context.Context) error {
	l.fs.erasing.Store(true)
	defer l.fs.erasing.Store(false)
	for i := range byte(keptWALs + 2) {
		if err := l.space.admitCleaner(1); err != nil {
			return err
		}
		if err := writeMeta(l.db, rotationKey, []byte{i}); err != nil {
			return err
		}
		if err := l.db.Flush(); err != nil {
			return fmt.Errorf("local: flush: %w", err)
		}
	}
	if err := l.db.Compact(ctx, []byte{0}, []byte{0xff}, false); err != nil {
		return fmt.Errorf("local: compact: %w", err)
	}
	// Pebble removes files in the background.
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		m := l.db.Metrics()
		if m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0 && m.WAL.ObsoleteFiles <= keptWALs {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.closing:
			return compaction.ErrClosed
		}
	}
}

// keptWALs is how many WALs Pebble keeps for reuse: MemTableStopWritesThreshold + 1.
const keptWALs = 3
