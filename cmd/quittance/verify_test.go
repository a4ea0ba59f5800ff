package main

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

// TestVerifyFinds breaks the books in ways that no command does, one at a time, and holds that
// verify finds each and says where.
func TestVerifyFinds(t *testing.T) {
	eur := money.MustParseCurrency("EUR")
	post := func(tx *compaction.Tx) error {
		_, err := ledger.Post(tx, "acme", ledger.Transaction{Postings: []ledger.Posting{
			{Debit: "a:b", Credit: "c:d", Amount: money.New(100, eur)}}})
		return err
	}
	account := ledger.AccountKey("acme", "a:b", eur)
	for name, broken := range map[string]struct {
		f    func(tx *compaction.Tx) error
		want string
	}{
		"a balance": {func(tx *compaction.Tx) error {
			a, _, err := ledger.Accounts.Get(tx, account)
			a.Posted.Debits++
			ledger.Accounts.Put(tx, account, a)
			return err
		}, "acme/a:b/EUR"},
		"an account that is gone": {func(tx *compaction.Tx) error {
			ledger.Accounts.Delete(tx, account)
			return nil
		}, "is in the journal, and not there"},
		"the head": {func(tx *compaction.Tx) error {
			h, _, err := ledger.Heads.Get(tx, ledger.HeadKey)
			h.Hash[0] ^= 1
			ledger.Heads.Put(tx, ledger.HeadKey, h)
			return err
		}, "the head of shard"},
		"a final record that is not there": {func(tx *compaction.Tx) error {
			ledger.Settled.Put(tx, "acme/pay_1", ledger.Pointer{Sequence: 1, Kind: "payment"})
			return nil
		}, "entry 1 has no final record of pay_1"},
		"an entry that is not there": {func(tx *compaction.Tx) error {
			ledger.Settled.Put(tx, "acme/pay_1", ledger.Pointer{Sequence: 9, Kind: "payment"})
			return nil
		}, "there is no entry 9"},
		"a record that outlives its settlement": {func(tx *compaction.Tx) error {
			ledger.Settled.Put(tx, "acme/pay_1", ledger.Pointer{Sequence: 1, Kind: "payment"})
			return putSamplePayment(tx, "acme", "pay_1")
		}, "acme/pay_1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			log := &program{stderr: &output{}}
			err := withEngine(t.Context(), dir, benchLog(log), "", func(e *engine) error {
				if err := decide(t.Context(), e.shards, "acme", post); err != nil {
					return err
				}
				if report, err := verify(t.Context(), e.shards, e.log); err != nil || !report.OK {
					t.Errorf("before: %v, %v", report, err)
				}
				return decide(t.Context(), e.shards, "acme", broken.f)
			})
			if err != nil {
				t.Fatal(err)
			}
			code, out, stderr := call(t, nil, "verify", "--data", dir)
			if code != exitFailed || !strings.Contains(out, "✗") || !strings.Contains(out, broken.want) {
				t.Errorf("exit code %d, want %d and %q in\n%s%s", code, exitFailed, broken.want, out, stderr)
			}
		})
	}
}

// A standingLog stands still at the first read of a shard, until that is given up.
type standingLog struct {
	compaction.Log
	shard int
	stood atomic.Bool
	met   chan struct{}
}

func (l *standingLog) Read(
	ctx context.Context, shard int, r compaction.Range,
) (compaction.Reader, error) {
	if shard == l.shard && l.stood.CompareAndSwap(false, true) {
		close(l.met)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return l.Log.Read(ctx, shard, r)
}

// TestVerifyHeldUpServing: a shard that dropped itself while its journal was read was not served
// before the journal had been read to its end. Now it is, and what was read counts once.
func TestVerifyHeldUpServing(t *testing.T) {
	eur := money.MustParseCurrency("EUR")
	post := func(tx *compaction.Tx) error {
		_, err := ledger.Post(tx, "acme", ledger.Transaction{Postings: []ledger.Posting{
			{Debit: "a:b", Credit: "c:d", Amount: money.New(100, eur)}}})
		return err
	}
	log := &program{stderr: &output{}}
	err := withEngine(t.Context(), t.TempDir(), benchLog(log), "", func(e *engine) error {
		if err := decide(t.Context(), e.shards, "acme", post); err != nil {
			return err
		}
		want, err := verify(t.Context(), e.shards, e.log)
		if err != nil {
			return err
		}
		shard := compaction.ShardOf("acme", e.shards.Count())
		standing := &standingLog{Log: e.log, shard: shard, met: make(chan struct{})}
		verified := make(chan error, 1)
		go func() {
			got, err := verify(t.Context(), e.shards, standing)
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			verified <- err
		}()
		<-standing.met
		rival, err := e.log.Claim(t.Context(), shard)
		if err != nil {
			return err
		}
		if err := rival.Close(); err != nil {
			return err
		}
		err = decide(t.Context(), e.shards, "acme", func(tx *compaction.Tx) error {
			ledger.Settled.Put(tx, "acme/never", ledger.Pointer{})
			return nil
		})
		if !errors.Is(err, compaction.ErrNotServing) {
			t.Errorf("a command of a shard that another claimed: %v, want ErrNotServing", err)
		}
		return errors.Join(e.shards.Ready(t.Context()), <-verified)
	})
	if err != nil {
		t.Error(err)
	}
}
