package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// groupOf64 is a group of 64 commands of four records of about 200 bytes.
func groupOf64(number uint64) compaction.Group {
	g := compaction.Group{Number: number, Time: start.Add(time.Duration(number))}
	value := bytes.Repeat([]byte("v"), 180)
	for i := range 64 {
		id := fmt.Sprintf("tenant/%08d", (int(number)*64+i)%100_000)
		g.Records = append(g.Records, record(topicOpen, id, string(value)),
			record(topicOpen, id+"/x", string(value)), record(topicBackground, id, string(value)),
			record(topicJournal, id, string(value)))
	}
	return g
}

// An Append should cost little more than the synced commit in it.
func BenchmarkAppend(b *testing.B) {
	l := openLog(b, b.TempDir(), Options{Shards: 1})
	w := claim(b, l, 0)
	groups := make([]compaction.Group, 64)
	for i := range groups {
		groups[i] = groupOf64(uint64(i))
	}
	b.ReportAllocs()
	number := uint64(0)
	for b.Loop() {
		number++
		g := groups[number%64]
		g.Number, g.Time = number, start
		if _, err := w.Append(b.Context(), g); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "commands/s")
}

// Reading a log decides how long a restore takes.
func BenchmarkRead(b *testing.B) {
	l := openLog(b, b.TempDir(), Options{Shards: 1})
	w := claim(b, l, 0)
	for i := range uint64(1000) {
		if _, err := w.Append(b.Context(), groupOf64(i+1)); err != nil {
			b.Fatal(err)
		}
	}
	for name, topics := range map[string][]string{"all": nil, "open": {topicOpen}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			records := 0
			for b.Loop() {
				to, _ := l.End(b.Context(), 0)
				r, err := l.Read(b.Context(), 0, compaction.Range{To: to, Topics: topics})
				for err == nil {
					var batch compaction.Batch
					batch, err = r.Next(b.Context())
					records += len(batch.Entries)
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// What an Append does beside its commit should not be seen beside it.
func BenchmarkEncode(b *testing.B) {
	l := openLog(b, b.TempDir(), Options{Shards: 1})
	s, g := l.shards[0], groupOf64(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.encode(l.topics, g, end{}); err != nil {
			b.Fatal(err)
		}
		for f := range s.buf {
			s.buf[f] = seal(identityKey, s.buf[f])
		}
	}
}
