package compaction

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A historian keeps an open history store level with its shard.
type historian struct {
	history *history
	db      *pebble.DB
	state   storeState // as the store has it
	owner   int        // the one that the store was held against last, as the feed counts them
}

// round reads what is there in the log, and then what comes: from the owner where it is here, until
// something is missing between them, and else from the log until there is one.
func (f *historian) round(ctx context.Context) error {
	owner, here := f.history.feed.current()
	err := f.while(ctx, owner, func(ctx context.Context) error {
		err := f.catchUp(ctx, owner, here)
		if err == nil && !here {
			err = f.tail(ctx)
		}
		return err
	})
	if err != nil || !here {
		return err
	}
	return f.listen(ctx)
}

// errAgain ends a reading of the log: it is to be begun again, held against the log as it is then.
var errAgain = errors.New("compaction: the log is to be read again")

// while calls read, which reads the log, and ends it without an error when the owner is another
// one. What is read then may not come any more, or be of another log than what was read before.
func (f *historian) while(
	ctx context.Context, owner int, read func(context.Context) error,
) error {
	reading, stop := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		for now, _ := f.history.feed.current(); now == owner; now, _ = f.history.feed.current() {
			select {
			case <-f.history.feed.change:
			case <-reading.Done():
				return
			}
		}
		stop(errAgain)
	})
	err := read(reading)
	stop(nil)
	watch.Wait()
	ended := errors.Is(context.Cause(reading), errAgain) && errors.Is(err, context.Canceled)
	if ended || errors.Is(err, errAgain) {
		return ctx.Err()
	}
	return err
}

// catchUp reads up to where the log ends.
func (f *historian) catchUp(ctx context.Context, owner int, here bool) error {
	// An open range says nothing of an end that has been reached without a record, as in a shard
	// that nobody has written to.
	log, n, topics := f.history.shards.o.Log, f.history.shard, f.history.feed.topics
	end, err := log.End(ctx, n)
	if err != nil {
		return err
	}
	if err := f.recognise(ctx, owner, here, end); err != nil {
		return err
	}
	err = each(ctx, log, n, Range{From: f.state.positions, To: end, Topics: topics}, f.read)
	if err != nil {
		return err
	}
	if end = end.Only(topics); !f.state.positions.Reached(end) {
		return f.read(Batch{Next: end, Group: f.state.group, Time: f.state.stamp})
	}
	return nil
}

// endEvery is how often a log that nobody has claimed here is asked again whether it ends where a
// history does.
const endEvery = time.Second

// recognise holds the store against the log, which ends at a position, where the owner is another
// one. It fails with errParted if what the owner claimed is not the log that the store is made of:
// one that was restored while this process ran, or that has lost what was appended last. Until then
// nobody reads what the store has.
func (f *historian) recognise(
	ctx context.Context, owner int, here bool, end Positions,
) error {
	if owner == f.owner {
		return nil
	}
	if !end.Reached(f.state.positions) {
		if here {
			return errParted
		}
		// Kafka's markers of the last groups may come late, or with the next claim.
		select {
		case <-time.After(endEvery):
			return errAgain
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	parted, err := f.history.shards.parted(ctx, f.history.shard, f.state.kept, end)
	if err != nil {
		return err
	}
	if parted {
		return errParted
	}
	f.owner = owner
	f.history.set(func() { f.history.owner = owner })
	return nil
}

// listen takes what the owner hands on. It returns when that is not all.
func (f *historian) listen(ctx context.Context) error {
	for {
		b, ok := f.history.feed.take(f.state.positions, f.owner)
		if !ok {
			return nil
		}
		if b.Group < f.state.group { // of an earlier group than what was read in other topics
			b.Group, b.Time = f.state.group, f.state.stamp
		}
		if len(b.Entries) > 0 || b.Group > f.state.group {
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

// tail takes what is appended elsewhere.
func (f *historian) tail(ctx context.Context) error {
	r := Range{From: f.state.positions, Topics: f.history.feed.topics}
	return each(ctx, f.history.shards.o.Log, f.history.shard, r, func(b Batch) error {
		if f.state.has(b.Entries) {
			return errParted
		}
		// An open range is read by whole groups.
		f.state.whole = max(f.state.whole, b.Group)
		return f.read(b)
	})
}

// read takes a batch of the log, unless the owner is another one than when the store was held
// against it: what that one appended may stand in the place of what the store has.
func (f *historian) read(from Batch) error {
	if now, _ := f.history.feed.current(); now != f.owner {
		return errAgain
	}
	return f.take(from)
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
