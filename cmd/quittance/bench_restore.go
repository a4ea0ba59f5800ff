package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/payments"
)

// benchTenant is the tenant of what is posted.
const benchTenant = "bench"

// benchTenants is how many tenants the records of a measurement belong to.
const benchTenants = 64

// benchLog is how a measurement opens data: the cleaner works only when it is told to.
func benchLog(p *program) engineOptions {
	return engineOptions{
		logger: p.logger(slog.LevelError), create: true, log: local.Options{CleanEvery: -1},
	}
}

// benchRestore measures how fast the open records are served again after the store was lost, and
// that it does not depend on how many were settled before.
func benchRestore(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	fewer := max(1, c.Records/10)
	var figures []figure
	for i, m := range []struct {
		name          string
		put           putRecord
		open, settled int
	}{
		{"restore of accounts", putSampleAccount, c.Records, 0},
		{"restore of payments, 3 index keys each", putSamplePayment, c.Records, 0},
		{"restore of payments after as many settled", putSamplePayment, fewer, fewer},
		{"restore of payments after 10× the history", putSamplePayment, fewer, 10 * fewer},
	} {
		into := filepath.Join(dir, fmt.Sprint(i))
		f, err := restoreAfter(ctx, p, into, m.put, m.open, m.settled)
		if err != nil {
			return nil, err
		}
		f.name = m.name
		figures = append(figures, f)
	}
	return figures, nil
}

// A putRecord writes a record under a tenant's id.
type putRecord func(tx *compaction.Tx, tenant, id string) error

// restoreAfter makes open records, settles as many payments as told, cleans the log, throws the
// store away and measures until all shards serve again.
func restoreAfter(
	ctx context.Context, p *program, dir string, put putRecord, open, settled int,
) (figure, error) {
	err := withEngine(ctx, dir, benchLog(p), "", func(e *engine) error {
		if err := fill(ctx, e.shards, put, "open", open, false); err != nil {
			return err
		}
		if err := fill(ctx, e.shards, putSamplePayment, "gone", settled, true); err != nil {
			return err
		}
		// As after the tombstones' retention.
		_, err := e.folder.Clean(ctx, local.CleanOptions{DeleteRetention: new(time.Duration)})
		return err
	})
	if err != nil {
		return figure{}, err
	}
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		return figure{}, err
	}
	began := time.Now()
	e, err := openEngine(ctx, dir, benchLog(p))
	if err != nil {
		return figure{}, err
	}
	err = e.shards.Ready(ctx)
	f := figure{
		done: open, took: time.Since(began),
		note: fmt.Sprintf("%s open in %.2f s, %s settled before",
			thousands(open), time.Since(began).Seconds(), thousands(settled)),
	}
	if err := errors.Join(err, e.close()); err != nil {
		return figure{}, err
	}
	return f, os.RemoveAll(dir)
}

// fill writes records, a thousand a command, and ends those payments again if told so, with an
// entry of the journal for each command.
func fill(
	ctx context.Context, s *compaction.Shards, put putRecord, name string, n int, end bool,
) error {
	const batch = 1000
	work := make(chan int)
	errs := make(chan error, benchTenants)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for first := range work {
				err := fillBatch(ctx, s, put, name, first, min(batch, n-first), end)
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	var err error
	for first := 0; first < n && err == nil; first += batch {
		select {
		case work <- first:
		case err = <-errs:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	close(work)
	wg.Wait()
	close(errs)
	return errors.Join(err, <-errs)
}

func fillBatch(
	ctx context.Context, s *compaction.Shards, put putRecord, name string, first, n int, end bool,
) error {
	tenant := fmt.Sprintf("bench-%d", first/1000%benchTenants)
	putAll := func(tx *compaction.Tx) (compaction.Answer, error) {
		for i := range n {
			id := fmt.Sprintf("pay_%s_%09d", name, first+i)
			if err := put(tx, tenant, id); err != nil {
				return compaction.Answer{}, err
			}
		}
		return compaction.Answer{}, nil
	}
	do := func(f func(*compaction.Tx) (compaction.Answer, error)) error {
		_, err := s.Do(ctx, compaction.Command{Tenant: tenant, Cost: n, Decide: f})
		return err
	}
	if err := do(putAll); err != nil || !end {
		return err
	}
	return do(func(tx *compaction.Tx) (compaction.Answer, error) {
		for i := range n {
			key := compaction.Key(tenant, fmt.Sprintf("pay_%s_%09d", name, first+i))
			payments.Payments.Delete(tx, key)
		}
		return compaction.Answer{}, journalSample(tx, tenant, n)
	})
}

// putSamplePayment writes a payment as many are: waiting to be paid.
func putSamplePayment(tx *compaction.Tx, tenant, id string) error {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		return err
	}
	p, err := payments.New(payments.Payment{
		ID: id, Tenant: tenant, Invoice: "inv" + id[3:], Customer: "cus_01jd0000000000000000000000",
		Amount: money.New(81596, eur), Gateway: "stripe", Method: "pm_card_visa",
		GatewayID: "pi_" + id,
	}, tx.Now())
	if err != nil {
		return err
	}
	payments.Payments.Put(tx, compaction.Key(tenant, id), p)
	return nil
}

// putSampleAccount writes an account with something on it.
func putSampleAccount(tx *compaction.Tx, tenant, id string) error {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		return err
	}
	a := ledger.Account{ID: ledger.AccountID("wallet:" + id), Currency: eur, Created: tx.Now(),
		Posted: ledger.Sums{Debits: 81596, Credits: 12345}, Version: 7}
	ledger.Accounts.Put(tx, ledger.AccountKey(tenant, a.ID, eur), a)
	return nil
}
