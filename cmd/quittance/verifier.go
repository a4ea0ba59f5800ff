package main

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/settlement"
)

// A verifier goes from shard to shard.
type verifier struct {
	log                                            compaction.Log
	topics, chain, fold, balances, settled, stores check
}

func newVerifier(l compaction.Log) *verifier {
	return &verifier{log: l,
		topics:   check{name: "the topics hold what was written", unit: "records beside those below"},
		chain:    check{name: "the journal's chain holds", unit: "entries"},
		fold:     check{name: "balances are the fold of the journal", unit: "postings"},
		balances: check{name: "debits equal credits, in each currency", unit: "accounts"},
		settled:  check{name: "no record outlives its settlement", unit: "settled ids"},
		stores:   check{name: "the store is what the log says", unit: "keys"},
	}
}

func (v *verifier) checks() []*check {
	return []*check{&v.topics, &v.chain, &v.fold, &v.balances, &v.settled, &v.stores}
}

// add adds what another verifier has found.
func (v *verifier) add(other *verifier) {
	theirs := other.checks()
	for i, c := range v.checks() {
		c.count += theirs[i].count
		c.findings = append(c.findings, theirs[i].findings...)
		c.findings = c.findings[:min(len(c.findings), maxFindings)]
	}
}

// books looks at the books of a shard. What was found in one that was dropped meanwhile does not
// count.
func (v *verifier) books(ctx context.Context, s *compaction.Shards, shard int) error {
	var found *verifier
	err := s.Examine(ctx, shard, func(ctx context.Context, view *compaction.View) error {
		found = newVerifier(v.log)
		return found.shard(ctx, shard, view)
	})
	if err == nil {
		v.add(found)
	}
	return err
}

// errFolded ends the reading of the journal where the view ends.
var errFolded = errors.New("folded")

// open holds the open records against the rules of settlement, and returns which entries of the
// journal must have a final record of which ids.
func (v *verifier) open(shard int, view *compaction.View) (map[uint64][]string, error) {
	faults, err := settlement.CheckOpen(view)
	for _, f := range faults {
		v.settled.find("shard %d: %s", shard, f)
	}
	finals := map[uint64][]string{}
	page := compaction.Page{Limit: 4096}
	for err == nil {
		var rows []compaction.Row[ledger.Pointer]
		if rows, err = ledger.Settled.Scan(view, page); err != nil {
			break
		}
		for _, r := range rows {
			v.settled.count++
			_, subject, _ := strings.Cut(r.Key, "/")
			if r.Value.Subject != "" {
				subject = r.Value.Subject
			}
			finals[r.Value.Sequence] = append(finals[r.Value.Sequence], subject)
		}
		if len(rows) < page.Limit {
			break
		}
		page.After = rows[len(rows)-1].Cursor
	}
	return finals, err
}

// recorded takes what an entry has final records of from those that are looked for.
func (v *verifier) recorded(stored []byte, finals map[uint64][]string) error {
	sequence, err := ledger.Sequence(stored)
	if err != nil || finals[sequence] == nil {
		return nil // a fold says what is wrong with an entry
	}
	entry, err := ledger.DecodeEntry(stored)
	if err != nil {
		return nil
	}
	for _, subject := range finals[sequence] {
		has := func(f ledger.Fact) bool { return f.Subject == subject && len(f.Record) > 0 }
		if !slices.ContainsFunc(entry.Facts, has) {
			v.settled.find("shard %d: entry %d has no final record of %s", entry.Shard, sequence, subject)
		}
	}
	delete(finals, sequence)
	return nil
}

// shard folds a shard's journal up to where the view is and compares.
func (v *verifier) shard(ctx context.Context, shard int, view *compaction.View) error {
	head, _, err := ledger.Heads.Get(view, ledger.HeadKey)
	if err != nil {
		return err
	}
	finals, err := v.open(shard, view)
	if err != nil {
		return err
	}
	fold := ledger.NewFold(shard)
	err = readLog(ctx, v.log, shard, []string{ledger.Journal.Topic().Name}, nil,
		func(e compaction.Entry) error {
			if e.Topic != ledger.Journal.Topic().Name {
				return nil
			}
			if fold.Head().Sequence == head.Sequence {
				return errFolded // what came after the view was taken
			}
			v.chain.count++
			if err := fold.Add(e.Value); err != nil {
				v.chain.find("%v", err)
			}
			return v.recorded(e.Value, finals)
		})
	if err != nil && !errors.Is(err, errFolded) {
		return err
	}
	for sequence, subjects := range finals {
		v.settled.find("shard %d: there is no entry %d, with the final records of %v",
			shard, sequence, subjects)
	}
	v.fold.count += fold.Postings()
	findings, err := fold.Compare(view)
	if err != nil {
		return err
	}
	for _, f := range findings {
		v.fold.find("%s", f)
	}
	return v.balance(shard, view)
}

// balance adds up the accounts of a shard: in each currency the debits must equal the credits,
// posted and pending. That each tenant's do, the fold says.
func (v *verifier) balance(shard int, view *compaction.View) error {
	sums := map[money.Currency]*[2]big.Int{}
	page := compaction.Page{Limit: 4096}
	for {
		rows, err := ledger.Accounts.Scan(view, page)
		if err != nil {
			return err
		}
		for _, r := range rows {
			v.balances.count++
			sum := sums[r.Value.Currency]
			if sum == nil {
				sum = new([2]big.Int)
				sums[r.Value.Currency] = sum
			}
			for i, s := range []ledger.Sums{r.Value.Posted, r.Value.Pending} {
				sum[i].Add(&sum[i], big.NewInt(s.Debits))
				sum[i].Sub(&sum[i], big.NewInt(s.Credits))
			}
		}
		if len(rows) < page.Limit {
			break
		}
		page.After = rows[len(rows)-1].Cursor
	}
	for currency, sum := range sums {
		if sum[0].Sign() != 0 || sum[1].Sign() != 0 {
			v.balances.find("shard %d: the books in %s are out by %v posted and %v pending minor units",
				shard, currency, &sum[0], &sum[1])
		}
	}
	return nil
}

// foreign reads what of a shard's log no other check reads. Nobody but the program may write to the
// topics; what somebody did write would be found by who claims the shard next, and stop it.
func (v *verifier) foreign(ctx context.Context, s *compaction.Shards, shard int) error {
	n, err := s.CheckTopics(ctx, shard, ledger.Journal.Topic().Name)
	v.topics.count += n
	return err
}

// damaged notes an error that names a record of the log, and passes on any other.
func (v *verifier) damaged(err error) error {
	var corrupt *compaction.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Group == 0 {
		return err
	}
	if why := corrupt.Error(); !slices.Contains(v.topics.findings, why) {
		v.topics.find("%s", why)
	}
	return nil
}

// compare compares a shard's store with the log.
func (v *verifier) compare(ctx context.Context, s *compaction.Shards, shard int) error {
	report, err := s.CompareStore(ctx, shard)
	if err != nil {
		return err
	}
	v.stores.count += report.Records
	for _, key := range report.Different {
		v.stores.find("shard %d, key %s differs", shard, key)
	}
	return nil
}
