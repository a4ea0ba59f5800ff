package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// A coordinator that comes back after its broker was killed may take a transaction that it had
// decided for complete although a partition never got its marker: Kafka 4.3.0 does so where the
// partition had no leader at that moment. The partition then keeps the transaction open for ever:
// nothing after it is stable, and a read of what is committed waits without an end. The next
// transaction of the same producer there would decide for it, whatever was decided before.
//
// So a claim looks for such transactions before it initialises the ids of its ring, which makes the
// coordinator forget what it decided, and writes the markers that are missing. What it looks at is
// not one state of one time, and an owner may be alive: a transaction is hanging only if
//
//   - the leader of the partition says that it is open, then
//   - the coordinator says that the producer's last transaction is complete, under an epoch that
//     the transaction is older than, then
//   - the leader says that the same transaction is open still: same producer, epoch and start.
//
// A coordinator is done with a transaction when every partition has its marker, and only then does
// the producer begin the next. Each transaction has an epoch of its own, which its end raises by
// one (transaction.version 2). What was complete before the second answer of the leader must be
// over in that answer, however quick an owner is: it has got other transactions by then, with later
// epochs and starts. And only an epoch that is exactly one higher is the one under which this
// transaction was decided; what was decided on an earlier one is known no more.

// An openTransaction is one that a partition takes for open.
type openTransaction struct {
	topic    string // with the log's prefix
	producer int64
	epoch    int32
	start    int64 // offset of its first record
}

// A verdict is what is to be done about an open transaction.
type verdict int

const (
	leave   verdict = iota // nothing: initialising the ids ends it
	wait                   // markers are being written, perhaps its own
	commit                 // its markers are missing
	abandon                // as commit, and they say that it was aborted
	unclear                // nobody knows any more what was decided
)

// judge decides about a transaction that was open before and after the coordinator was asked.
func judge(t openTransaction, s *kmsg.DescribeTransactionsResponseTransactionState) verdict {
	if s == nil {
		return unclear
	}
	ahead := int32(s.ProducerEpoch) - t.epoch
	switch {
	case s.State == "CompleteCommit" && ahead == 1:
		return commit
	case s.State == "CompleteAbort" && ahead == 1:
		return abandon
	case strings.HasPrefix(s.State, "Prepare"):
		return wait
	case s.State == "Ongoing" && ahead == 0:
		return leave
	}
	return unclear
}

// mend writes the markers that a shard's partitions miss. Where that cannot be, because it is not
// known what was decided or because the cluster does not let this process, it says who can do what.
// Where the cluster does not let it look, it does nothing.
//
// One at a time looks at a shard: a marker that is sent late must not meet the next transaction.
func (l *Log) mend(ctx context.Context, shard int) error {
	select {
	case l.mending[shard] <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.mending[shard] }()
	open, err := l.openTransactions(ctx, shard)
	for fails := 1; err == nil && len(open) > 0; fails++ {
		var states []kmsg.DescribeTransactionsResponseTransactionState
		if states, err = l.transactionStates(ctx, shard); err != nil {
			break
		}
		var now map[openTransaction]int32
		if now, err = l.openTransactions(ctx, shard); err != nil {
			break
		}
		for t := range open {
			if _, ok := now[t]; !ok {
				delete(open, t) // it is over
			}
		}
		var waiting bool
		if waiting, err = l.decide(ctx, shard, open, states); err != nil || !waiting {
			return err
		}
		if fails == tries {
			return fmt.Errorf("kafka: the transactions of shard %d do not end", shard)
		}
		err = pause(ctx, retryBackoff(fails))
	}
	if denied(err) || errors.Is(err, kerr.UnsupportedVersion) {
		l.options.Logger.Debug("transactions that hang could not be looked for",
			"shard", shard, "error", err)
		return nil // a claim finds out all the same, and stops: see stable
	}
	return err
}

