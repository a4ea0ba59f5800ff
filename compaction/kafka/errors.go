package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/quittance/quittance/compaction"
)

// A SizeError reports a record that is too large for its topic. Nothing of its group was written:
// it is a compaction.ErrNotCommitted.
type SizeError struct {
	Topic       string
	Key         []byte
	Size, Limit int // bytes
}

// Error names the record and both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("kafka: record %s of %s has %d bytes and may have %d: nothing was written",
		e.Key, e.Topic, e.Size, e.Limit)
}

// Is reports that a SizeError is a compaction.ErrNotCommitted.
func (e *SizeError) Is(target error) bool { return target == compaction.ErrNotCommitted }

// fenced reports whether a broker refused a producer because its id belongs to another by now, or
// because its transaction was ended for it. In both cases nobody may go on writing with that id.
func fenced(err error) bool {
	for _, known := range []error{
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping,
		kerr.InvalidTxnState,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// lasting reports whether a request that failed in this way would fail again, however often it is
// sent.
func lasting(err error) bool {
	if denied(err) || errors.Is(err, kerr.SaslAuthenticationFailed) {
		return true
	}
	var known *kerr.Error
	return errors.As(err, &known) && !known.Retriable &&
		!errors.Is(err, kerr.UnknownServerError)
}
