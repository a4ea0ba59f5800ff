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

// What stands behind the positions of a store must be of later groups than those it has. Anything
// else was written by an owner who did not know of them, and is not applied over them.
func TestTakeOfGroupsThatTheStoreHas(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	cache := pebble.NewCache(1 << 20)
	defer cache.Unref()
	s, err := openStore("store", 0, schema, storeOptions{fs: vfs.NewMem(), cache: cache,
		logger: slog.New(slog.DiscardHandler), clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
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
