package compaction_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

// BenchmarkDo has callers take numbers of one hot series, each waiting for its answer, which is
// durable: the engine without a domain.
func BenchmarkDo(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := compactiontest.Start(b)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for {
						n := next.Add(1)
						if n > int64(b.N) {
							return
						}
						c := add("acme", "invoice")
						c.Idempotency = &compaction.Idempotency{
							Principal: "key_1", Operation: "add", Key: fmt.Sprint(n),
							Fields: []compaction.Field{{Name: "amount", Value: []byte("12.34")}},
						}
						if _, err := s.Do(ctx, c); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
