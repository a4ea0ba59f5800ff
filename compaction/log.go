package compaction

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Log is a set of topics of keyed records, split in shards, each with one writer at a time.
// All its methods may be called from any goroutine.
//
// Drivers: compaction/local keeps the log on this machine. Each driver passes the suite in
// compaction/compactiontest.
type Log interface {
	// Identity says which log this is. A store remembers it, so that it is never joined to another.
	Identity() Identity

	// Claim makes the caller the writer of a shard and fences the previous one for ever. It
	// answers ErrFenced-wrapped errors only for races lost to a later claim.
	Claim(ctx context.Context, shard int) (Writer, error)

	// Read reads a shard's committed records, in order per topic, never a part of an Append that
	// is not committed. Several readers may read at once, beside the writer.
	Read(ctx context.Context, shard int, r Range) (Reader, error)

	// End returns the position after the last committed record of a shard.
	End(ctx context.Context, shard int) (Positions, error)

	// Close releases the log. Writers and readers fail from then on.
	Close() error
}

// An Identity names a log: ID is random, made when the log was created. Shards is fixed then too.
type Identity struct {
	ID     string
	Shards int
}

// A Writer appends to one shard. Its methods are for one goroutine at a time.
type Writer interface {
	// Append writes a group, durably and as a whole, before it returns the positions after it.
	// The caller numbers groups; a number that does not follow the last one (Group.Follows) is an
	// error and writes nothing. A group without records is allowed and may be remembered without being
	// written.
	//
	// Errors: ErrFenced (another writer has claimed the shard: stop), ErrNotCommitted (nothing was
	// written, trying again is safe; *SpaceError is one of these, and *SizeError of a record above
	// MaxRecordBytes, which will never be written), ErrUnknownOutcome (claim afresh and read what
	// happened before answering anybody).
	Append(ctx context.Context, g Group) (Positions, error)

	// Start returns the end of the shard as it was when it was claimed: replay to it before
	// deciding anything.
	Start() Positions

	// Close gives the shard up.
	Close() error
}

// A BulkWriter is a Writer that writes several groups for about the cost of one. Copies use it;
// whoever has an answer to give for each group does not.
type BulkWriter interface {
	Writer

	// AppendAll is Append for groups that follow each other: all of them are written, or none.
	// Readers see them as groups of their own.
	AppendAll(ctx context.Context, groups []Group) (Positions, error)
}

// A Range says what to read.
type Range struct {
	// From is where to begin; nil begins at the start.
	From Positions
	// To is where to end; nil goes on for ever, waiting for what is appended.
	To Positions
	// Topics limits the reading; nil reads every topic. A log reads no more from disk than the
	// topics' class (compacted and needed to serve, compacted, append-only) makes it.
	Topics []string
}

// A Reader yields committed records. Its methods are for one goroutine at a time.
type Reader interface {
	// Next returns the next records, at least one group's or, where compaction has emptied
	// groups, none. It waits for more at the end of an open range and returns io.EOF at the end of
	// a bounded one. The batch's slices are the caller's to keep. Errors: those of ctx, and
	// *CorruptError, ErrGone and ErrSetBack, after which the reader gives nothing more.
	Next(ctx context.Context) (Batch, error)

	// Close ends the reading.
	Close() error
}

// A Batch is some committed records and where reading stands after them. Group and Time are the
// number and the stamp of the last group the batch covers, whether or not any record of it is
// left: after the batch, nothing of that group or of one before it is still to come.
type Batch struct {
	Entries []Entry
	Next    Positions
	Group   uint64
	Time    time.Time
}

// ErrFenced reports that another writer has claimed the shard.
var ErrFenced = errors.New("compaction: another writer has claimed the shard")

// ErrNotCommitted reports that an append wrote nothing. Trying again is safe.
var ErrNotCommitted = errors.New("compaction: nothing was written")

// Passing reports whether an error is an ErrNotCommitted of which the reason may pass by itself, so
// that trying again soon is of use: neither a *SpaceError nor a *SizeError.
func Passing(err error) bool {
	var space *SpaceError
	var size *SizeError
	return errors.Is(err, ErrNotCommitted) && !errors.As(err, &space) && !errors.As(err, &size)
}

// ErrUnknownOutcome reports that an append may or may not have been committed.
var ErrUnknownOutcome = errors.New("compaction: the append may or may not have been committed")

// ErrGone reports a range that begins where a log has no records any more, though they were to
// stay: somebody has deleted them.
var ErrGone = errors.New("compaction: the log has lost the records to begin with")

// ErrReplaced reports a log of which a part was deleted and made anew under its name: what was kept
// there is gone, and whatever is written to what is there now is another log's. No claim of the
// shard can succeed, and what an open writer still appends, no later start would read.
var ErrReplaced = errors.New("compaction: a part of the log was deleted and made anew")

// ErrSetBack reports a log that has lost what was read of it, or appended to it, before: it was
// restored from a backup, or a broker lost what it had not yet written down. Other records may
// stand there by now, or will. Who has kept anything of what was read makes it anew, from the
// start.
var ErrSetBack = errors.New("compaction: the log was set back: what was read of it is gone")

// ErrLocked reports that another process has the data folder open.
var ErrLocked = errors.New("compaction: the data folder is in use by another process")

// ErrClosed reports the use of something that was closed.
var ErrClosed = errors.New("compaction: closed")

// A SpaceError reports an append that was refused because the disk is nearly full. It is an
// ErrNotCommitted.
type SpaceError struct {
	Path               string // the data folder
	Available, Reserve uint64 // bytes
}

// Error says how much space there is and how much is kept back.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("compaction: %d bytes are free and %d are kept in reserve: nothing was written",
		e.Available, e.Reserve)
}

// Is reports that a SpaceError is an ErrNotCommitted.
func (e *SpaceError) Is(target error) bool { return target == ErrNotCommitted }

// A CorruptError names the place of a log whose bytes are not what was written. The shard stops
// there: nothing after it is read, nothing is skipped.
type CorruptError struct {
	Shard  int
	Group  uint64 // the first group that cannot be trusted
	Topic  string // and, where one record is at fault, its topic
	Key    string // and key
	Reason string
}

// Error names the shard, the group, the record where it is known, and what is wrong.
func (e *CorruptError) Error() string {
	at := fmt.Sprintf("shard %d, group %d", e.Shard, e.Group)
	if e.Topic != "" {
		at += fmt.Sprintf(", record %s of %s", e.Key, e.Topic)
	}
	return "compaction: the log is damaged at " + at + ": " + e.Reason
}
