package compaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// groupCost bounds the cost of the commands that are decided and appended together. Larger groups
// pay the log's sync for more commands; smaller ones answer their first command sooner.
const groupCost = 4096

// A shard is one shard while this process owns it, from a claim to the first error. Everything
// but the queue and the counters belongs to the goroutine in run.
//
//	callers → queue → decide … decide → Append → answers
//	                  └───── one group ─────┘  └→ apply
//
// While a group is appended and applied the next one collects in the queue.
type shard struct {
	number int
	schema *Schema
	clock  func() time.Time
	logger *slog.Logger
	queue  *queue
	counts *counters
	notify func(touched *[256]bool)
	feed   *feed

	lease  lease        // since the log last confirmed that the shard is owned here
	member *lease       // since the group did that this process is one of it
	heard  *atomic.Bool // Heard was called

	// What is answered is durable; until it is applied as well, readers wait. Callers come back while
	// it is applied, and are in the next group: 64 callers with keys on Kafka did 31,300 commands a
	// second, and 28,200 where they were answered after it.
	applying sync.RWMutex
	behind   bool // under applying: the store lacks what was answered, for ever

	restoring  atomic.Bool       // background topics are still being restored
	began      Positions         // the end of the log when the shard began to serve
	served     context.Context   // ends when the shard is dropped, or is to be given up
	background chan []Entry      // restored background records; an empty one is the last
	restored   func()            // called when restoring ends
	asides     chan func() error // to be called between groups

	// Owned by run:
	writer   Writer
	store    *store
	work     *work
	state    storeState
	tx       Tx
	requests []*request
	records  []Record
	encoded  []byte
	nextDue  time.Time
	untaken  untaken
	deferred map[string]time.Time // due records whose handler failed, and when to try again
}

// A request is a command in the queue. done receives exactly one outcome.
type request struct {
	ctx     context.Context
	command Command
	hashed  *hashed
	outcome outcome
	done    chan outcome
}

type outcome struct {
	answer Answer
	err    error
}

func (r *request) cost() int { return max(1, r.command.Cost) }

// run decides what is queued, group by group, until ctx ends and the queue is empty, or something
// fails that the shard cannot go on from. It answers every request it takes.
func (s *shard) run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stop := ctx.Done()
	for {
		s.arm(timer)
		select {
		case <-s.queue.signal:
		case <-timer.C:
		case err := <-s.store.poison:
			return s.fail(err)
		case entries := <-s.background:
			if err := s.absorb(entries); err != nil {
				return s.fail(err)
			}
		case f := <-s.asides:
			if err := f(); err != nil {
				return s.fail(err)
			}
		case <-stop:
			stop = nil
			s.queue.close(ErrNotServing, false)
		}
		due, err := s.due() // before requests are taken, which would have to be answered
		if err != nil {
			return s.fail(err)
		}
		// Callers that were just answered are ready to run and mostly come back at once: letting
		// them run first makes one full group of them where there were a small and a large one,
		// each with a sync of its own.
		runtime.Gosched()
		s.requests = s.queue.take(s.requests[:0], groupCost)
		if stop == nil && len(s.requests) == 0 {
			return nil // what is due can wait for the next owner
		}
		if len(due) > 0 || len(s.requests) > 0 {
			if err := s.group(due); err != nil {
				return s.fail(err)
			}
		}
	}
}

// fail answers what is waiting and passes err on.
func (s *shard) fail(err error) error {
	for _, r := range s.queue.close(ErrNotServing, true) {
		r.done <- outcome{err: ErrNotServing}
	}
	return err
}

// group decides the due records and the requests taken, appends what they wrote, applies it and
// answers. When the append failed, none of it was decided. An error ends the shard.
func (s *shard) group(due []dueRecord) error {
	now := s.clock().UTC()
	stamp := now
	if stamp.Before(s.state.stamp) {
		stamp = s.state.stamp
	}
	s.tx.now, s.tx.appends, s.tx.size = stamp, s.tx.appends[:0], 0
	for _, r := range due {
		s.decideDue(r, stamp)
	}
	for i, r := range s.requests {
		if i > 0 && s.tx.size > groupBytes {
			s.queue.restore(s.requests[i:])
			s.requests = s.requests[:i]
			break
		}
		answer, err := s.decide(r)
		r.outcome = outcome{answer, err}
		if damaged(err) {
			s.store.suspect(err)
		}
	}
	err := s.commit(stamp, now)
	if err == nil {
		return nil
	}
	s.work.forget()
	var applied *applyError
	switch {
	case errors.As(err, &applied): // what was appended is durable, and was answered
	case errors.Is(err, ErrNotCommitted):
		s.answer(err)
		if len(due) > 0 {
			s.sooner(stamp.Add(retryDue)) // they are still due
		}
		return nil
	default:
		s.lease.end() // it may be another's: nothing is read here before it is dropped
		s.answer(err)
	}
	return err
}

