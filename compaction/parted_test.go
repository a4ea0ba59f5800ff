package compaction

import (
	"encoding/hex"
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A store's state as it was written before there were marks: it must be opened for ever, and its
// store be used as it is.
func TestStateWithoutMarks(t *testing.T) {
	const old = "02000000000000000718e9fee8435eb00518e9fee87ef97a0501ac0201610100ad02"
	b, err := hex.DecodeString(old)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 21, 7, 30, 0, 5, time.UTC)
	want := storeState{fingerprint: 7, log: "a", group: 300, stamp: day,
		reached: day.Add(time.Second), background: true, positions: Positions{{"", 301}}}
	got, err := decodeStoreState(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	want.whole = 299
	want.kept = mark{"quittance.journal.v1", 1 << 40, 298, day.UnixNano(), 1 << 63}
	want.newest = mark{"quittance.quotes.v1", 3, 300, day.UnixNano(), 5}
	b = want.encode(nil)
	got, err = decodeStoreState(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("with marks: got %+v, %v\nwant %+v", got, err, want)
	}
	for n := len(old)/2 + 1; n < len(b); n++ {
		if _, err := decodeStoreState(b[:n]); err == nil {
			t.Errorf("%d of %d bytes decode", n, len(b))
		}
	}
}

// A logOf is a log of which only the identity is asked.
type logOf struct{ Log }

func (logOf) Identity() Identity { return Identity{ID: "a", Shards: 1} }

// Positions beyond the end of the log are enough to rebuild a store: one that was written before
// there were marks says in no other way that its log was set back.
func TestStoreBeyondTheEnd(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	s := &Shards{o: Options{Log: logOf{}, Schema: schema, Clock: time.Now},
		staleAfter: time.Hour}
	state := storeState{log: "a", fingerprint: schema.fingerprint, background: true,
		reached: time.Now(), positions: Positions{{"", 301}}}
	for end, want := range map[int64]string{300: "it is ahead of the log", 301: "", 302: ""} {
		to := target{end: Positions{{"", end}}, before: Positions{{"", end}}}
		if got, err := s.unusable(t.Context(), 0, state, to); got != want || err != nil {
			t.Errorf("at 301 of a log that ends at %d: %q, %v, want %q", end, got, err, want)
		}
	}
}

// emptyStore opens a store in memory until the test ends.
func emptyStore(t *testing.T, schema *Schema) *store {
	t.Helper()
	cache := pebble.NewCache(1 << 20)
	t.Cleanup(cache.Unref)
	s, err := openStore("store", 0, schema, storeOptions{fs: vfs.NewMem(), cache: cache,
		logger: slog.New(slog.DiscardHandler), clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// What is replayed and cannot be understood is never skipped: a store without it would be served as
// if it were whole.
func TestReplaySkipsNothing(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	s := emptyStore(t, schema)
	for _, r := range []Record{
		{Topic: Outbox.d.topic.Name, Key: []byte("acme/1"), Value: []byte("?")},
		{Topic: "quittance.unknown.v1", Key: []byte("acme/1"), Value: []byte{}},
	} {
		var state storeState
		err := s.take(Batch{Next: Positions{{r.Topic, 1}}, Group: 7, Time: time.Unix(1, 0),
			Entries: []Entry{{Record: r, Group: 7, Count: 1}}}, false, &state)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.Topic != r.Topic || corrupt.Key != "acme/1" {
			t.Errorf("a record of %s: %v, want a CorruptError that names it", r.Topic, err)
		}
	}
}

// What stands behind the positions of a store must be of later groups than those it has. Anything
// else was written by an owner who did not know of them, and is not applied over them.
func TestTakeOfGroupsThatTheStoreHas(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	s := emptyStore(t, schema)
	batch := func(group uint64, next int64) Batch {
		r := Record{Topic: Counters.d.topic.Name, Key: []byte("acme/invoice"), Value: []byte{8, 1}}
		return Batch{Next: Positions{{r.Topic, next}}, Group: group, Time: time.Unix(1, 0),
			Entries: []Entry{{Record: r, Group: group, Count: 1, Time: time.Unix(1, 0), Offset: next - 1}}}
	}
	var state storeState
	// A bounded range may end within a group, the rest of which comes afterwards.
	for _, b := range []Batch{batch(50, 10), batch(50, 11)} {
		if err := s.take(b, false, &state); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.take(batch(51, 12), true, &state); err != nil {
		t.Fatal(err)
	}
	before := state
	for _, group := range []uint64{45, 50, 51} {
		if err := s.take(batch(group, 13), true, &state); !errors.Is(err, errParted) {
			t.Errorf("group %d after group 51: %v, want errParted", group, err)
		}
	}
	if !reflect.DeepEqual(state, before) {
		t.Errorf("the state moved to %+v", state)
	}
	if err := s.take(batch(52, 13), true, &state); err != nil {
		t.Error(err)
	}
}

// A store that another process has open is told from one that cannot be opened by what the system
// answers. Nor is one made anew over it, or beside it where that process is making it.
func TestStoreOfAnotherProcess(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	cache := pebble.NewCache(1 << 20)
	defer cache.Unref()
	o := storeOptions{fs: vfs.NewMem(), cache: cache, // it answers as the system does: EAGAIN
		logger: slog.New(slog.DiscardHandler), clock: time.Now}
	for _, dir := range []string{"store", "store.new"} {
		s, err := openStore(dir, 0, schema, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := openStore(dir, 0, schema, o); !errors.Is(err, ErrLocked) {
			t.Errorf("opening %s a second time: %v, want ErrLocked", dir, err)
		}
		err = rebuild(t.Context(), logOf{}, 0, target{}, "store", schema, o)
		if !errors.Is(err, ErrLocked) {
			t.Errorf("making it anew while %s is open: %v, want ErrLocked", dir, err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if err := unused(o.fs, dir); err != nil {
			t.Errorf("when %s is closed: %v", dir, err)
		}
	}
}
