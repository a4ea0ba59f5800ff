package compaction

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// history is one shard's history store: rows projected from appended records, and where in the log
// each sequence number is. It follows the log by itself, from committed records alone, or the owner
// where it is in this process; so it may lag, be lost, and be made again while the shard serves.
// Its keys:
//
//	h <family> NUL <key>    → value of a projection
//	p <topic> <sequence>    → positions from which the log gives the record of that sequence
//	m                       → storeState
type history struct {
	shards *Shards
	shard  int

	mu      sync.Mutex
	db      *pebble.DB // nil while it is not open
	reached Positions
	owner   int           // the one that db was held against last, as the feed counts them
	failed  error         // why it does not go on any more; an ErrNotServing
	change  chan struct{} // closed when any of the above changes
	readers sync.WaitGroup

	feed *feed
}

const (
	projectionFamily = 'h'
	positionFamily   = 'p'
)

// none is no owner that the feed counts.
const none = -1

func newHistory(s *Shards, shard int) *history {
	h := &history{shards: s, shard: shard, change: make(chan struct{}),
		feed: newFeed(s.o.Schema.names(AppendOnly))}
	if s.o.Shared {
		h.failed = errElsewhere
	}
	return h
}

func (h *history) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.change)
	h.change = make(chan struct{})
}

// run follows the log until ctx ends. A history that is damaged, foreign or parted from the log is
// made anew; a log that is damaged stops it.
func (h *history) run(ctx context.Context) {
	h.set(func() { h.failed = nil })
	ended := errEnded
	if h.shards.o.Shared {
		ended = errElsewhere // for now
	}
	defer h.stop(ended)
	for wait := 10 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		began := time.Now()
		err := h.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute { // it went well
			wait = 10 * time.Millisecond
		}
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			h.shards.o.Logger.Error("history has stopped", "shard", h.shard, "error", err)
			h.stop(&StoppedError{h.shard, err})
			<-ctx.Done()
			return
		}
		what := "history is opened again"
		if pebble.IsCorruptionError(err) || errors.Is(err, errParted) || errors.Is(err, ErrSetBack) {
			what = "history is made anew"
			err = errors.Join(err, h.shards.o.FS.RemoveAll(h.dir()))
		}
		h.shards.o.Logger.Warn(what, "shard", h.shard, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// stop says why history does not go on any more. The first reason stays.
func (h *history) stop(why error) {
	h.set(func() {
		if h.failed == nil {
			h.failed = why
		}
	})
}

func (h *history) dir() string {
	return filepath.Join(h.shards.o.Dir, fmt.Sprintf("history-%03d", h.shard))
}

// open opens the store and returns its state, an empty one if it has none that fits the log.
// Whether the log has what it has is for the historian to find out.
func (h *history) open() (*store, storeState, error) {
	st, err := openStore(h.dir(), h.shard, h.shards.o.Schema, h.shards.storeOptions())
	if err != nil {
		if errors.Is(err, ErrLocked) {
			return nil, storeState{}, err // it is in use
		}
		// Not every damage is called so: what cannot be opened is made anew.
		return nil, storeState{}, errors.Join(err, h.shards.o.FS.RemoveAll(h.dir()))
	}
	state, ok, err := st.state()
	id, fingerprint := h.shards.o.Log.Identity().ID, h.shards.o.Schema.fingerprint
	if ok && err == nil && state.log == id && state.fingerprint == fingerprint {
		return st, state, nil
	}
	if ok || err != nil {
		if err := st.db.DeleteRange([]byte{0}, []byte{0xff}, pebble.NoSync); err != nil {
			return nil, storeState{}, errors.Join(err, st.close())
		}
	}
	return st, storeState{log: id, fingerprint: fingerprint, background: true}, nil
}

func (h *history) follow(ctx context.Context) (err error) {
	st, state, err := h.open()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case err := <-st.poison:
			cancel(err)
		case <-ctx.Done():
		}
	})
	h.set(func() { h.db, h.reached, h.owner = st.db, state.positions, none })
	defer func() {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // what Pebble met beside us
		}
		cancel(nil)
		watch.Wait()
		h.set(func() { h.db = nil })
		h.readers.Wait()
		err = errors.Join(err, st.close())
	}()
	if len(h.feed.topics) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	f := &historian{history: h, db: st.db, state: state, owner: none}
	for {
		if err := f.round(ctx); err != nil {
			return err
		}
	}
}

func positionKey(topic byte, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{positionFamily, topic}, sequence)
}

func familyKey(family string) []byte {
	k := append([]byte{projectionFamily}, family...)
	return append(k, 0)
}

