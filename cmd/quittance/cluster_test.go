package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// modelled starts a model of a cluster with one broker, until the end of the test.
func modelled(t *testing.T) (brokers []string) {
	t.Helper()
	model, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Close)
	return model.ListenAddrs()
}

// TestWatch: a node whose shard another one claims hears of it from the directory and has the log
// say whose it is, though nobody writes to it and its lease has an hour to go. Where the other one
// says that it is reached at the same address, an operator is told, once.
func TestWatch(t *testing.T) {
	brokers := modelled(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	one := watched(ctx, t, brokers, "one")
	for _, node := range []string{"two", "three"} {
		one.doubts(ctx, t, brokers, node)
	}
	if got := strings.Count(one.log.String(), "level=ERROR"); got != 1 {
		t.Errorf("%d errors are logged, want one, of the address:\n%s", got, one.log)
	}
}

// TestWatchOfTheSameName: two machines that are called the same, as those made from one image are,
// took each other's claims for their own: neither doubted its shard, and nobody was told of the
// address.
func TestWatchOfTheSameName(t *testing.T) {
	brokers := modelled(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	one := watched(ctx, t, brokers, "one")
	one.doubts(ctx, t, brokers, "one")
	if got := strings.Count(one.log.String(), "level=ERROR"); got != 1 {
		t.Errorf("%d errors are logged, want one, of the address:\n%s", got, one.log)
	}
}

// doubts has another node claim the shard, and waits until that is found out and mended.
func (w *watching) doubts(ctx context.Context, t *testing.T, brokers []string, node string) {
	t.Helper()
	before := w.shards.Stats()[0].Claims
	rival := openedAs(ctx, t, brokers, node)
	claim, err := rival.Claim(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(claim.Close(), rival.Close()); err != nil {
		t.Fatal(err)
	}
	for w.shards.Stats()[0].Claims == before {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("nobody has doubted the shard after a claim of node %s", node)
		}
	}
	if err := w.shards.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// A watching one is a node that serves shards on a model, and watches who claims them.
type watching struct {
	shards *compaction.Shards
	log    *logged
}

const watchedAddress = "http://10.0.0.1:8080"

func openedAs(ctx context.Context, t *testing.T, brokers []string, node string) *kafka.Log {
	t.Helper()
	schema, err := compaction.NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	l, err := kafka.Open(ctx, kafka.Options{Connection: kafka.Connection{Brokers: brokers},
		Topics: schema.Topics(), Shards: 1, Create: true, Node: node, Address: watchedAddress,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// watched runs a node until the end of the test.
func watched(ctx context.Context, t *testing.T, brokers []string, node string) *watching {
	t.Helper()
	l := openedAs(ctx, t, brokers, node)
	schema, err := compaction.NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	s, err := compaction.NewShards(compaction.Options{Log: l, Schema: schema, Dir: t.TempDir(),
		Secret: make([]byte, 32), Shared: true, Lease: time.Hour,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{s, &logged{}}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	d, err := kafka.OpenDirectory(kafka.Connection{Brokers: brokers}, "", 1, logger)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{shards: s, log: l, directory: d, self: watchedAddress, began: time.Now()}
	running, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := s.Run(running); err != nil {
			t.Error(err)
		}
	})
	ended.Go(func() { d.Run(running) })
	ended.Go(func() { c.watch(running, logger) })
	t.Cleanup(func() {
		cancel()
		ended.Wait()
		d.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(s.Own(ctx, []int{0}), s.Ready(ctx)); err != nil {
		t.Fatal(err)
	}
	return w
}

// logged is what was logged.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
