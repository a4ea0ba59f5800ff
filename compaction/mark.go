package compaction

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// A Mark is what a log says of itself, beside what is appended to it. It stands with the claims,
// and who claims a shard leaves it as it is.
type Mark struct {
	// Claimed reports whether the log has had an owner: answers may have been given from it.
	Claimed bool
	// Secret is the SecretCheck of the secret that keys were hashed with; nil where it is not known.
	Secret []byte
	// Moved says where the log has moved; nil while it is served where it is.
	Moved *Move
}

// A Move says where a log has moved: it is served there, and nothing is done here any more.
type Move struct {
	To string
	At time.Time
}

// A MarkedLog is a Log that has a Mark.
type MarkedLog interface {
	Log

	// Mark returns what the log says of itself.
	Mark(ctx context.Context) (Mark, error)

	// Last returns the number and the stamp of a shard's last group, whether or not anything is left
	// of it; 0 and the zero time where there is none. It is exact while nobody writes, and as with
	// the mark, what was answered last may be shown a moment later.
	Last(ctx context.Context, shard int) (group uint64, stamp time.Time, err error)
}

// A MarkingWriter is a Writer that can change the mark of its log. A log that keeps a mark with
// each shard has what any of them says: who changes it does so through a writer of every shard.
type MarkingWriter interface {
	Writer

	// SetMark changes it, durably. Claimed is not looked at, and a Secret that is nil leaves the one
	// that is known. Errors: as those of Append.
	SetMark(ctx context.Context, m Mark) error
}

// A MovedError reports a claim of a log that has moved. What is written to it would be missing
// where it is served now, and what it wants to be done would be done twice.
type MovedError struct{ Move }

// Error says where it is.
func (e *MovedError) Error() string {
	return fmt.Sprintf("compaction: the log has moved to %s, on %s", e.To,
		e.At.UTC().Format("2006-01-02 at 15:04:05 UTC"))
}

// SecretCheck is what a log says of its secret: enough to tell another one, and nothing to find it
// by. It is nil for no secret.
func SecretCheck(secret []byte) []byte {
	if len(secret) == 0 {
		return nil
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("quittance: the secret of this log")) // a hash never fails
	return h.Sum(nil)[:16]
}

// Encode returns the stored form of a mark, for logs that keep it alone: a ShardRecord.
func (m Mark) Encode() ([]byte, error) {
	r := &compactionv1.ShardRecord{}
	m.Describe(r)
	return proto.MarshalOptions{Deterministic: true}.Marshal(r)
}

// DecodeMark reads what Encode wrote.
func DecodeMark(b []byte) (Mark, error) {
	r := &compactionv1.ShardRecord{}
	if err := proto.Unmarshal(b, r); err != nil {
		return Mark{}, fmt.Errorf("compaction: the mark of a log: %w", err)
	}
	return MarkOf(r), nil
}

// Describe writes a mark into the record of a claim.
func (m Mark) Describe(r *compactionv1.ShardRecord) {
	r.SecretCheck, r.MovedTo, r.MovedUnixNano = m.Secret, "", 0
	if m.Moved != nil {
		r.MovedTo, r.MovedUnixNano = m.Moved.To, m.Moved.At.UnixNano()
	}
}

// MarkOf reads what Describe wrote.
func MarkOf(r *compactionv1.ShardRecord) Mark {
	m := Mark{Claimed: true}
	if len(r.SecretCheck) > 0 {
		m.Secret = r.SecretCheck
	}
	if r.MovedTo != "" {
		m.Moved = &Move{r.MovedTo, time.Unix(0, r.MovedUnixNano).UTC()}
	}
	return m
}

// Remark changes the mark of a log that nobody serves: it claims every shard for a moment. The log
// must let itself be claimed though it has moved.
func Remark(ctx context.Context, l Log, change func(*Mark)) error {
	marked, ok := l.(MarkedLog)
	if !ok {
		return fmt.Errorf("compaction: a %T has no mark", l)
	}
	m, err := marked.Mark(ctx)
	if err != nil {
		return err
	}
	change(&m)
	for n := range l.Identity().Shards {
		if err := remark(ctx, l, n, m); err != nil {
			return fmt.Errorf("compaction: mark shard %d: %w", n, err)
		}
	}
	return nil
}

// remark changes the mark of one shard.
func remark(ctx context.Context, l Log, shard int, m Mark) (err error) {
	w, err := l.Claim(ctx, shard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return setMark(ctx, w, m)
}
