package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
	"github.com/quittance/quittance/ledger/payments"
)

// A wrong is the program with one of its rules taken away, where two of its parts meet: between the
// engine and the log, the log and the brokers, the worker and the gateway.
type wrong struct {
	rule string   // what no longer holds
	amid []string // the mishaps that the rule is for
	// calm is how much time there is between them on average; a few seconds if it is 0.
	calm time.Duration
	// seeds are some that find it.
	seeds []uint64

	appends func(w *wrongWriter, ctx context.Context, g compaction.Group) (
		compaction.Positions, error)
	claims  func(ctx context.Context, w *wrongWriter) error // after a claim
	reads   func(r compaction.Range, b *compaction.Batch)   // what the engine reads
	unfence string                                          // producers with ids of each node
	brokers func(c *kfake.Cluster)
	calls   func(c gateways.Call) gateways.Call // to the provider
	answers func(o payments.Order, c gateways.Call, f payments.Fact, err error) (
		payments.Fact, error)
	lease time.Duration
}

// wrongs are all of them. Where the design says what goes wrong and by which rule it does not, its
// rule is one of these, unless it is the brokers' or a disk's alone.
var wrongs = []wrong{
	{rule: "an outcome that is unknown is not taken for done",
		amid: []string{losing}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			at, err := w.Writer.Append(ctx, g)
			if !errors.Is(err, compaction.ErrUnknownOutcome) {
				return at, err
			}
			w.dead = compaction.ErrFenced // the next group claims the shard again
			return w.ends, nil
		}},
	{rule: "an outcome that is unknown is not taken for nothing",
		amid: []string{losing}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			at, err := w.Writer.Append(ctx, g)
			if err == nil && g.Number%40 == 0 { // as if the answer had been lost
				err = compaction.ErrUnknownOutcome
			}
			if errors.Is(err, compaction.ErrUnknownOutcome) {
				w.dead = compaction.ErrFenced
				return nil, compaction.ErrNotCommitted
			}
			return at, err
		}},
	{rule: "what was not committed is not answered",
		amid: []string{refusing, losing}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			at, err := w.Writer.Append(ctx, g)
			if errors.Is(err, compaction.ErrNotCommitted) {
				w.dead = compaction.ErrFenced
				return w.ends, nil
			}
			return at, err
		}},
	{rule: "what was fenced is not answered",
		amid: []string{splitting, standing}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			at, err := w.Writer.Append(ctx, g)
			if errors.Is(err, compaction.ErrFenced) && w.dead == nil {
				w.dead = err
				return w.ends, nil
			}
			return at, err
		}},
	{rule: "who was fenced reads what the other wrote before it goes on",
		amid: []string{splitting}, seeds: []uint64{2, 1, 3, 4, 5, 6, 7, 8},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			at, err := w.Writer.Append(ctx, g)
			if !errors.Is(err, compaction.ErrFenced) {
				return at, err
			}
			time.Sleep(time.Second) // two that fence each other at once have no time for anything else
			if err := w.again(ctx); err != nil {
				return nil, err
			}
			w.skipped += g.Number - (w.last + 1)
			g.Number = w.last + 1
			return w.Writer.Append(ctx, g)
		}},
	{rule: "an answer that wrote nothing waits for the log",
		amid: []string{standing}, calm: 20 * time.Second, seeds: []uint64{4, 5, 3, 8, 9, 1, 2, 10},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			if len(g.Records) == 0 {
				w.skipped++
				return w.ends, nil
			}
			return w.Writer.Append(ctx, g)
		}},
	{rule: "the answer to a key is in the group of what it answers",
		amid: []string{dying, restarting}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			var rest []compaction.Record
			for _, r := range g.Records {
				if !strings.Contains(r.Topic, "idempotency") {
					rest = append(rest, r)
				}
			}
			g.Records = rest
			return w.Writer.Append(ctx, g)
		}},
	{rule: "a group is written as a whole",
		amid: []string{losing, refusing, dying}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			if len(g.Records) < 2 {
				return w.Writer.Append(ctx, g)
			}
			first, rest := g, g
			first.Records, rest.Records = g.Records[:1], g.Records[1:]
			if at, err := w.Writer.Append(ctx, first); err != nil {
				return at, err
			}
			w.skipped--
			rest.Number++
			return w.Writer.Append(ctx, rest)
		}},
	{rule: "times never go back",
		amid: []string{skewing, moving, dying}, seeds: []uint64{8, 7, 1, 4, 9, 2, 3, 5},
		appends: func(w *wrongWriter, ctx context.Context, g compaction.Group) (
			compaction.Positions, error) {
			g.Time = w.node.now().UTC()
			return w.Writer.Append(ctx, g)
		}},
	{rule: "a claim waits for the end of what was there",
		amid: []string{moving, dying}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		claims: func(ctx context.Context, w *wrongWriter) error { return w.late(ctx) }},
	{rule: "a store is read on from where its positions are",
		amid: []string{restarting, dying}, seeds: []uint64{5, 6, 1, 2, 3, 4, 7, 8},
		reads: func(r compaction.Range, b *compaction.Batch) {
			if r.From != nil && len(b.Entries) > 0 {
				b.Entries = b.Entries[1:]
			}
		}},
	{rule: "a claim fences who had the shard",
		amid: []string{splitting}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		unfence: "012"},
	{rule: "who stood still past its session, and goes on, was fenced",
		amid: []string{standing}, calm: 20 * time.Second, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		unfence: "012"},
	{rule: "a claim fences every producer of the ring",
		amid: []string{splitting}, seeds: []uint64{1, 4, 6, 2, 3, 5, 7, 8},
		unfence: "12"},
	{rule: "what is read was committed",
		amid: []string{losing, refusing, dying}, seeds: []uint64{2, 1, 3, 4, 5, 6, 7, 8},
		brokers: func(c *kfake.Cluster) {
			c.ControlKey(kmsg.Fetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				r.(*kmsg.FetchRequest).IsolationLevel = 0
				return nil, nil, false
			})
		}},
	{rule: "an attempt that is made again has the same key",
		amid: []string{dying}, seeds: []uint64{6, 1, 2, 3, 4, 5, 7, 8},
		calls: func(c gateways.Call) gateways.Call {
			c.Key += c.At.String()
			return c
		}},
	{rule: "a call that nobody knows about is not taken for declined",
		amid: []string{cutting}, seeds: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		answers: func(o payments.Order, c gateways.Call, f payments.Fact, err error) (
			payments.Fact, error) {
			if gateways.ClassOf(err) == gateways.Unknown && err != nil {
				return payments.Fact{Gateway: simCards, State: payments.RequiresPaymentMethod,
					Amount: o.Amount, Code: "timeout", Observed: c.At}, nil
			}
			return f, err
		}},
	{rule: "reads end with the lease",
		amid: []string{standing}, calm: 20 * time.Second, seeds: []uint64{4, 5, 1, 8, 10, 2, 3, 9},
		lease: 1000 * time.Hour},
}

