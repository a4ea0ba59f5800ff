package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

// cleaned are settings with which compaction takes seconds, tombstones and all, and records lie on
// the broker's disk as they are.
var cleaned = map[string]string{"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01",
	"delete.retention.ms": "1000", "compression.type": "uncompressed"}

// TestKafkaStoreBehind leaves a store behind while an account ends and the broker forgets even its
// tombstone. As long as its clock says that this cannot have been, the store has the account still:
// that is the danger. Beyond half of what tombstones are kept for it is made anew, without it.
func TestKafkaStoreBehind(t *testing.T) {
	brokers := kafkatest.Start(t, kafkatest.Options{Steady: true})
	r := &trial{t: t, brokers: brokers, prefix: kafkatest.Prefix(t), shards: 1}
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		t.Fatal(err)
	}
	log, err := kafka.Open(t.Context(), kafka.Options{Prefix: r.prefix, Shards: 1, Create: true,
		Connection: kafka.Connection{Brokers: brokers.Addrs()}, Topics: schema.Topics(),
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	r.alter(cleaned)
	dir := t.TempDir()
	old, young := filepath.Join(dir, "old"), filepath.Join(dir, "young")
	said := &output{}
	at := func(dir string, late time.Duration) compaction.Options {
		return compaction.Options{Log: log, Schema: schema, Dir: dir,
			Secret: []byte(strings.Repeat("s", secretSize)),
			Logger: slog.New(slog.NewTextHandler(said, nil)),
			Clock:  func() time.Time { return time.Now().Add(late) }}
	}
	withStore(t, at(old, 0), func(s *compaction.Shards) { move(t, s, "acme", "till:gone", 5) })
	copied := filepath.Join(dir, "copied")
	if err := os.CopyFS(copied, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	withStore(t, at(young, 0), func(s *compaction.Shards) {
		move(t, s, "acme", "till:gone", -5)
		r.until("the broker has forgotten the account and its tombstone", 4*time.Minute, func() bool {
			move(t, s, "acme", "till:other", 1) // what is written last is never compacted
			return !r.remains(ledger.Accounts.Topic().Name, "acme/till:gone/EUR")
		})
	})
	withStore(t, at(copied, time.Hour), func(s *compaction.Shards) {
		if n := s.Stats()[0].Rebuilds; n != 0 || !has(t, s, "acme", "till:gone") {
			t.Errorf("the test shows nothing: a store left behind for an hour was rebuilt %d times\n%s", n,
				said)
		}
	})
	withStore(t, at(old, compaction.DefaultDeleteRetention/2+time.Hour), func(s *compaction.Shards) {
		if n := s.Stats()[0].Rebuilds; n != 1 || has(t, s, "acme", "till:gone") {
			t.Errorf("a store left behind for too long was rebuilt %d times; the account that ended is "+
				"there: %t", n, has(t, s, "acme", "till:gone"))
		}
		if why := "half of what tombstones are kept for"; !strings.Contains(said.String(), why) {
			t.Errorf("it was rebuilt, but not because it is older than %s:\n%s", why, said)
		}
		report, err := s.CompareStore(t.Context(), 0)
		if err != nil || report.Different != nil {
			t.Errorf("after it was rebuilt the store differs from the log: %v, %v", report.Different, err)
		}
	})
}

// withStore runs an engine until f returns, which it calls when the store is whole: one that is
// left before is rebuilt at the next start.
func withStore(t *testing.T, o compaction.Options, f func(*compaction.Shards)) {
	t.Helper()
	s, err := compaction.NewShards(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if err := s.Restored(ctx); err != nil {
		t.Fatal(err)
	}
	f(s)
}

// move puts minor units into an account that ends when it is empty, or takes them out.
func move(t *testing.T, s *compaction.Shards, tenant, account string, amount int64) {
	t.Helper()
	eur := money.MustParseCurrency("EUR")
	p := ledger.Posting{Debit: ledger.AccountID(account), Credit: "c:d"}
	if p.Amount = money.New(amount, eur); amount < 0 {
		p = ledger.Posting{Debit: "c:d", Credit: ledger.AccountID(account),
			Amount: money.New(-amount, eur)}
	}
	err := decide(t.Context(), s, tenant, func(tx *compaction.Tx) error {
		if amount > 0 {
			_, err := ledger.Configure(tx, tenant, ledger.AccountID(account), eur,
				ledger.Settings{Ephemeral: true})
			if err != nil {
				return err
			}
		}
		_, err := ledger.Post(tx, tenant, ledger.Transaction{Postings: []ledger.Posting{p}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// has reports whether a tenant has an account.
func has(t *testing.T, s *compaction.Shards, tenant, account string) bool {
	t.Helper()
	var found []ledger.Account
	err := s.Read(tenant, func(v *compaction.View) (err error) {
		found, err = ledger.Balances(v, tenant, ledger.AccountID(account))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(found) > 0
}

// remains reports whether a record whose key or value has a text, or its tombstone, is in a topic.
func (r *trial) remains(topic, text string) bool {
	r.t.Helper()
	found, err := r.search(topic, []string{text})
	if err != nil {
		r.t.Fatal(err)
	}
	return len(found) > 0
}

// search returns which of some texts are in the records of a topic, tombstones included.
func (r *trial) search(topic string, texts []string) (found map[string]int, err error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	name := r.prefix + topic
	client := r.brokers.Client()
	ends, err := endsOf(ctx, client, name)
	if err != nil {
		return nil, err
	}
	from := map[int32]kgo.Offset{}
	for partition, end := range ends {
		if end > 0 {
			from[partition] = kgo.NewOffset().AtStart()
		}
	}
	found = map[string]int{}
	reader := r.brokers.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: from}),
		kgo.KeepControlRecords())
	defer reader.Close()
	for len(from) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", topic, err)
		}
		fetches.EachRecord(func(f *kgo.Record) {
			for _, text := range texts {
				if strings.Contains(string(f.Key), text) || strings.Contains(string(f.Value), text) {
					found[text]++
				}
			}
			// A topic's last offset is always there: what is written last is not compacted.
			if f.Offset+1 >= ends[f.Partition] {
				delete(from, f.Partition)
			}
		})
	}
	return found, nil
}
