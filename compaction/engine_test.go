package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/local"
	ledgerv1 "github.com/quittance/quittance/ledger/v1"
)

// hooked is a log with a word to say before it is claimed or read, or when its end was told.
type hooked struct {
	compaction.Log
	claim func(ctx context.Context) error
	read  func(ctx context.Context, r compaction.Range) error
	next  func() error
	ended func()
}

// A hookedReader is a reader of a hooked log.
type hookedReader struct {
	compaction.Reader
	hooks *hooked
}

func (r *hookedReader) Next(ctx context.Context) (compaction.Batch, error) {
	if r.hooks.next != nil {
		if err := r.hooks.next(); err != nil {
			return compaction.Batch{}, err
		}
	}
	return r.Reader.Next(ctx)
}

func (h *hooked) Claim(ctx context.Context, shard int) (compaction.Writer, error) {
	if h.claim != nil {
		if err := h.claim(ctx); err != nil {
			return nil, err
		}
	}
	return h.Log.Claim(ctx, shard)
}

func (h *hooked) Read(
	ctx context.Context, shard int, r compaction.Range,
) (compaction.Reader, error) {
	if h.read != nil {
		if err := h.read(ctx, r); err != nil {
			return nil, err
		}
	}
	reader, err := h.Log.Read(ctx, shard, r)
	if err != nil {
		return nil, err
	}
	return &hookedReader{reader, h}, nil
}

func (h *hooked) End(ctx context.Context, shard int) (compaction.Positions, error) {
	end, err := h.Log.End(ctx, shard)
	if h.ended != nil {
		h.ended()
	}
	return end, err
}

// An engine is one shard in a folder, on a log that a test can have fail.
type engine struct {
	*compaction.Shards
	t     *testing.T
	dir   string
	clock *compactiontest.Clock
	log   *local.Log
	fault *compactiontest.Fault
	hooks *hooked
	end   func() error // ends Run
	stop  func()       // ends Run and closes the log

	options compaction.Options // as Shards was made with
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// startEngine runs an engine until stop or the end of the test. It does not wait for it.
func startEngine(t *testing.T, dir string, definitions ...compaction.Definition) *engine {
	t.Helper()
	schema, err := compaction.NewSchema(definitions...)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	e := &engine{t: t, dir: dir, clock: compactiontest.NewClock(start)}
	e.log, err = local.Open(dir+"/log", schema.Topics(),
		local.Options{Shards: 1, Logger: quiet, Clock: e.clock.Now, CleanEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	e.fault = compactiontest.NewFault(e.log)
	e.hooks = &hooked{Log: e.fault}
	e.options = compaction.Options{Log: e.hooks, Schema: schema,
		Dir: dir + "/store", Clock: e.clock.Now, Logger: quiet,
		Secret: []byte("a secret of thirty-two characters")}
	e.Shards, err = compaction.NewShards(e.options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run starts the engine and waits until it is ready.
func (e *engine) run() *engine {
	e.t.Helper()
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(running) }()
	e.end = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	e.stop = sync.OnceFunc(func() {
		if err := errors.Join(e.end(), e.log.Close()); err != nil {
			e.t.Error(err)
		}
	})
	e.t.Cleanup(e.stop)
	e.within(e.Ready)
	return e
}

// within fails the test when f does not succeed within two minutes.
func (e *engine) within(f func(context.Context) error) {
	e.t.Helper()
	soon, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := f(soon); err != nil {
		e.t.Fatal(err)
	}
}

// do has a function decided for the tenant acme.
func (e *engine) do(f func(tx *compaction.Tx) error) error {
	_, err := e.Do(ctx, compaction.Command{Tenant: "acme",
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, f(tx)
		}})
	return err
}

func (e *engine) must(f func(tx *compaction.Tx) error) {
	e.t.Helper()
	if err := e.do(f); err != nil {
		e.t.Fatal(err)
	}
}

// same fails the test unless the store is the fold of the log.
func (e *engine) same() {
	e.t.Helper()
	e.within(e.Restored)
	if r, err := e.CompareStore(ctx, 0); err != nil || r.Different != nil {
		e.t.Errorf("store and log differ in %q: %v", r.Different, err)
	}
}

// eventually fails the test unless ok holds within two minutes.
func (e *engine) eventually(what string, ok func() bool) {
	e.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatal(what)
		}
	}
}

// A note is a record of a topic that is restored in the background.
type note struct {
	due   int // a year; 0 is never
	texts int // how many an index has of it
}

// notes is a table of notes; due is called with the key of each that is due.
func notes(cached bool, due func(tx *compaction.Tx, key string)) *compaction.Table[note] {
	t := compaction.NewTable(compaction.TableSpec[note]{
		Message: (*ledgerv1.SettledRecord)(nil),
		Encode: func(n note) ([]byte, error) {
			return proto.Marshal(&ledgerv1.SettledRecord{
				Sequence: uint64(n.due), SettledUnixNano: int64(n.texts)})
		},
		Decode: func(b []byte) (note, error) {
			var m ledgerv1.SettledRecord
			err := proto.Unmarshal(b, &m)
			return note{int(m.Sequence), int(m.SettledUnixNano)}, err
		},
		Due: func(_ string, n note) time.Time {
			if n.due == 0 {
				return time.Time{}
			}
			return time.Date(n.due, 1, 1, 0, 0, 0, 0, time.UTC)
		},
		Indexes: []compaction.Index[note]{{Name: "text", Keys: func(key string, n note) []string {
			var texts []string
			for i := range n.texts {
				texts = append(texts, fmt.Sprintf("%s/%03d", key, i))
			}
			return texts
		}}},
		Cached: cached,
	})
	t.OnDue(func(tx *compaction.Tx, key string, _ note) error {
		due(tx, key)
		return nil
	})
	return t
}

func never(*compaction.Tx, string) {}