// unfence gives some producers of rings ids that are the node's own, as long as theirs, on the way
// to the brokers, and on the way back theirs.
func (n *simNode) unfence(b []byte, back bool) {
	if n.s.wrong == nil {
		return
	}
	for _, k := range n.s.wrong.unfence {
		for shard := range n.s.shards {
			from := fmt.Appendf(nil, "quittance-shard-%d-%c", shard, k)
			to := fmt.Appendf(nil, "%-9.9s-shard-%d-%c", n.name, shard, k)
			if back {
				from, to = to, from
			}
			copy(b, bytes.ReplaceAll(b, from, to))
		}
	}
}

// A wrongLog is a log without one of its rules.
type wrongLog struct {
	compaction.Log
	wrong *wrong
	node  *simNode
}

// Claim claims a shard and keeps to what is left of the rules.
func (l *wrongLog) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	w := &wrongWriter{log: l, shard: shard, node: l.node}
	if err := w.again(ctx); err != nil {
		return nil, err
	}
	w.start = w.Writer.Start()
	if l.wrong.claims != nil {
		if err := l.wrong.claims(ctx, w); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return w, nil
}

// Read reads what is left of the rules.
func (l *wrongLog) Read(
	ctx context.Context, shard int, r compaction.Range,
) (compaction.Reader, error) {
	inner, err := l.Log.Read(ctx, shard, r)
	if err != nil || l.wrong.reads == nil {
		return inner, err
	}
	return &wrongReader{Reader: inner, log: l, of: r}, nil
}

// A wrongReader is a reader of a wrongLog.
type wrongReader struct {
	compaction.Reader
	log  *wrongLog
	of   compaction.Range
	read bool
}

// Next spoils the first batch.
func (r *wrongReader) Next(ctx context.Context) (compaction.Batch, error) {
	b, err := r.Reader.Next(ctx)
	if err == nil && !r.read && len(b.Entries) > 0 {
		r.read = true
		r.log.wrong.reads(r.of, &b)
	}
	return b, err
}

// A wrongWriter is a writer of a wrongLog.
type wrongWriter struct {
	compaction.Writer
	log   *wrongLog
	shard int
	node  *simNode
	start compaction.Positions

	last    uint64               // the last group there was at the claim, once it was asked for
	ends    compaction.Positions // after the last group
	skipped uint64               // how many numbers the caller is ahead; it wraps
	dead    error                // what every append answers from now on
}

// again claims the shard, and finds out what its last group is.
func (w *wrongWriter) again(ctx context.Context) error {
	inner, err := w.log.Log.Claim(ctx, w.shard)
	if err != nil {
		return err
	}
	if w.Writer != nil {
		err = w.Writer.Close()
	}
	w.Writer, w.ends = inner, inner.Start()
	if err != nil {
		return err
	}
	w.last, err = w.lastOf(ctx, compaction.Range{To: w.ends})
	return err
}

// lastOf returns the number of the last group of a range.
func (w *wrongWriter) lastOf(ctx context.Context, r compaction.Range) (last uint64, err error) {
	reader, err := w.log.Log.Read(ctx, w.shard, r)
	if err != nil {
		return 0, err
	}
	for {
		b, e := reader.Next(ctx)
		if errors.Is(e, io.EOF) {
			return last, reader.Close()
		}
		if e != nil {
			return last, errors.Join(e, reader.Close())
		}
		last = max(last, b.Group)
	}
}

// late begins where the claim before this one began.
func (w *wrongWriter) late(ctx context.Context) error {
	stale, ok := w.node.s.claimed.Swap(w.shard, w.start)
	if !ok {
		return nil
	}
	w.start = stale.(compaction.Positions)
	before, err := w.lastOf(ctx, compaction.Range{To: w.start})
	w.skipped = before - w.last
	return err
}

// Start returns where the claim stands, as far as the rules are kept.
func (w *wrongWriter) Start() compaction.Positions { return w.start }

// Append appends a group as the rule that is missing has it.
func (w *wrongWriter) Append(ctx context.Context, g compaction.Group) (
	at compaction.Positions, err error,
) {
	if w.dead != nil {
		return nil, w.dead
	}
	g.Number -= w.skipped
	if w.log.wrong.appends != nil {
		at, err = w.log.wrong.appends(w, ctx, g)
	} else {
		at, err = w.Writer.Append(ctx, g)
	}
	if err == nil {
		w.ends = at
	}
	return at, err
}