// stable waits until all that a shard's topics hold by now is over. It is for a claim that has its
// ids: nothing of an earlier owner can be under way then, and what was still open would hide the
// groups after it, whose numbers would be given again. What a later owner appends meanwhile does
// not matter; the claim's own barrier will be refused.
func (l *Log) stable(ctx context.Context, shard int) error {
	ends, err := l.offsets(ctx, shard, l.names, highWatermark)
	for fails := 1; err == nil; fails++ {
		var now map[string]int64
		if now, err = l.offsets(ctx, shard, l.names, lastStable); err != nil {
			break
		}
		i := slices.IndexFunc(l.names, func(name string) bool { return now[name] < ends[name] })
		if i < 0 {
			return nil
		}
		if fails == tries {
			return fmt.Errorf("kafka: shard %d cannot be claimed: a transaction from offset %d of %s%s-%d "+
				"on does not end, and whether it was committed cannot be found out any more. %s", shard,
				now[l.names[i]], l.options.Prefix, l.names[i], shard, hangingAdvice)
		}
		err = pause(ctx, retryBackoff(fails))
	}
	return err
}

// decide does what is to be done about a shard's open transactions, and reports whether to look at
// them again.
func (l *Log) decide(ctx context.Context, shard int, open map[openTransaction]int32,
	states []kmsg.DescribeTransactionsResponseTransactionState,
) (again bool, err error) {
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	for t, coordinator := range open {
		var state *kmsg.DescribeTransactionsResponseTransactionState
		for i := range states {
			if states[i].ErrorCode == 0 && states[i].ProducerID == t.producer {
				state = &states[i]
			}
		}
		v := judge(t, state)
		switch v {
		case unclear:
			return false, t.unclear(shard, state)
		case wait:
			again = true
		case commit, abandon:
			req.Markers = append(req.Markers,
				t.marker(shard, state.ProducerEpoch, coordinator, v == commit))
		}
	}
	if len(req.Markers) == 0 {
		return again, nil
	}
	return true, l.writeMarkers(ctx, shard, req)
}

// unclear is the error of a transaction that hangs and was decided nobody knows how.
func (t openTransaction) unclear(
	shard int, s *kmsg.DescribeTransactionsResponseTransactionState,
) error {
	says := "none of the shard's transactional ids has that producer id"
	if s != nil {
		says = fmt.Sprintf("the coordinator of %s says %s, epoch %d", s.TransactionalID, s.State,
			s.ProducerEpoch)
	}
	return fmt.Errorf("kafka: shard %d cannot be claimed: the transaction of producer %d, epoch %d, "+
		"from offset %d of %s-%d is open, and it is not known whether it was committed (%s). %s",
		shard, t.producer, t.epoch, t.start, t.topic, shard, says, hangingAdvice)
}

// hangingAdvice is what an operator can do about a transaction that nobody here can end.
const hangingAdvice = "See kafka-transactions.sh find-hanging and describe-producers, and " +
	"whether other topics hold its group; aborting it may lose records that were acknowledged"

// marker is what the partition should have got.
func (t openTransaction) marker(
	shard int, epoch int16, coordinator int32, committed bool,
) kmsg.WriteTxnMarkersRequestMarker {
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch, m.Committed = t.producer, epoch, committed
	// A partition that has had no marker of this producer knows of no coordinator.
	m.CoordinatorEpoch, m.TransactionVersion = max(coordinator, 0), minTransactions
	topic := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
	topic.Topic, topic.Partitions = t.topic, []int32{int32(shard)}
	m.Topics = append(m.Topics, topic)
	return m
}

