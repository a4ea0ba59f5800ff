package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/quittance/quittance/compaction"
)

// A replacedError names a topic that has another id than when the log was opened. It is a
// compaction.ErrReplaced.
type replacedError struct {
	topic string // with the log's prefix
}

func (e *replacedError) Error() string {
	return fmt.Sprintf("kafka: the topic %s was deleted and made anew while the log was open: what "+
		"the log kept in it is gone, and nothing is written to it. Stop the nodes and %s",
		e.topic, restore)
}

func (e *replacedError) Is(target error) bool { return target == compaction.ErrReplaced }

// missing reports whether a broker says that it does not have a topic of this name or id: it was
// deleted, or has been made anew since.
func missing(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) ||
		errors.Is(err, kerr.InconsistentTopicID)
}

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
	if denied(err) || errors.Is(err, kerr.SaslAuthenticationFailed) ||
		errors.Is(err, compaction.ErrReplaced) {
		return true
	}
	var known *kerr.Error
	return errors.As(err, &known) && !known.Retriable &&
		!errors.Is(err, kerr.UnknownServerError)
}