// answer gives each request its outcome, or err in place of it.
func (s *shard) answer(err error) {
	s.counts.commands.Add(uint64(len(s.requests))) // before whoever has an answer can ask
	for i, r := range s.requests {
		o := r.outcome
		if err != nil {
			o = outcome{err: err}
		}
		s.requests[i] = nil
		r.done <- o
	}
}

// decide runs one request against what is committed and what the group has written so far.
func (s *shard) decide(r *request) (Answer, error) {
	if err := r.ctx.Err(); err != nil {
		return Answer{}, err // nobody waits for it, and nothing of it was done
	}
	s.tx.begin()
	if r.hashed != nil {
		answer, found, err := r.hashed.replay(&s.tx)
		if found || err != nil {
			return answer, err
		}
	}
	answer, err := s.call(r.command.Decide)
	if err != nil {
		s.tx.rollback()
		s.tx.err = nil
		if answer, err = s.refuse(r.command.Refuse, err); err != nil {
			return Answer{}, err
		}
	}
	if r.hashed != nil {
		return s.remember(r, answer)
	}
	return answer, nil
}

// remember keeps an answer under its request's key. What cannot be remembered is not done: an
// answer that is too large is a refusal, and that is remembered in its place.
func (s *shard) remember(r *request, answer Answer) (Answer, error) {
	err := r.hashed.remember(&s.tx, answer)
	if err == nil {
		return answer, nil
	}
	s.tx.rollback()
	s.tx.err = nil
	if answer, err = s.refuse(r.command.Refuse, err); err == nil {
		err = r.hashed.remember(&s.tx, answer)
	}
	if err != nil {
		s.tx.rollback()
		return Answer{}, err
	}
	return answer, nil
}

// call runs a deciding function; its panic is an error of that command alone.
func (s *shard) call(decide func(*Tx) (Answer, error)) (a Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
	}()
	a, err = decide(&s.tx)
	if err == nil {
		err = s.tx.err
	}
	return a, err
}

// refuse turns a refusal into its answer, and gives any other error back.
func (s *shard) refuse(refuse func(error) (Answer, bool), err error) (Answer, error) {
	if refuse == nil {
		return Answer{}, err
	}
	return s.call(func(*Tx) (Answer, error) {
		if a, ok := refuse(err); ok {
			return a, nil
		}
		return Answer{}, err
	})
}

// An applyError reports a group that is in the log but not in the store.
type applyError struct{ err error }

func (e *applyError) Error() string {
	return "compaction: appended but not applied: " + e.err.Error()
}

func (e *applyError) Unwrap() error { return e.err }

// commit appends what the group wrote, answers, and applies it to the store in one batch, with the
// new positions. A crash before the append leaves nothing; one after it leaves the log ahead of the
// store, which replays from its own positions. The stamp may be ahead of the clock, which says now:
// stamps never go back.
func (s *shard) commit(stamp, now time.Time) error {
	if err := s.encode(); err != nil {
		err = fmt.Errorf("%w: %w", ErrNotCommitted, err)
		s.untaken.note(s.logger, s.number, err)
		return err
	}
	if len(s.records) == 0 && s.lease.length == 0 {
		s.work.committed()
		s.answer(nil)
		return nil
	}
	// Where the shard may have passed to another process, answers wait for an append even if they
	// wrote nothing: what they rest on may be out of date, and the append then fails.
	began := time.Now()
	g := Group{Number: s.state.group + 1, Time: stamp, Records: s.records}
	// The context is not the callers': an append under way is always seen to its end.
	positions, err := s.writer.Append(context.Background(), g)
	s.untaken.note(s.logger, s.number, err)
	if err != nil {
		return err
	}
	s.lease.confirm(began)
	s.feed.put(g, s.tx.appends, positions)
	next := s.state
	next.group, next.stamp, next.positions = g.Number, stamp, positions
	next.reached = now
	next.whole = g.Number
	next.appended(s.schema, g, positions)
	if len(s.records) == 0 {
		s.state = next // the store learns of it with the next records
		s.counts.level(next)
		s.work.committed()
		s.answer(nil)
		return nil
	}
	s.counts.groups.Add(1)
	s.counts.records.Add(uint64(len(g.Records)))
	if err := s.publish(next); err != nil {
		return &applyError{err}
	}
	s.state = next
	s.work.committed()
	s.counts.level(next)
	return nil
}

// encode makes the group's records: one for each key that differs from what is committed, then
// what was appended. A key that changed often is written once.
func (s *shard) encode() error {
	s.records = s.records[:0]
	for _, c := range s.work.dirty {
		r := Record{Topic: c.d.topic.Name, Key: []byte(c.key)}
		if c.present {
			if c.encoded == nil {
				var err error
				if c.encoded, err = c.d.encode(c.value); err != nil {
					return fmt.Errorf("compaction: %s of %s: %w", c.key, r.Topic, err)
				}
			}
			r.Value = c.encoded
		} else if !c.existed {
			continue // made and ended in this group
		}
		s.records = append(s.records, r)
	}
	s.records = append(s.records, s.tx.appends...)
	return nil
}
