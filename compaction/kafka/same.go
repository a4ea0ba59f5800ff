package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
)

// A topic that is deleted and made anew under a node that runs has the same name and none of the
// records. What is written to it is acknowledged by the brokers like anything else, and every later
// start refuses the log. So:
//
//   - A claim compares the ids of all topics with those that the log was opened with, after it has
//     fenced who was before it and before it writes; and when its barrier is written it asks the
//     leaders by these ids, since a broker that is asked for the ids may be behind. Either way the
//     shard stops, as compaction.ErrReplaced.
//   - A client never takes to another id of a topic that it has produced to: it has to be claimed
//     anew. The brokers know produce requests by the id.
//   - But a producer of the ring may meet a topic only after it was made anew. So what is appended
//     must stand beyond all that the writer knows of each topic, which after the barrier is
//     something in every one, or nothing of it is committed. A log that was set back under its
//     owner, by brokers that lost what they had acknowledged, is found in the same way.
//   - Where any of that fails, or a broker does not know a topic, the writer is of no more use, and
//     a claim looks again.
//
// What an owner does not see is a topic made anew that it appends nothing to: it goes on with the
// others, until it comes to that one or the shard is claimed again.

// follow fails with compaction.ErrSetBack where records stand before what the writer knows of their
// topics: others stood there, or the topic was made anew.
func (w *writer) follow(records []*kgo.Record) error {
	for _, r := range records {
		i, ok := slices.BinarySearchFunc(w.ends, w.log.unprefixed(r.Topic), compareTopic)
		if ok && r.Offset < w.ends[i].Next {
			return fmt.Errorf("%w: %s took a record at offset %d, and was known up to %d",
				compaction.ErrSetBack, r.Topic, r.Offset, w.ends[i].Next)
		}
	}
	return nil
}

// parted reports whether an error of an append says that a topic may not be the one that it was.
func parted(err error) bool { return missing(err) || errors.Is(err, compaction.ErrSetBack) }

// absent says which topics are meant by an error of a claim that says that one is not there.
func (l *Log) absent(ctx context.Context, shard int, err error) error {
	if !missing(err) {
		return err
	}
	f := &fetcher{log: l, cl: l.admin, shard: shard}
	led, e := f.leaders(ctx, l.names)
	if e != nil {
		return e
	}
	var names []string
	for _, name := range l.names {
		if _, ok := led[name]; !ok {
			names = append(names, l.options.Prefix+name)
		}
	}
	if len(names) == 0 {
		return err // it was a broker that has not heard of them yet, or not yet again
	}
	return fmt.Errorf("kafka: topics are missing, or may not be seen: %s. Do not make them anew, but "+
		"restore the cluster as it was: %w", some(names), err)
}

// confirm asks those who lead the topics of a shard, by the ids that the log was opened with, for
// what stands before p: only they cannot be behind. It asks again where they have moved, and does
// not succeed before each topic was answered for.
func (f *fetcher) confirm(ctx context.Context, p compaction.Positions) error {
	return persist(ctx, func() error {
		err := f.confirmOnce(ctx, p)
		if err != nil {
			f.led = nil // others may lead them now
		}
		return err
	})
}

func (f *fetcher) confirmOnce(ctx context.Context, p compaction.Positions) (err error) {
	if f.led == nil {
		var topics []string
		for _, at := range p {
			topics = append(topics, at.Topic)
		}
		if f.led, err = f.leaders(ctx, topics); err != nil {
			return err
		}
	}
	by := map[int32][]want{}
	for _, at := range p {
		leader, ok := f.led[at.Topic]
		if !ok {
			return fmt.Errorf("kafka: nobody leads shard %d of %s", f.shard, at.Topic)
		}
		by[leader] = append(by[leader], want{topic: at.Topic, from: at.Next - 1})
	}
	for leader, wants := range by {
		pieces, err := f.fetch(ctx, leader, wants, 0)
		if err == nil && len(pieces) < len(wants) {
			err = fmt.Errorf("kafka: broker %d has not answered for all that it was asked", leader)
		}
		if err != nil {
			return err
		}
		for _, answer := range pieces {
			switch topic := f.log.options.Prefix + answer.topic; {
			case missing(answer.err):
				return &replacedError{topic}
			case answer.err != nil:
				return fmt.Errorf("kafka: what was written to %s: %w", topic, answer.err)
			}
		}
	}
	return nil
}
