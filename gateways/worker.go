package gateways

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// An Engine is what the worker needs of compaction.Shards.
type Engine interface {
	// Do has a command decided and answers when it is durable.
	Do(ctx context.Context, c compaction.Command) (compaction.Answer, error)
	// Each calls f with a view of each shard.
	Each(f func(shard int, v *compaction.View) error) error
	// Subscribe tells of commits that touch a topic.
	Subscribe(topic string) (signal <-chan struct{}, cancel func(), err error)
}

// Options say what a Worker works on. The zero value of each limit is its default.
type Options struct {
	Engine   Engine
	Handlers map[string]Handler // by the kind of effect
	// Clock tells the time; nil is the system's.
	Clock func() time.Time
	// Concurrency is how many effects are performed at a time; 16.
	Concurrency int
	// Timeout bounds one call; 30 s. It is also the bound on calls in flight after a crash.
	Timeout time.Duration
	// Poll is how often the outbox is looked at when nothing is heard of it; 1 s.
	Poll time.Duration
	// Limit is how many attempts an effect has before it is dead; 40, which is more than a day.
	Limit int
	// First is the wait after the first failure, about threefold after each further one, up to
	// Longest; 500 ms and 1 h.
	First, Longest time.Duration
	// Logger takes what an operator should know; nil is slog.Default. No payload is logged.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	set(&o.Timeout, 30*time.Second)
	set(&o.Poll, time.Second)
	set(&o.First, 500*time.Millisecond)
	set(&o.Longest, time.Hour)
	if o.Concurrency <= 0 {
		o.Concurrency = 16
	}
	if o.Limit <= 0 {
		o.Limit = 40
	}
	return o
}

// A Worker performs the effects of the outbox: those of an aggregate one after the other, in the
// order they were wanted, and those of different aggregates beside each other, so that one that
// waits holds up nobody else. A dead effect does not hold up those behind it.
//
// The beginning of each attempt is committed before the handler is called, and its outcome in one
// command with the end of the effect.
type Worker struct {
	o Options

	busy map[string]bool // aggregates being worked on; owned by Run
}

// NewWorker prepares a worker. Nothing runs before Run.
func NewWorker(o Options) *Worker {
	return &Worker{o: o.withDefaults(), busy: map[string]bool{}}
}

// Run performs effects until ctx ends. Then it gives up the calls in flight, waits for them to
// return and returns itself: what they did not commit is resolved by the next Run.
func (w *Worker) Run(ctx context.Context) error {
	signal, cancel, err := w.o.Engine.Subscribe(compaction.Outbox.Topic().Name)
	if err != nil {
		return err
	}
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	ended := make(chan string, w.o.Concurrency)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case aggregate := <-ended:
			delete(w.busy, aggregate)
		case <-signal:
		case <-timer.C:
		}
		due, next := w.due()
		for _, e := range due {
			aggregate := compaction.Key(e.Tenant, e.Aggregate)
			w.busy[aggregate] = true
			running.Go(func() {
				w.perform(ctx, e)
				ended <- aggregate // has room for each that runs
			})
		}
		timer.Reset(next)
	}
}

// due returns what to begin now, as far as there is room for it, and how long nothing else will be
// due. Shards are served in turn.
func (w *Worker) due() ([]compaction.Effect, time.Duration) {
	room := w.o.Concurrency - len(w.busy)
	if room == 0 {
		return nil, w.o.Poll
	}
	now, wait := w.o.Clock(), w.o.Poll
	var shards [][]compaction.Effect
	var unread error
	err := w.o.Engine.Each(func(_ int, v *compaction.View) error {
		found, next, err := w.scan(v, now, room)
		unread = errors.Join(unread, err)
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(now), time.Millisecond))
		}
		shards = append(shards, found)
		return nil
	})
	if err != nil && !errors.Is(err, compaction.ErrNotServing) { // else a shard is elsewhere
		unread = errors.Join(unread, err)
	}
	if unread != nil {
		w.o.Logger.Error("the outbox cannot be read", "error", unread)
	}
	var due []compaction.Effect
	for place := 0; len(due) < room; place++ {
		more := false
		for _, found := range shards {
			if place < len(found) && len(due) < room {
				due, more = append(due, found[place]), true
			}
		}
		if !more {
			break
		}
	}
	return due, wait
}

// scan returns up to room effects of a shard that may begin, each the first of its aggregate, and
// when the next one after them is due, if none is due now.
func (w *Worker) scan(v *compaction.View, now time.Time, room int) (
	found []compaction.Effect, next time.Time, err error) {
	const page = 64
	taken := map[string]bool{}
	for after := ""; ; {
		rows, err := compaction.Outbox.Lookup(v, "due", compaction.Page{After: after, Limit: page})
		if err != nil {
			return found, next, err
		}
		for _, r := range rows {
			e := r.Value
			if e.Due.After(now) {
				return found, e.Due, nil
			}
			aggregate := compaction.Key(e.Tenant, e.Aggregate)
			if w.o.Handlers[e.Kind] == nil || w.busy[aggregate] || taken[aggregate] {
				continue
			}
			first, err := w.head(v, e)
			if err != nil {
				return found, next, err
			}
			if !first {
				continue
			}
			taken[aggregate] = true
			if found = append(found, e); len(found) == room {
				return found, next, nil
			}
		}
		if len(rows) < page {
			return found, next, nil
		}
		after = rows[len(rows)-1].Cursor
	}
}

// head reports whether e is the first of its aggregate that is not dead.
func (w *Worker) head(v *compaction.View, e compaction.Effect) (bool, error) {
	rows, err := compaction.Outbox.Lookup(v, "aggregate",
		compaction.Page{Prefix: compaction.Key(e.Tenant, e.Aggregate) + "/"})
	for _, r := range rows {
		if r.Value.State != compaction.EffectDead {
			return r.Value.ID == e.ID, err
		}
	}
	return false, err
}
