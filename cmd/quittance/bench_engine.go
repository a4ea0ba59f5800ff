package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

// benchEngine measures the engine with the ledger and without HTTP: callers that post between one
// hot pair of accounts of one tenant, so that one shard does all of the work, and over many
// accounts; each command durable when it is answered, and with an idempotency key but where told.
func benchEngine(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	var figures []figure
	err := withEngine(ctx, filepath.Join(dir, "data"), benchLog(p), "", func(e *engine) error {
		b := engineBench{shards: e.shards, duration: c.Duration}
		for _, m := range []struct {
			callers, postings, accounts int
			keyed                       bool
		}{
			{64, 1, 1, true}, {64, 1, 1, false}, {64, 1, 10_000, true},
			{512, 1, 1, true}, {512, 1, 1, false}, {64, 100, 1, true}, {64, 100, 1, false},
		} {
			f, err := b.run(ctx, m.callers, m.postings, m.accounts, m.keyed)
			if err != nil {
				return err
			}
			figures = append(figures, f)
		}
		return nil
	})
	return figures, err
}

// An engineBench posts to an engine.
type engineBench struct {
	shards   *compaction.Shards
	duration time.Duration
	runs     int
}

// run has callers post, so many postings a command, over so many pairs of accounts.
func (b *engineBench) run(
	ctx context.Context, callers, postings, accounts int, keyed bool,
) (figure, error) {
	b.runs++
	name := fmt.Sprintf("engine, %d callers", callers)
	if postings > 1 {
		name += fmt.Sprintf(" × %d", postings)
	}
	transactions, err := hotTransactions(accounts)
	if err != nil {
		return figure{}, err
	}
	f, err := measure(ctx, name, callers, postings, b.duration,
		func(ctx context.Context, caller, n int) error {
			command := compaction.Command{Tenant: benchTenant, Cost: postings,
				Decide: b.post(transactions, caller+n*callers, postings)}
			if keyed {
				key := strconv.Itoa(b.runs) + "-" + strconv.Itoa(caller) + "-" + strconv.Itoa(n)
				command.Idempotency = &compaction.Idempotency{
					Principal: "bench", Operation: "post", Key: key,
				}
			}
			_, err := b.shards.Do(ctx, command)
			return err
		})
	f.note = "one hot pair"
	if accounts > 1 {
		f.note = thousands(2*accounts) + " accounts"
	}
	if !keyed {
		f.note += ", no idempotency keys"
	}
	return f, err
}

// post returns what a command decides: postings taken from transactions in turn, from a place.
func (b *engineBench) post(
	transactions []ledger.Transaction, place, postings int,
) func(*compaction.Tx) (compaction.Answer, error) {
	return func(tx *compaction.Tx) (compaction.Answer, error) {
		if postings == 1 {
			t := transactions[place%len(transactions)]
			_, err := ledger.Post(tx, benchTenant, t)
			return compaction.Answer{Code: 1}, err
		}
		batch := make([]ledger.Transaction, postings)
		for i := range batch {
			batch[i] = transactions[(place*postings+i)%len(transactions)]
		}
		outcomes, err := ledger.PostEach(tx, benchTenant, batch)
		for _, o := range outcomes {
			err = errors.Join(err, o.Refused)
		}
		return compaction.Answer{Code: 1}, err
	}
}

// hotTransactions returns a posting for each pair of accounts.
func hotTransactions(pairs int) ([]ledger.Transaction, error) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		return nil, err
	}
	transactions := make([]ledger.Transaction, pairs)
	for i := range transactions {
		transactions[i].Postings = []ledger.Posting{{
			Debit:  ledger.AccountID("assets:cash:" + strconv.Itoa(i)),
			Credit: ledger.AccountID("income:sales:" + strconv.Itoa(i)),
			Amount: money.New(1234, eur),
		}}
	}
	return transactions, nil
}

// journalSample writes one entry into the journal, as a settlement does.
func journalSample(tx *compaction.Tx, tenant string, n int) error {
	transactions, err := hotTransactions(1)
	if err != nil {
		return err
	}
	fact := ledger.Fact{Kind: "payment.settled", Subject: strconv.Itoa(n)}
	_, err = ledger.Record(tx, tenant, "payment.settle", transactions, []ledger.Fact{fact})
	return err
}
