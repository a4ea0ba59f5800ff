package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Remove deletes every topic of a log, with all that is in them, for ever: for logs that were made
// to measure or to try something. A topic that is not there is no error.
func (a *Admin) Remove(ctx context.Context, s Spec) error {
	if s.Prefix == "" {
		return errors.New("kafka: a log without a prefix is not removed: it may be the one in use")
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 30_000
	for _, t := range s.topics() {
		name := s.Prefix + t.Name
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = &name
		req.Topics, req.TopicNames = append(req.Topics, topic), append(req.TopicNames, name)
	}
	resp, err := req.RequestWith(ctx, a.cl)
	if err != nil {
		return explain(fmt.Errorf("kafka: %w", err), a.c)
	}
	var errs []error
	for _, t := range resp.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			errs = append(errs, fmt.Errorf("kafka: a topic was not removed: %w", explain(err, a.c)))
		}
	}
	return errors.Join(errs...)
}
