package kafka

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// state is the value of a record: text like that of records, 300 bytes of it.
func state(n int) string {
	return fmt.Sprintf(`{"tenant":"t%03d","quote":"quo_%020d","state":"accepted","currency":"EUR",`+
		`"lines":[{"sku":"A%05d","quantity":%d,"unit":%d,"tax":%d},{"sku":"B%05d","quantity":%d,`+
		`"unit":%d,"tax":%d}],"total":%d,"customer":"cus_%020d","valid":"2026-03-%02d","version":%d}`,
		n%1000, n*7919, n%99991, n%9, n%7919, n%21, n*31%99991, n%7, n%6151, n%21, n*17%999983,
		n*104729, n%28+1, n)
}

// command is what one caller appends: a record in each of three topics.
func command(n int) []compaction.Record {
	key := fmt.Sprintf("t%03d/quo_%08d", n%1000, n%20_000)
	return []compaction.Record{
		rec(open, key, state(n)), rec(background, key, state(n+1)), rec(journal, key, state(n+2)),
	}
}

// A committer appends what callers want in groups, as an owner of a shard does.
type committer struct {
	wants chan wish
}

type wish struct {
	records []compaction.Record
	done    chan error
}

func (c *committer) run(b *testing.B, w compaction.Writer) {
	number := w.(*writer).last
	for first := range c.wants {
		group := []wish{first}
		records := first.records
	more:
		for len(group) < 4096 {
			select {
			case next, ok := <-c.wants:
				if !ok {
					break more
				}
				group, records = append(group, next), append(records, next.records...)
			default:
				break more
			}
		}
		number++
		g := compaction.Group{Number: number, Time: time.Unix(int64(number), 0), Records: records}
		_, err := w.Append(b.Context(), g)
		for _, x := range group {
			x.done <- err
		}
	}
}

// benched is a broker that runs as in earnest.
func benched(b *testing.B) []string {
	return kafkatest.Start(b, kafkatest.Options{Bench: true}).Addrs()
}

// BenchmarkAppend is a shard with so many callers at once, each of which waits for its group.
func BenchmarkAppend(b *testing.B) {
	brokers := benched(b)
	for _, callers := range []int{1, 16, 64, 256, 2048} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			l := opened(b, suiteOptions(brokers, kafkatest.Prefix(b)))
			c := &committer{wants: make(chan wish, callers)}
			var over sync.WaitGroup
			w := claim(b, l, 0)
			over.Go(func() { c.run(b, w) })
			call(b, c, callers, 20*callers) // warm
			b.ResetTimer()
			took := call(b, c, callers, b.N)
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			close(c.wants)
			over.Wait()
		})
	}
}

// call has so many callers do so many commands together, and returns how long each took.
func call(b *testing.B, c *committer, callers, commands int) []time.Duration {
	var mu sync.Mutex
	var all []time.Duration
	var over sync.WaitGroup
	each := (commands + callers - 1) / callers
	for i := range callers {
		over.Go(func() {
			var own []time.Duration
			done := make(chan error, 1)
			for j := range each {
				began := time.Now()
				c.wants <- wish{command(i*each + j), done}
				if err := <-done; err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
		})
	}
	over.Wait()
	return all
}

// BenchmarkClaim is the claim of a shard that nobody writes to.
func BenchmarkClaim(b *testing.B) {
	l := opened(b, suiteOptions(benched(b), kafkatest.Prefix(b)))
	for n := uint64(1); n <= 3; n++ {
		w := claim(b, l, 0)
		add(b, w, three(n))
	}
	for b.Loop() {
		if err := claim(b, l, 0).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is the replay of a shard.
func BenchmarkRead(b *testing.B) {
	l := opened(b, suiteOptions(benched(b), kafkatest.Prefix(b)))
	w := claim(b, l, 0)
	const groups, commands = 200, 500
	for n := range groups {
		var records []compaction.Record
		for i := range commands {
			records = append(records, command(n*commands+i)...)
		}
		add(b, w, compaction.Group{Number: uint64(n + 1), Time: time.Unix(1, 0), Records: records})
	}
	to := claim(b, l, 0).Start()
	for b.Loop() {
		r := reading(b, l, 0, compaction.Range{To: to})
		count := 0
		for {
			batch, err := r.Next(b.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			count += len(batch.Entries)
		}
		if count != groups*commands*3 {
			b.Fatalf("%d records", count)
		}
	}
	b.ReportMetric(float64(b.N*groups*commands*3)/b.Elapsed().Seconds(), "records/s")
}
