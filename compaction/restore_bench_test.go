package compaction_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// BenchmarkRestore times how long a shard with a million open records takes to serve again when
// its store is lost, with as little history behind them and with ten times as many records that
// were ended since and cleaned away.
func BenchmarkRestore(b *testing.B) {
	for _, ended := range []int{0, 10} {
		b.Run(fmt.Sprintf("ended=%dx", ended), func(b *testing.B) {
			const open = 1_000_000
			schema, err := compaction.NewSchema()
			if err != nil {
				b.Fatal(err)
			}
			quiet := slog.New(slog.DiscardHandler)
			dir := b.TempDir()
			l, err := local.Open(dir+"/log", schema.Topics(),
				local.Options{Shards: 1, Logger: quiet, CleanEvery: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			fill(b, l, open, ended)
			b.ResetTimer()
			for n := range b.N {
				s, err := compaction.NewShards(compaction.Options{Log: l, Schema: schema,
					Dir: fmt.Sprint(dir, "/store", n), Logger: quiet,
					Secret: []byte("a secret of thirty-two characters")})
				if err != nil {
					b.Fatal(err)
				}
				running, cancel := context.WithCancel(ctx)
				done := make(chan error, 1)
				go func() { done <- s.Run(running) }()
				if err := s.Ready(ctx); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				cancel()
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(open*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// fill writes open records of about 250 bytes, and ended times as many that are ended again, and
// cleans the log.
func fill(b *testing.B, l *local.Log, open, ended int) {
	w, err := l.Claim(ctx, 0)
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 200)
	topic := compaction.Counters.Topic().Name
	number := uint64(0)
	put := func(records []compaction.Record) {
		number++
		g := compaction.Group{Number: number, Time: time.Unix(int64(number), 0), Records: records}
		if _, err := w.Append(ctx, g); err != nil {
			b.Fatal(err)
		}
	}
	const group = 1000
	for n := 0; n < open*(1+ended); n += group {
		var puts, ends []compaction.Record
		for i := range group {
			key := fmt.Appendf(nil, "acme/%020d", (n+i)*7919%(open*(1+ended)))
			puts = append(puts, compaction.Record{Topic: topic, Key: key, Value: value})
			ends = append(ends, compaction.Record{Topic: topic, Key: key})
		}
		put(puts)
		if n >= open {
			put(ends)
		}
	}
	for range 2 { // a tombstone goes in a pass after what it ended
		if _, err := l.Clean(ctx, local.CleanOptions{DeleteRetention: new(time.Duration)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