// writeMarkers sends the markers. What it came to is seen by looking again: an answer may be lost,
// and a partition does not take a marker twice.
func (l *Log) writeMarkers(ctx context.Context, shard int, req *kmsg.WriteTxnMarkersRequest) error {
	cl, err := kgo.NewClient(append(clientOptions(l.options.Connection),
		kgo.MinVersions(markerVersions()))...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("kafka: shard %d cannot be claimed: a transaction that is complete misses "+
			"markers, and they could not be written (Kafka 4.2 or later is needed for it): %w. %s",
			shard, err, hangingAdvice)
	}
	for _, m := range resp.Markers {
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				err := kerr.ErrorForCode(p.ErrorCode)
				if errors.Is(err, kerr.ClusterAuthorizationFailed) {
					// Not as an error that says what a role may: no role has this right.
					return fmt.Errorf("kafka: shard %d cannot be claimed: %s-%d misses the marker of a "+
						"transaction that is complete, of producer %d, and this process may not write it "+
						"(%v). Allow it ALTER on CLUSTER %s until the shard is claimed; aborting the "+
						"transaction instead may lose records that were acknowledged",
						shard, t.Topic, p.Partition, m.ProducerID, err, clusterName)
				}
				log := l.options.Logger.With("shard", shard, "topic", t.Topic, "producer", m.ProducerID)
				if err != nil {
					log.Warn("the marker that a partition misses was not written", "error", err)
					continue
				}
				log.Warn("a transaction was complete and a partition missed its marker: it was written")
			}
		}
	}
	return nil
}

// markerVersions are the least versions of requests that write markers. Brokers before Kafka 4.2
// know none in which they refuse a marker that comes too late, for a transaction that has an equal
// epoch by now: it would end part of that one.
func markerVersions() *kversion.Versions {
	v := new(kversion.Versions)
	v.SetMaxKeyVersion(kmsg.WriteTxnMarkers.Int16(), 2)
	return v
}

// openTransactions returns the transactions that a shard's partitions take for open, and the epoch
// of the coordinator that wrote the last marker of each one's producer there, -1 where none is
// known.
func (l *Log) openTransactions(ctx context.Context, shard int) (map[openTransaction]int32, error) {
	req := kmsg.NewPtrDescribeProducersRequest()
	for _, name := range l.names {
		t := kmsg.NewDescribeProducersRequestTopic()
		t.Topic, t.Partitions = l.options.Prefix+name, []int32{int32(shard)}
		req.Topics = append(req.Topics, t)
	}
	var open map[openTransaction]int32
	err := l.repeat(ctx, "the producers of the topics", func() error {
		resp, err := req.RequestWith(ctx, l.admin)
		if err != nil {
			return err
		}
		open = map[openTransaction]int32{}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
				for _, a := range p.ActiveProducers {
					if a.CurrentTxnStartOffset >= 0 {
						open[openTransaction{t.Topic, a.ProducerID, a.ProducerEpoch,
							a.CurrentTxnStartOffset}] = a.CoordinatorEpoch
					}
				}
			}
		}
		return nil
	})
	return open, err
}

// transactionStates returns what the coordinators say of a shard's ring. An id that was never used
// has an error there.
func (l *Log) transactionStates(ctx context.Context, shard int) (
	[]kmsg.DescribeTransactionsResponseTransactionState, error,
) {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	for k := range ringSize {
		req.TransactionalIDs = append(req.TransactionalIDs, l.transactionalID(shard, k))
	}
	var states []kmsg.DescribeTransactionsResponseTransactionState
	err := l.repeat(ctx, "the transactions of the ring", func() error {
		resp, err := req.RequestWith(ctx, l.admin)
		if err != nil {
			return err
		}
		states = resp.TransactionStates
		for _, s := range states {
			err := kerr.ErrorForCode(s.ErrorCode)
			if err != nil && !errors.Is(err, kerr.TransactionalIDNotFound) {
				return err
			}
		}
		return nil
	})
	return states, err
}

// repeat asks, and again while leaders or coordinators move.
func (l *Log) repeat(ctx context.Context, what string, ask func() error) error {
	if err := persist(ctx, ask); err != nil {
		return fmt.Errorf("kafka: %s: %w", what, err)
	}
	return nil
}
