package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
)

// A producer is one transactional id of a shard's ring. One goroutine at a time uses it.
type producer struct {
	cl       *kgo.Client
	patience patience
	// ends counts the EndTxn requests that were sent. The client sends one again when a connection
	// breaks; what is answered then may speak of what the first one did.
	ends atomic.Int64
	// placed has the topics whose partitions the client has noted that it knows.
	placed map[string]bool
}

// newProducer makes the client of producer k of a shard. It does not yet have its id.
func (l *Log) newProducer(shard, k int) (*producer, error) {
	p := &producer{patience: l.patience, placed: map[string]bool{}}
	var err error
	p.cl, err = kgo.NewClient(append(l.producerOptions(shard, k), kgo.WithHooks(p))...)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// OnBrokerWrite counts the requests that end transactions.
func (p *producer) OnBrokerWrite(
	_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error,
) {
	if key == kmsg.EndTxn.Int16() {
		p.ends.Add(1)
	}
}

// transact writes records in one transaction: all or none. Errors: compaction.ErrNotCommitted,
// after which the producer is as good as before; compaction.ErrFenced; and
// compaction.ErrUnknownOutcome, after which it must not be used again. The contexts of the client's
// own calls are never ended, as that would leave it in no known state: what takes too long is
// waited for no longer.
//
// What check says of the records, once the brokers have told where they are, is looked at before
// anything is committed.
func (p *producer) transact(
	ctx context.Context, records []*kgo.Record, check func([]*kgo.Record) error,
) error {
	// It asks for a new epoch first where only that ends the last transaction.
	if err := within(ctx, p.patience.produce, p.cl.BeginTransaction); err != nil {
		if fenced(err) {
			return fmt.Errorf("%w: %w", compaction.ErrFenced, err)
		}
		return unknown("begin", err)
	}
	produced := p.produce(records)
	var err error
	select {
	case err = <-produced:
	case <-time.After(p.patience.produce):
		err = fmt.Errorf("the brokers did not take the records within %v", p.patience.produce)
		return p.abort(ctx, err, produced)
	case <-ctx.Done():
		return unknown("produce", ctx.Err())
	}
	// The client would commit what succeeded even where something failed.
	if err == nil {
		err = oneID(records)
	}
	if err == nil {
		err = check(records)
	}
	if err == nil {
		err = p.settle(ctx, records)
	}
	if err != nil {
		return p.abort(ctx, err, nil)
	}
	return p.commit(ctx)
}

// produce sends records and returns where the first error, or nil, will be when the brokers have
// answered for each of them.
func (p *producer) produce(records []*kgo.Record) <-chan error {
	answered := make(chan error, 1)
	var left atomic.Int64
	var first atomic.Pointer[error]
	left.Store(int64(len(records)))
	promise := func(r *kgo.Record, err error) {
		// The client takes a duplicate for written and does not know where it is.
		if err == nil && r.Offset < 0 {
			err = errors.New("a broker did not say where a record is")
		}
		if err != nil {
			first.CompareAndSwap(nil, &err)
		}
		if left.Add(-1) == 0 {
			if e := first.Load(); e != nil {
				answered <- *e
			} else {
				answered <- nil
			}
		}
	}
	for _, r := range records {
		p.cl.Produce(context.Background(), r, promise)
	}
	go func() {
		// It has no context that ends, so no error. What it waits for is what the promises say.
		_ = p.cl.Flush(context.Background())
	}()
	return answered
}

// oneID fails where records were not all written under the same id and epoch. The client takes new
// ones in the middle of a transaction where a broker does not know its sequence and the topic
// begins behind what it wrote there last (kgo v1.22.2). The brokers then abort what they had taken
// before, and the client would commit the rest.
func oneID(records []*kgo.Record) error {
	for _, r := range records {
		if r.ProducerID != records[0].ProducerID || r.ProducerEpoch != records[0].ProducerEpoch {
			return errors.New("the client took a new producer id before all of it was written")
		}
	}
	return nil
}

// settle waits until the client has noted where records went that were answered for. It sends what
// has waited for a topic's partitions before it notes that it knows them, and a transaction that
// wrote to no topic which it has noted is aborted when it is to be committed, without an error (kgo
// v1.22.2). It notes them under a lock that it takes as well to abort what is not yet sent: of that
// there is nothing.
func (p *producer) settle(ctx context.Context, records []*kgo.Record) error {
	fresh := func(r *kgo.Record) bool { return !p.placed[r.Topic] }
	if !slices.ContainsFunc(records, fresh) {
		return nil
	}
	note := func() error { return p.cl.AbortBufferedRecords(context.Background()) }
	if err := within(ctx, p.patience.abort, note); err != nil {
		return err
	}
	for _, r := range records {
		p.placed[r.Topic] = true
	}
	return nil
}

// commit ends the transaction. Only what a broker said in answer to the one request that was sent
// is certain.
func (p *producer) commit(ctx context.Context) error {
	before := p.ends.Load()
	err := p.end(ctx, p.patience.commit, kgo.TryCommit)
	sent := p.ends.Load() - before
	switch {
	case err == nil:
		return nil
	case sent == 0 && errors.Is(err, kerr.OperationNotAttempted),
		sent <= 1 && errors.Is(err, kerr.TransactionAbortable):
		return p.abort(ctx, err, nil)
	case sent == 1 && fenced(err):
		return fmt.Errorf("%w: %w", compaction.ErrFenced, err)
	}
	return unknown("commit", err)
}

// abort ends the transaction because of a cause. Nothing of it was committed in any case, but only
// a producer whose transaction is known to be over can go on. Where records are still to be
// answered for, produced is not nil.
func (p *producer) abort(ctx context.Context, cause error, produced <-chan error) error {
	if fenced(cause) {
		return fmt.Errorf("%w: %w", compaction.ErrFenced, cause)
	}
	if produced != nil {
		go func() {
			// What the client says of it is what produced says.
			_ = p.cl.AbortBufferedRecords(context.Background())
		}()
		select {
		case <-produced:
		case <-time.After(p.patience.abort):
			return unknown("abort", cause)
		case <-ctx.Done():
			return unknown("abort", cause)
		}
	}
	switch err := p.end(ctx, p.patience.abort, kgo.TryAbort); {
	case err == nil && parted(cause):
		// Nothing was written, and yet nobody may go on here: a claim finds out what there is.
		return unknown("produce", cause)
	case err == nil:
		return fmt.Errorf("%w: %w", compaction.ErrNotCommitted, cause)
	case fenced(err):
		return fmt.Errorf("%w: %w", compaction.ErrFenced, err)
	default:
		return unknown("abort", errors.Join(cause, err))
	}
}

// end asks the coordinator to end the transaction and waits for its answer, so long at most.
func (p *producer) end(ctx context.Context, wait time.Duration, how kgo.TransactionEndTry) error {
	return within(ctx, wait, func() error { return p.cl.EndTransaction(context.Background(), how) })
}

// within waits for a call of the client's, so long at most. The call goes on.
func within(ctx context.Context, wait time.Duration, call func() error) error {
	answered := make(chan error, 1)
	go func() { answered <- call() }()
	select {
	case err := <-answered:
		return err
	case <-time.After(wait):
		return fmt.Errorf("the brokers did not answer within %v", wait)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unknown is the error of a producer that can only be given up. A claim finds out what there is.
func unknown(doing string, err error) error {
	return fmt.Errorf("%w (%s): %w", compaction.ErrUnknownOutcome, doing, err)
}
