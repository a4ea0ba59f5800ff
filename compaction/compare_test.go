package compaction_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// Two logs with the same state are equal, compacted or not, and each way in which they may differ
// is found and named.
func TestCompareLogs(t *testing.T) {
	schema, err := compaction.NewSchema(numbers)
	if err != nil {
		t.Fatal(err)
	}
	counters, stream := compaction.Counters.Topic().Name, numbers.Topic().Name
	record := func(topic, key, value string) compaction.Record {
		return compaction.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	}
	end := compaction.Record{Topic: counters, Key: []byte("acme/a")}
	same := [][]compaction.Record{
		{record(counters, "acme/a", "1"), record(counters, "acme/b", "1")},
		{record(counters, "acme/b", "2"), record(stream, "acme/x", "1")},
		{end},
		{record(stream, "acme/x", "2")},
	}
	for what, c := range map[string]struct {
		first, second []compaction.Record // one group more
		clean         bool
		topic, want   string
	}{
		"the same":  {},
		"compacted": {clean: true},
		"a key more": {topic: counters, want: "key acme/c: only the first",
			first: []compaction.Record{record(counters, "acme/c", "1")}},
		"a key less": {topic: counters, want: "key acme/c: only the second",
			second: []compaction.Record{record(counters, "acme/c", "1")}},
		"another value": {topic: counters, want: "key acme/b: the values differ",
			first: []compaction.Record{record(counters, "acme/b", "3")}},
		"an entry more": {topic: stream, want: "group 5: only the first has record acme/x",
			first: []compaction.Record{record(stream, "acme/x", "3")}},
		"an entry less": {topic: stream, want: "group 5: only the second has record acme/x",
			second: []compaction.Record{record(stream, "acme/x", "3")}},
		"another entry": {topic: stream,
			want:   "first has record acme/x in group 5 where the second has acme/y in 5",
			first:  []compaction.Record{record(stream, "acme/x", "3")},
			second: []compaction.Record{record(stream, "acme/y", "3")}},
	} {
		var logs [2]*local.Log
		for side := range logs {
			l, err := local.Open(t.TempDir(), schema.Topics(), local.Options{Shards: 1, CleanEvery: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			w, err := l.Claim(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			groups := append(same[:len(same):len(same)], [][]compaction.Record{c.first, c.second}[side])
			for n, records := range groups {
				g := compaction.Group{Number: uint64(n + 1), Time: start, Records: records}
				if _, err := w.Append(ctx, g); err != nil {
					t.Fatal(err)
				}
			}
			if side == 1 && c.clean {
				o := local.CleanOptions{DeleteRetention: new(time.Duration)}
				if _, err := l.Clean(ctx, o); err != nil {
					t.Fatal(err)
				}
			}
			logs[side] = l
		}
		dir := t.TempDir()
		reports, err := compaction.CompareLogs(ctx, logs[0], logs[1], schema, dir)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, r := range reports {
			found, want := strings.Join(r.Different, "; "), ""
			if r.Topic.Name == c.topic {
				want = c.want
			}
			if want == "" && found != "" || !strings.Contains(found, want) {
				t.Errorf("%s: %s: found %q, want %q", what, r.Topic.Name, found, want)
			}
			if equal := r.Digests[0] == r.Digests[1]; equal != (want == "") {
				t.Errorf("%s: %s: equal digests: %t", what, r.Topic.Name, equal)
			}
			if r.Topic.Name == stream && min(r.Records[0], r.Records[1]) != 2 && c.topic != stream {
				t.Errorf("%s: %s: %v records", what, r.Topic.Name, r.Records)
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", what, left, err)
		}
	}
}
