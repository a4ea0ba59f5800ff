package compaction

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestReadingOutlivesOwner: what is read of the log under one owner is not read on under the next,
// also where that one has gone again before anybody looked. It was, and the history's readers then
// waited for a claim that might not come.
func TestReadingOutlivesOwner(t *testing.T) {
	h := &history{feed: newFeed([]string{"journal"})}
	f := &historian{history: h}
	owner, _ := h.feed.current()
	f.owner = owner
	err := f.while(t.Context(), owner, func(ctx context.Context) error {
		h.feed.begin(at(0))
		h.feed.end()
		<-ctx.Done()
		if err := f.read(Batch{Next: at(1)}); !errors.Is(err, errAgain) {
			t.Errorf("what may be of another log is taken: %v", err)
		}
		return ctx.Err()
	})
	if err != nil {
		t.Errorf("it is read again, and not for an error: %v", err)
	}
	reading, cancel := context.WithCancel(t.Context())
	owner, _ = h.feed.current()
	err = f.while(reading, owner, func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("what ends all of it is %v, want Canceled", err)
	}
}

// A scripted log is read as the test says, whatever is asked for.
type scripted struct {
	Log
	batches []Batch
}

func (s *scripted) Read(context.Context, int, Range) (Reader, error) { return s, nil }
func (s *scripted) Close() error                                     { return nil }

func (s *scripted) Next(context.Context) (Batch, error) {
	if len(s.batches) == 0 {
		return Batch{}, ErrSetBack
	}
	b := s.batches[0]
	s.batches = s.batches[1:]
	return b, nil
}

// TestHistoryOfGroupsThatItHas: a history that another process's groups are read for takes none
// that is before those it has: the log was set back and has grown past it, and the rows of both
// would be mixed. Like what the log itself calls set back, it is a reason to make the history anew.
func TestHistoryOfGroupsThatItHas(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	st := emptyStore(t, schema)
	topic := Counters.d.topic.Name
	batch := func(group uint64, next int64) Batch {
		return Batch{Next: Positions{{topic, next}}, Group: group, Time: time.Unix(1, 0),
			Entries: []Entry{{Record: Record{Topic: topic}, Group: group, Offset: next - 1}}}
	}
	for later, want := range map[uint64]error{6: ErrSetBack, 5: errParted, 3: errParted} {
		l := &scripted{batches: []Batch{batch(4, 1), batch(5, 2), batch(later, 3)}}
		s := &Shards{o: Options{Log: l, Schema: schema}}
		h := &history{shards: s, feed: newFeed([]string{topic}), change: make(chan struct{})}
		f := &historian{history: h, db: st.db}
		if err := f.tail(t.Context()); !errors.Is(err, want) {
			t.Errorf("group %d after group 5: %v, want %v", later, err, want)
		}
	}
}
