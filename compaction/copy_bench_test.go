package compaction_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/local"
)

// BenchmarkCopy copies a log of 16 shards from one folder to another, and compares it again, in
// groups of 4 records, as one command a group has, and of 400.
func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{4, 400} {
		open := func(b *testing.B) *local.Log {
			l, err := local.Open(b.TempDir(), compactiontest.Topics(), local.Options{
				CleanEvery: -1, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = l.Close() })
			return l
		}
		b.Run(fmt.Sprintf("%d", size), func(b *testing.B) {
			from := open(b)
			groups := 4_000 / size
			records := 16 * groups * size
			for shard := range 16 {
				w, err := from.Claim(ctx, shard)
				if err != nil {
					b.Fatal(err)
				}
				for n := range groups {
					g := compaction.Group{Number: uint64(n + 1), Time: copyOrigin}
					for i := range size {
						topic := compactiontest.Topics()[i%3].Name
						g.Records = append(g.Records, compaction.Record{Topic: topic,
							Key: fmt.Appendf(nil, "tenant/%d-%d", n, i), Value: make([]byte, 200)})
					}
					if _, err := w.Append(ctx, g); err != nil {
						b.Fatal(err)
					}
				}
			}
			for b.Loop() {
				to := open(b)
				for _, what := range []string{"copied", "compared"} {
					began := time.Now()
					if _, err := copyLog(from, to, compaction.CopyOptions{}); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(records)/time.Since(began).Seconds(), what+"/s")
				}
			}
		})
	}
}
