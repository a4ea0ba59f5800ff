package local

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are the settings of a log. The zero value is a sound choice for each.
type Options struct {
	// Shards is fixed when the log is created: 16 by default. Opening an existing log with another
	// number that is not 0 fails.
	Shards int

	// Reserve is the free space, in bytes, below which an Append is refused: 256 MiB by default,
	// at least 8 MiB. The sizes of Pebble's buffers follow it.
	Reserve uint64

	// Space answers how many bytes are free for the folder. By default it asks the file system.
	Space func(dir string) (uint64, error)

	// CleanEvery is how often the cleaner looks for work: a minute by default, never if negative.
	CleanEvery time.Duration

	// CleanKeys bounds the keys that a pass of the cleaner holds in memory: 500,000 by default.
	CleanKeys int

	// Clock is what tombstones and retentions are measured with: time.Now by default.
	Clock func() time.Time

	// SecretCheck is compaction.SecretCheck of the secret that the log is served with. The first claim
	// writes it down; a log that knows of another secret is not opened. nil is not looked at.
	SecretCheck []byte

	// Moved lets the log be claimed though it has moved: to copy it again, or to bring it back. Its
	// mark stays.
	Moved bool

	// Logger is told about damage, refusals for want of space and the cleaner's failures:
	// slog.Default by default.
	Logger *slog.Logger

	// CacheSize is how many bytes of blocks are kept in memory: 16 MiB by default.
	CacheSize int64

	// FS is the file system: the machine's by default. Tests crash one that is in memory.
	FS vfs.FS
}

const (
	defaultShards  = 16
	maxShards      = 1 << 14
	defaultReserve = 256 << 20
	minReserve     = 8 << 20
)

// withDefaults returns o with every setting that was left out.
func (o Options) withDefaults() Options {
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	o.Reserve = max(o.Reserve, minReserve)
	if o.CleanEvery == 0 {
		o.CleanEvery = time.Minute
	}
	if o.CleanKeys <= 0 {
		o.CleanKeys = 500_000
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.CacheSize == 0 {
		o.CacheSize = 16 << 20
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Space == nil {
		fs := o.FS
		o.Space = func(dir string) (uint64, error) {
			u, err := fs.GetDiskUsage(dir)
			return u.AvailBytes, err
		}
	}
	return o
}
