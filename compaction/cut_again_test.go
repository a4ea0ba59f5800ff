package compaction

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"
)

// A batchLog gives one batch.
type batchLog struct {
	Log
	batch Batch
}

func (l batchLog) Read(context.Context, int, Range) (Reader, error) {
	return &batchReader{batch: &l.batch}, nil
}

type batchReader struct{ batch *Batch }

func (r *batchReader) Next(context.Context) (Batch, error) {
	if r.batch == nil {
		return Batch{}, io.EOF
	}
	b := *r.batch
	r.batch = nil
	return b, nil
}

func (*batchReader) Close() error { return nil }

// A log that ends within its last groups, as one does whose topics show what is committed one after
// the other, may give a store a later group and then, up to the next such end, an earlier one. The
// store is not ahead of it, and standbys were made anew for that. It is where the log goes on below
// what the store has whole, and where a claim finds that the last group is an earlier one.
func TestCutTwice(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	counters, outbox := Counters.d.topic.Name, Outbox.d.topic.Name
	at, end := Positions{{counters, 4}, {outbox, 10}}, Positions{{counters, 6}, {outbox, 10}}
	r := Record{Topic: counters, Key: []byte("acme/invoice"), Value: []byte{8, 1}}
	entry := Entry{Record: r, Group: 4, Count: 2, Time: time.Unix(4, 0), Offset: 4}
	for name, test := range map[string]struct {
		batch   Batch
		claimed bool
		want    error
	}{
		"the rest of a group before the last": {Batch{[]Entry{entry}, end, 4, entry.Time}, false, nil},
		"a claim after an earlier group":      {Batch{nil, end, 4, entry.Time}, true, errAhead},
		"another's claim after what is whole": {Batch{nil, end, 2, entry.Time}, false, errAhead},
	} {
		state := storeState{group: 5, whole: 3, positions: at}
		to := target{end: end, before: end, claimed: test.claimed}
		got, err := emptyStore(t, schema).catchUp(t.Context(), batchLog{batch: test.batch}, state, to,
			time.Unix(9, 0))
		if !errors.Is(err, test.want) || err == nil && got.group != 5 {
			t.Errorf("%s: at group %d, %v, want %v", name, got.group, err, test.want)
		}
	}
}
