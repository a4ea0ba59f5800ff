package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// pairs returns transactions of one posting each, over so many accounts.
func pairs(transactions, accounts int) []Transaction {
	ts := make([]Transaction, transactions)
	for i := range ts {
		ts[i].Postings = []Posting{post(AccountID(fmt.Sprintf("wallet:%d", i%accounts)),
			AccountID(fmt.Sprintf("sales:%d", (i+1)%accounts)), 1)}
	}
	return ts
}

// The pure decision of one posting between two accounts.
func BenchmarkDecide(b *testing.B) {
	view, tx := withAccounts(), pairs(1, 1)[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decide(view, tx, Anyone, day); err != nil {
			b.Fatal(err)
		}
	}
}

// One posting a command, decided in the engine and encoded, but not appended: a command that fails
// is rolled back, so neither the log nor the history behind it is measured.
func BenchmarkPost(b *testing.B) { benchmarkIn(b, 1, 1) }

// A hundred transactions a command, over a hundred pairs of accounts, each by itself.
func BenchmarkPostEach100(b *testing.B) { benchmarkIn(b, 100, 100) }

func benchmarkIn(b *testing.B, transactions, accounts int) {
	s := start(b, nil)
	ts := pairs(transactions, accounts)
	rollback := errors.New("rollback")
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		err := do(s, "acme", func(tx *compaction.Tx) error {
			for range 64 { // as many commands as wait when 64 callers do
				if done += transactions; done > b.N {
					break
				}
				if _, err := PostEach(tx, "acme", ts); err != nil {
					return err
				}
			}
			return rollback
		})
		if err != rollback {
			b.Fatal(err)
		}
	}
}

// What callers see: one posting a command, durable, 64 callers on one hot pair of accounts.
func BenchmarkPostDurable64(b *testing.B) {
	s := start(b, nil)
	ts := pairs(1, 1)
	b.ReportAllocs()
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	var caller atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		tenant := fmt.Sprintf("t%d", caller.Add(1)%2)
		for pb.Next() {
			_, err := s.Do(context.Background(), compaction.Command{Tenant: tenant,
				Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
					_, err := PostEach(tx, tenant, ts)
					return compaction.Answer{}, err
				}})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}

// The rows of history of an entry of a hundred postings, made in the background.
func BenchmarkProject100(b *testing.B) {
	stored := entryOf(100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := project(compaction.Entry{Record: compaction.Record{Value: stored}}); err != nil {
			b.Fatal(err)
		}
	}
}

// Checking the journal, an entry of a hundred postings at a time.
func BenchmarkFold100(b *testing.B) {
	stored := entryOf(100)
	b.ReportAllocs()
	for b.Loop() {
		if err := NewFold(0).Add(stored); err != nil {
			b.Fatal(err)
		}
	}
}

func entryOf(postings int) []byte {
	e := Entry{Sequence: 1, At: day, Tenant: "acme", Kind: KindTransactions}
	for i, t := range pairs(postings, postings) {
		e.Transactions = append(e.Transactions, Posted{ID: TransactionID(0, 1, i),
			Phase: PhasePosted, Lines: []Line{line(t.Postings[0], 0, 1, -1)}})
	}
	return encodeEntry(&e)
}
