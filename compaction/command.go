package compaction

import (
	"errors"
	"fmt"
)

// A Command asks a tenant's shard to decide something. It is decided once, after every command
// before it, and its answer is given when what it wrote is durable.
type Command struct {
	// Tenant chooses the shard, and the share of it that the command counts against.
	Tenant string
	// Cost is how much work the command is, for fairness; 0 counts as 1.
	Cost int
	// Idempotency makes a repeated command answer as the first did. Nil for none.
	Idempotency *Idempotency
	// Decide reads and writes through tx and returns the answer. It runs on the shard's only
	// goroutine: it must not block, do I/O or keep tx. An error rolls back all it wrote.
	Decide func(tx *Tx) (Answer, error)
	// Refuse turns an error of Decide that is a refusal into the answer to give and remember.
	// False passes the error to the caller, unremembered. Nil refuses nothing.
	Refuse func(err error) (Answer, bool)
}

// Idempotency is a command's key, in the scope of its tenant, its principal and its operation.
type Idempotency struct {
	Principal string
	Operation string
	Key       string
	// Fields are the request's, sorted by name; only a keyed hash of each is kept.
	Fields []Field
	// New says that the key was made for this very call, so that no command can have had it.
	New bool
}

// A Field is a named part of a request.
type Field struct {
	Name  string
	Value []byte
}

// An Answer is what a command says. Code and Location are the caller's own. Replayed is set by the
// engine on an answer that an earlier command with the same key was given.
type Answer struct {
	Code     int
	Body     []byte
	Location string
	// Record is what to remember instead of Body, when Body holds a secret given only once.
	Record   []byte
	Replayed bool
}

// An IdempotencyMismatchError refuses a key that was used for another request.
type IdempotencyMismatchError struct {
	Field string // the first field that differs
}

// Error names the field that differs.
func (e *IdempotencyMismatchError) Error() string {
	return fmt.Sprintf("this idempotency key was used for a request with another %s", e.Field)
}

// A PanicError is what a command ends with whose deciding function panicked: nothing of it is
// written, and the commands beside it are not touched.
type PanicError struct {
	Value any
	Stack []byte
}

// Error says what the panic did, and where it was.
func (e *PanicError) Error() string {
	return fmt.Sprintf("compaction: a command panicked: %v\n%s", e.Value, e.Stack)
}

// ErrQueueFull reports that the shard, or the tenant's share of it, has no room. Try again later.
var ErrQueueFull = errors.New("compaction: too many commands are waiting")

// ErrUnread reports that a command could not read the shard's store: its disk fails, or it is
// damaged, which the shard finds out and mends. It says nothing about what the command wanted.
var ErrUnread = errors.New("compaction: the store could not be read")

// ErrNotServing reports that the shard is being opened, or has stopped. Try again later.
var ErrNotServing = errors.New("compaction: the shard is not serving")

// ErrUnreachable reports that the log does not answer: nothing can be written, nor said of a shard
// that another process may have by now. It is an ErrNotServing, and passes when the log answers.
var ErrUnreachable = fmt.Errorf("%w: the log does not answer", ErrNotServing)

// ErrRestoring reports a read of history that is still being restored. Try again later.
var ErrRestoring = errors.New("compaction: history is still being restored")

// errEnded is the ErrNotServing of shards whose Run has returned.
var errEnded = fmt.Errorf("%w: the engine has ended", ErrNotServing)

// A StoppedError reports a shard that has stopped for a reason that only an operator can mend. It
// is an ErrNotServing.
type StoppedError struct {
	Shard int
	Err   error
}

// Error says which shard and why.
func (e *StoppedError) Error() string {
	return fmt.Sprintf("compaction: shard %d has stopped: %v", e.Shard, e.Err)
}

// Unwrap returns the reason.
func (e *StoppedError) Unwrap() error { return e.Err }

// Is reports that a StoppedError is an ErrNotServing.
func (e *StoppedError) Is(target error) bool { return target == ErrNotServing }
