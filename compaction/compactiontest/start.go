package compactiontest

import (
	"context"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// Start runs an engine of a schema on the embedded log in a temporary folder, with two shards,
// until the test ends. It fails the test when the engine does not become ready.
func Start(t testing.TB, definitions ...compaction.Definition) *compaction.Shards {
	t.Helper()
	return StartAt(t, t.TempDir(), nil, definitions...)
}

// StartAt is Start in a folder of the caller's and with a clock; nil is the system's. The engine
// stops when the test ends.
func StartAt(
	t testing.TB, dir string, clock func() time.Time, definitions ...compaction.Definition,
) *compaction.Shards {
	t.Helper()
	schema, err := compaction.NewSchema(definitions...)
	if err != nil {
		t.Fatal(err)
	}
	log, err := local.Open(dir+"/log", schema.Topics(), local.Options{Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	shards, err := compaction.NewShards(compaction.Options{
		Log: log, Schema: schema, Dir: dir + "/store", Clock: clock,
		Secret: []byte("a secret of thirty-two characters"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- shards.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	ready, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	if err := shards.Ready(ready); err != nil {
		t.Fatal(err)
	}
	return shards
}
