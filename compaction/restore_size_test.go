package compaction

import (
	"context"
	"fmt"
	"io"
	"testing"
)

// A largeLog gives a number of records of a megabyte each, one in a batch.
type largeLog struct {
	Log
	records int
}

func (l largeLog) Read(context.Context, int, Range) (Reader, error) {
	return &largeReader{left: l.records, value: make([]byte, 1<<20)}, nil
}

type largeReader struct {
	left  int
	value []byte
}

func (r *largeReader) Next(context.Context) (Batch, error) {
	if r.left == 0 {
		return Batch{}, io.EOF
	}
	r.left--
	record := Record{Topic: Counters.d.topic.Name, Key: fmt.Append(nil, r.left), Value: r.value}
	return Batch{Entries: []Entry{{Record: record}}}, nil
}

func (*largeReader) Close() error { return nil }

// What is restored is held in memory chunk by chunk. Chunks were of a number of records, however
// large: a quarter of a million that may have eight megabytes each.
func TestRestoreOfLargeRecords(t *testing.T) {
	schema, err := NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	const records = 300
	in := &ingester{store: emptyStore(t, schema)}
	chunks := make(chan []pair)
	ended := make(chan error, 1)
	go func() {
		defer close(chunks)
		ended <- in.read(t.Context(), largeLog{records: records}, Range{}, &storeState{}, chunks)
	}()
	all := 0
	for chunk := range chunks {
		all += len(chunk)
		if len(chunk) > restoreBytes>>20+1 {
			t.Errorf("a chunk has %d megabytes", len(chunk))
		}
	}
	if err := <-ended; err != nil || all != records {
		t.Errorf("%d records came of %d: %v", all, records, err)
	}
}

// So are the background topics, while the shard serves: four thousand records of a megabyte were
// more than the store takes at once.
func TestBackgroundOfLargeRecords(t *testing.T) {
	schema := &Schema{all: []*topicDefinition{{topic: Topic{Name: "notes", Class: Background}}}}
	const records = 30
	s := &Shards{o: Options{Schema: schema, Log: largeLog{records: records}}}
	sh := &shard{background: make(chan []Entry)}
	ended := make(chan error, 1)
	go func() { ended <- s.feedBackground(t.Context(), sh) }()
	all := 0
	for batch := <-sh.background; len(batch) > 0; batch = <-sh.background {
		all += len(batch)
		if len(batch) > backgroundBytes>>20+1 {
			t.Errorf("%d megabytes are handed over at once", len(batch))
		}
	}
	if err := <-ended; err != nil || all != records {
		t.Errorf("%d records came of %d: %v", all, records, err)
	}
}
