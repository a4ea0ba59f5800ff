package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quittance/quittance/compaction"
)

// A Log is a log in a folder of this machine. Its methods may be called from any goroutine.
type Log struct {
	dir      string
	options  Options
	identity compaction.Identity
	topics   *dictionary
	shards   []*shard
	space    *space
	cleaner  *cleaner
	fs       *guardFS
	end      *endFile
	db       *pebble.DB
	lock     io.Closer
	mark     selfMark

	// life is held for reading by whoever uses db, and for writing by Close, because a closed
	// database panics.
	life    sync.RWMutex
	closed  bool
	closing chan struct{} // closed by Close, before it waits
	once    sync.Once
	running sync.WaitGroup // the log's own goroutines
	stopped error
}

var _ compaction.Log = (*Log)(nil)

// Open opens the log in dir, creating it where there is none. The topics are those whose records
// may be written; records of others that were known earlier stay readable. It fails when another
// process has the folder open (compaction.ErrLocked), when a topic has changed its class or, being
// append-only, has got or lost a retention, when it is served with another secret, and on damage
// that concerns every shard. Damage of one shard is reported when that shard is used.
func Open(dir string, topics []compaction.Topic, o Options) (*Log, error) {
	if o.Shards < 0 || o.Shards > maxShards {
		return nil, fmt.Errorf("local: %d shards: there are between 1 and %d", o.Shards, maxShards)
	}
	o = o.withDefaults()
	if err := makeFolder(o.FS, o.FS.PathJoin(dir, "groups")); err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	l := &Log{dir: dir, options: o, closing: make(chan struct{})}
	l.space = &space{fs: o.FS, dir: dir, reserve: o.Reserve, ask: o.Space}
	l.fs = &guardFS{FS: o.FS, space: l.space, closing: l.closing}
	l.cleaner = &cleaner{log: l, last: map[chainID]time.Time{}}
	var err error
	if l.lock, err = lock(o.FS, dir); err != nil {
		return nil, err
	}
	if err := l.open(topics); err != nil {
		return nil, errors.Join(err, l.release())
	}
	l.running.Go(l.watch)
	if o.CleanEvery > 0 {
		l.running.Go(func() { l.cleaner.run(o.CleanEvery) })
	}
	return l, nil
}

// open does what Open does once the folder is locked.
func (l *Log) open(topics []compaction.Topic) error {
	fs := l.options.FS
	var err error
	path := fs.PathJoin(l.dir, "groups")
	if l.db, err = pebble.Open(path, l.pebbleOptions()); err != nil {
		return fmt.Errorf("local: open %s: %w", path, err)
	}
	if l.identity, err = identify(l.db, l.options.Shards); err != nil {
		return err
	}
	if err := l.recall(); err != nil {
		return err
	}
	if l.topics, err = learn(l.db, topics); err != nil {
		return err
	}
	var proved []uint64
	l.end, proved, err = openEnd(fs, fs.PathJoin(l.dir, "END"), l.identity.Shards)
	if err != nil {
		return err
	}
	for i := range l.identity.Shards {
		s := &shard{id: i}
		l.shards = append(l.shards, s)
		s.end, err = findEnd(l.db, i)
		if err == nil && s.end.group < proved[i] {
			err = corrupt(i, s.end.group+1, "group %d was acknowledged and is not there", proved[i])
		}
		if err != nil {
			s.damage = err
			l.options.Logger.Error("a shard is damaged", "shard", i, "error", err)
			continue
		}
		if err := l.weigh(s); err != nil {
			return err
		}
	}
	return nil
}

// weigh estimates how much of a shard the cleaner has not seen.
func (l *Log) weigh(s *shard) error {
	for _, f := range []family{open, background} {
		m, err := readMark(l.db, s.id, f)
		if err != nil {
			return err
		}
		if s.end.tails[f] <= m.clean {
			continue
		}
		s.dirty[f], err = l.db.EstimateDiskUsage(
			groupKey(nil, f, s.id, m.clean+1), chainEnd(nil, f, s.id))
		if err != nil {
			return fmt.Errorf("local: weigh shard %d: %w", s.id, err)
		}
	}
	return nil
}

