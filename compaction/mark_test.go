package compaction_test

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// The stored form of a mark must be read for ever: a log that moved would be served again by a
// program that does not understand what it says.
func TestMarkStored(t *testing.T) {
	day := time.Date(2026, 11, 21, 7, 30, 0, 5, time.UTC)
	secret := []byte("sixteen bytes ab")
	for _, c := range []struct {
		mark compaction.Mark
		want string
	}{
		{compaction.Mark{Claimed: true}, ""},
		{compaction.Mark{Claimed: true, Secret: secret}, "4a107369787465656e206279746573206162"},
		{compaction.Mark{Claimed: true, Secret: secret, Moved: &compaction.Move{To: "local:b", At: day}},
			"4a107369787465656e20627974657320616252076c6f63616c3a625885e0fa9a84ddfff418"},
	} {
		got, err := c.mark.Encode()
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%+v is stored as %x (%v), want %s", c.mark, got, err, c.want)
		}
		old, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := compaction.DecodeMark(old); err != nil || !reflect.DeepEqual(m, c.mark) {
			t.Errorf("%s is read as %+v (%v), want %+v", c.want, m, err, c.mark)
		}
	}
}

// movedLog is a log with a due record that has moved.
func movedLog(t *testing.T, dir string, schema *compaction.Schema) *local.Log {
	t.Helper()
	l, err := local.Open(dir+"/log", schema.Topics(), local.Options{Shards: 1, CleanEvery: -1,
		Moved: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	err = compaction.Remark(ctx, l, func(m *compaction.Mark) {
		m.Moved = &compaction.Move{To: "elsewhere", At: start}
	})
	if err == nil {
		err = l.Close()
	}
	if err == nil {
		l, err = local.Open(dir+"/log", schema.Topics(), local.Options{CleanEvery: -1})
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// lastOf returns the last group of a log of one shard.
func lastOf(t *testing.T, l compaction.MarkedLog) uint64 {
	t.Helper()
	group, _, err := l.Last(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	return group
}

// A log that has moved is served by nobody: what is due in it is done where it is served now. Who
// only reads it reads it as it stands, and writes nothing.
func TestMoved(t *testing.T) {
	dir := t.TempDir()
	var table *compaction.Table[note]
	table = notes(false, func(tx *compaction.Tx, key string) { table.Put(tx, key, note{}) })
	e := startEngine(t, dir, table).run()
	e.must(func(tx *compaction.Tx) error {
		table.Put(tx, "acme/n", note{due: 2027})
		return nil
	})
	e.stop()
	schema, err := compaction.NewSchema(table)
	if err != nil {
		t.Fatal(err)
	}
	e = &engine{t: t, dir: dir, log: movedLog(t, dir, schema)}
	o := compaction.Options{Log: e.log, Schema: schema, Dir: dir + "/store",
		Secret: []byte("a secret of thirty-two characters"), Logger: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return start.AddDate(2, 0, 0) }} // when the record is due
	if e.Shards, err = compaction.NewShards(o); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	running, end := context.WithCancel(ctx)
	go func() { ended <- e.Run(running) }()
	var moved *compaction.MovedError
	if err := e.Ready(ctx); !errors.As(err, &moved) || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("served: %v, want a *MovedError that says where to", err)
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	before := lastOf(t, e.log)
	o.Log = compaction.Still(e.log)
	if e.Shards, err = compaction.NewShards(o); err != nil {
		t.Fatal(err)
	}
	e.run()
	e.same()
	refused := e.do(func(tx *compaction.Tx) error {
		table.Put(tx, "acme/n", note{})
		return nil
	})
	if !errors.Is(refused, compaction.ErrNotCommitted) || lastOf(t, e.log) != before {
		t.Errorf("a change: %v, want ErrNotCommitted; group %d after %d", refused, lastOf(t, e.log),
			before)
	}
}
