package compaction

import (
	"context"
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// A historian keeps an open history store level with its shard.
type historian struct {
	history *history
	db      *pebble.DB
	state   storeState // as the store has it
}

// round reads what is there in the log, and then what comes: from the owner where it is here, until
// something is missing between them, and else from the log until there is one.
func (f *historian) round(ctx context.Context) error {
	// An open range says nothing of an end that has been reached without a record, as in a shard
	// that nobody has written to.
	log, n, topics := f.history.shards.o.Log, f.history.shard, f.history.feed.topics
	end, err := log.End(ctx, n)
	if err != nil {
		return err
	}
	err = each(ctx, log, n, Range{From: f.state.positions, To: end, Topics: topics}, f.take)
	if err != nil {
		return err
	}
	if end = end.Only(topics); !f.state.positions.Reached(end) {
		b := Batch{Next: end, Group: f.state.group, Time: f.state.stamp}
		if err := f.take(b); err != nil {
			return err
		}
	}
	if _, here := f.history.feed.level(); here {
		return f.listen(ctx)
	}
	return f.tail(ctx)
}

// listen takes what the owner hands on. It returns when that is not all.
func (f *historian) listen(ctx context.Context) error {
	for {
		b, ok := f.history.feed.take(f.state.positions, f.state.group)
		if !ok {
			return nil
		}
		if b.Group > f.state.group {
			if err := f.take(b); err != nil {
				return err
			}
		}
		select {
		case <-f.history.feed.change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tail takes what is appended elsewhere. It returns when there is an owner here.
func (f *historian) tail(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		defer stop()
		for here := false; !here; _, here = f.history.feed.level() {
			select {
			case <-f.history.feed.change:
			case <-reading.Done():
				return
			}
		}
	})
	defer watch.Wait()
	defer stop()
	r := Range{From: f.state.positions, Topics: f.history.feed.topics}
	err := each(reading, f.history.shards.o.Log, f.history.shard, r, f.take)
	_, here := f.history.feed.level()
	if here && ctx.Err() == nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// take puts a batch's rows and the position after it into the store, at once.
func (f *historian) take(from Batch) error {
	b := f.db.NewBatch()
	err := f.history.project(b, from, f.state.positions)
	f.state.positions, f.state.group, f.state.stamp = from.Next, from.Group, from.Time
	f.state.read(f.history.shards.o.Schema, from.Entries)
	if err == nil {
		err = b.Set([]byte(stateKey), f.state.encode(nil), nil)
	}
	if err == nil {
		err = b.Commit(pebble.NoSync)
	}
	if err = errors.Join(err, b.Close()); err == nil {
		f.history.set(func() { f.history.reached = f.state.positions })
	}
	return err
}

func (h *history) project(b *pebble.Batch, from Batch, before Positions) error {
	placed := map[byte]bool{}
	for _, e := range from.Entries {
		d := h.shards.o.Schema.byTopic[e.Topic]
		if d == nil {
			return &CorruptError{Shard: h.shard, Group: e.Group, Topic: e.Topic, Key: string(e.Key),
				Reason: "this version of the program does not know the topic"}
		}
		fault := func(err error) error {
			return &CorruptError{Shard: h.shard, Group: e.Group, Topic: e.Topic, Key: string(e.Key),
				Reason: "the record does not decode: " + err.Error()}
		}
		if d.sequence != nil && !placed[d.id] {
			placed[d.id] = true
			n, err := d.sequence(e.Value)
			if err != nil {
				return fault(err)
			}
			if err := b.Set(positionKey(d.id, n), before.AppendBinary(nil), nil); err != nil {
				return err
			}
		}
		if d.project == nil {
			continue
		}
		rows, err := d.project(e)
		if err != nil {
			return fault(err)
		}
		for _, r := range rows {
			if err := b.Set(append(familyKey(r.Family), r.Key...), r.Value, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