// end returns where what is committed ends in the topics that a history stands in: where the owner
// stands, if it is here and the log has confirmed that lately.
func (h *history) end(ctx context.Context) (Positions, error) {
	if len(h.feed.topics) == 0 {
		return nil, nil // nothing to wait for
	}
	if _, here := h.feed.level(); here && h.shards.slots[h.shard].renew() == nil {
		if at, here := h.feed.level(); here {
			return at, nil
		}
	}
	end, err := h.shards.o.Log.End(ctx, h.shard)
	return end.Only(h.feed.topics), err
}

// read calls f when the history has reached what was committed before the call.
func (h *history) read(ctx context.Context, f func(*pebble.DB) error) error {
	var end Positions
	for asked := none; ; {
		owner, _ := h.feed.current()
		if owner != asked { // where the log ended under another owner it may not come to any more
			var err error
			if end, err = h.end(ctx); err != nil {
				return err
			}
			asked = owner
		}
		h.mu.Lock()
		now, _ := h.feed.current()
		switch {
		case h.failed != nil:
			defer h.mu.Unlock()
			return h.failed
		case now != asked:
			h.mu.Unlock()
			continue
		case h.db != nil && h.reached.Reached(end) && h.recognised(now):
			db := h.db
			h.readers.Add(1)
			h.mu.Unlock()
			defer h.readers.Done()
			return f(db)
		}
		change := h.change
		h.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrRestoring, ctx.Err())
		}
	}
}

// recognised reports whether the store was held against the log of an owner, with h.mu held.
func (h *history) recognised(owner int) bool {
	return len(h.feed.topics) == 0 || h.owner == owner
}

// A HistoryRow is a row of the history store. Cursor is where the next page begins.
type HistoryRow struct {
	Key    string
	Cursor string
	Value  []byte
}

// History returns a page of a family of the history of a tenant's shard, level with everything that
// was committed before the call; it waits until it is. The shard's other tenants have their rows in
// the family too: p.Prefix begins with the tenant where those are not wanted. Errors: ErrRestoring
// when ctx ends first, and ErrNotServing (*StoppedError among them) when history does not go on.
func (s *Shards) History(ctx context.Context, tenant, family string, p Page) ([]HistoryRow, error) {
	if err := CheckTenant(tenant); err != nil {
		return nil, err
	}
	var found []HistoryRow
	h := s.history[ShardOf(tenant, len(s.slots))]
	err := h.read(ctx, func(db *pebble.DB) error {
		return walk(db, familyKey(family), p, func(key string, v []byte) (bool, error) {
			found = append(found, HistoryRow{key, key, slices.Clone(v)})
			return p.Limit == 0 || len(found) < p.Limit, nil
		})
	})
	return found, err
}

// ErrNoEntry reports a sequence number that no record of a stream has.
var ErrNoEntry = errors.New("compaction: there is no record of that number")

// Entry returns the record of a stream with a sequence number, in a tenant's shard, from the log
// itself. Errors: ErrNoEntry, and those of History and of the log.
func (s *Shards) Entry(ctx context.Context, tenant string, stream *Stream, sequence uint64) (
	Entry, error,
) {
	if err := CheckTenant(tenant); err != nil {
		return Entry{}, err
	}
	d := &stream.d
	h := s.history[ShardOf(tenant, len(s.slots))]
	if sequence == math.MaxUint64 {
		return Entry{}, ErrNoEntry // there is no place after it to look back from
	}
	placed := false
	var from Positions
	err := h.read(ctx, func(db *pebble.DB) error {
		p := Page{Reverse: true, After: string(positionKey(d.id, sequence+1)[2:])}
		return walk(db, []byte{positionFamily, d.id}, p, func(_ string, v []byte) (bool, error) {
			var err error
			placed = true
			from, _, err = DecodePositions(v)
			return false, err
		})
	})
	if err != nil {
		return Entry{}, err
	}
	if !placed {
		return Entry{}, ErrNoEntry
	}
	end, err := s.o.Log.End(ctx, h.shard)
	if err != nil {
		return Entry{}, err
	}
	r := Range{From: from, To: end, Topics: []string{d.topic.Name}}
	return find(ctx, s.o.Log, h.shard, r, d.sequence, sequence)
}

// find reads a range until the record with a sequence number.
func find(
	ctx context.Context, l Log, shard int, r Range,
	number func([]byte) (uint64, error), sequence uint64,
) (_ Entry, err error) {
	reader, err := l.Read(ctx, shard, r)
	if err != nil {
		return Entry{}, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		b, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return Entry{}, ErrNoEntry
		}
		if err != nil {
			return Entry{}, err
		}
		for _, e := range b.Entries {
			if e.Topic != r.Topics[0] {
				continue
			}
			n, err := number(e.Value)
			switch {
			case err != nil:
				return Entry{}, err
			case n == sequence:
				return e, nil
			case n > sequence:
				return Entry{}, ErrNoEntry
			}
		}
	}
}