// watch looks after the reserve and END until the log is closed.
func (l *Log) watch() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		if err := l.space.watch(); err != nil {
			l.options.Logger.Warn("the reserve of space", "error", err)
		}
		if err := l.end.sync(); err != nil {
			l.options.Logger.Warn("the ends of the shards could not be synced", "error", err)
		}
		select {
		case <-l.closing:
			return
		case <-ticker.C:
		}
	}
}

// pebbleOptions are the settings of the database.
func (l *Log) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS: l.fs,
		// With the default format, one flipped byte in the last WAL opened without an error and
		// 429 of 2,000 synced records were gone. From FormatWALSyncChunks on it is noticed.
		FormatMajorVersion: pebble.FormatNewest,
		CacheSize:          l.options.CacheSize,
		// Two buffers are flushed in the worst case while Appends are refused: they, and the WAL
		// that holds the same, must fit in the reserve.
		MemTableSize: min(64<<20, l.options.Reserve/8),
		// Tables are merged late: groups are read in long runs and hardly ever by key, and merging
		// was an eighth of the time of a busy server.
		L0CompactionThreshold: 12,
		L0StopWritesThreshold: 48,
		LBaseMaxBytes:         256 << 20,
		Logger:                pebbleLogger{l.options.Logger},
	}
	// Damage that a background job finds is an event, for which Pebble would end the process. The
	// reader who needs the damaged place finds it again and names it.
	o.EventListener = &pebble.EventListener{
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			l.options.Logger.Error("damage found", "file", i.Path, "detail", i.Details)
		},
		BackgroundError: func(err error) {
			l.options.Logger.Error("background work failed", "error", err)
		},
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 32 << 10
	}
	return o
}

// A pebbleLogger passes on what Pebble has to say that matters.
type pebbleLogger struct{ log *slog.Logger }

func (pebbleLogger) Infof(string, ...any) {}

func (p pebbleLogger) Errorf(format string, args ...any) {
	p.log.Error(fmt.Sprintf(format, args...))
}

// Fatalf is what Pebble calls when the WAL or the MANIFEST cannot be written. What is on disk is
// not known then, and a restart finds it out.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	p.log.Error(fmt.Sprintf(format, args...))
	os.Exit(1)
}

// Identity says which log this is.
func (l *Log) Identity() compaction.Identity { return l.identity }

// End returns the position after a shard's last committed group.
func (l *Log) End(ctx context.Context, shard int) (compaction.Positions, error) {
	s, err := l.enter(shard)
	if err != nil {
		return nil, err
	}
	defer l.leave()
	e, err := s.committed()
	if err != nil {
		return nil, err
	}
	return e.positions(), ctx.Err()
}

// Close ends the cleaner, waits for what is under way and releases the folder. What the newest
// WAL holds is moved to tables, whose every byte is covered by a checksum.
func (l *Log) Close() error {
	l.once.Do(func() {
		close(l.closing)
		l.running.Wait()
		l.life.Lock()
		defer l.life.Unlock()
		l.closed = true
		l.stopped = errors.Join(l.db.Flush(), l.release())
	})
	return l.stopped
}

// release gives back what Open took.
func (l *Log) release() error {
	var errs []error
	if l.db != nil {
		errs = append(errs, l.db.Close())
	}
	if l.end != nil {
		errs = append(errs, l.end.close()) // after the database: it must not be ahead of it
	}
	return errors.Join(append(errs, l.lock.Close())...)
}

// enter keeps the database open until leave is called, and finds a shard.
func (l *Log) enter(id int) (*shard, error) {
	if id < 0 || id >= l.identity.Shards {
		return nil, fmt.Errorf("local: there is no shard %d: the log has %d", id, l.identity.Shards)
	}
	l.life.RLock()
	if l.closed {
		l.life.RUnlock()
		return nil, compaction.ErrClosed
	}
	return l.shards[id], nil
}

func (l *Log) leave() { l.life.RUnlock() }

// stop remembers damage and returns err.
func (l *Log) stop(s *shard, err error) error {
	if c, ok := errors.AsType[*compaction.CorruptError](err); ok {
		s.broken(c)
		l.options.Logger.Error("a shard is damaged", "shard", s.id, "error", err)
	}
	return err
}
