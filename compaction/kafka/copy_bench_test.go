package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
	"github.com/quittance/quittance/compaction/local"
)

// BenchmarkCopy copies a log of 16 shards from a folder to a cluster and compares it again, in
// groups of 4 records, as one command a group has. Each group is a transaction.
func BenchmarkCopy(b *testing.B) {
	o := suiteOptions(kafkatest.Shared(b).Addrs(), "")
	o.Shards = 16
	from, err := local.Open(b.TempDir(), compactiontest.Topics(),
		local.Options{CleanEvery: -1, Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer from.Close()
	const groups, size = 500, 4
	for shard := range 16 {
		w, err := from.Claim(b.Context(), shard)
		if err != nil {
			b.Fatal(err)
		}
		for n := range groups {
			g := compaction.Group{Number: uint64(n + 1), Time: origin}
			for i := range size {
				g.Records = append(g.Records, compaction.Record{Topic: compactiontest.Topics()[i%3].Name,
					Key: fmt.Appendf(nil, "tenant/%d-%d", n, i), Value: make([]byte, 200)})
			}
			if _, err := w.Append(b.Context(), g); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		o.Prefix = kafkatest.Prefix(b)
		to := opened(b, o)
		for _, what := range []string{"copied", "compared"} {
			began := time.Now()
			_, err := compaction.Copy(b.Context(), from, to, o.Topics, compaction.CopyOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(16*groups*size/time.Since(began).Seconds(), what+"/s")
		}
	}
}
