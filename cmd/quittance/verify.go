package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/settlement"
)

// verifyCommand checks the data of a running server or of one that is stopped.
type verifyCommand struct {
	remoteFlags
	logFlags
	JSON    bool     `name:"json" help:"Print the report as JSON."`
	Compare bool     `help:"Compare two logs instead, such as a copy and what it was made from."`
	Logs    []string `arg:"" optional:"" name:"log" help:"The logs to compare."`

	pairFlags
}

// Help says what is checked.
func (verifyCommand) Help() string {
	return `Reads everything from the first record and checks that

    the journal's entries follow each other and their hash chain holds
    the balance of every account is the fold of the journal
    debits equal credits, per tenant and currency
    nothing that was settled still has an open record
    the store holds, byte for byte, what the log says

Exits with 1 when something is wrong, and says what and where. On a stopped server:

    $ quittance verify --data var/dev

On a running one, with a key of the role platform:

    $ QUITTANCE_KEY=qk_... quittance verify --url http://127.0.0.1:8080
    $ quittance verify --dev-json var/dev/dev.json

Or compares two logs whose servers are stopped: the last value of each key, every record of what is
only appended to, the number and the time of each shard's last group, what is known of the secret,
and the journal's chain in both. It prints a digest for each topic and the first differences:

    $ quittance verify --compare local:var/dev kafka:broker-1:9092

` + placeHelp
}

// errUnsound reports a verification that found something.
var errUnsound = errors.New("the data are not sound")

// Run verifies and prints the report.
func (c verifyCommand) Run(ctx context.Context, p *program) error {
	if c.Compare {
		return c.compareLogs(ctx, p)
	}
	if len(c.Logs) > 0 {
		return &usageError{"verify takes logs with --compare only; --data names a data folder"}
	}
	report, err := c.report(ctx, p)
	if err != nil {
		return err
	}
	if c.JSON {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, string(text))
	} else {
		printReport(p.stdout, report)
	}
	if !report.OK {
		return errUnsound
	}
	return nil
}

func (c verifyCommand) report(
	ctx context.Context, p *program,
) (report api.VerifyReport, err error) {
	if c.given() {
		r, err := c.client(p, rolePlatform)
		if err != nil {
			return report, err
		}
		err = r.call(ctx, "POST", "/v1/verify", nil, &report)
		return report, err
	}
	o, err := c.quiet(ctx, p, engineOptions{
		logger: p.logger(slog.LevelError), log: local.Options{CleanEvery: -1}, reading: true,
	})
	if err != nil {
		return report, err
	}
	err = withEngine(ctx, c.Data, o, "", func(e *engine) error {
		report, err = verify(ctx, e.shards, e.log)
		return err
	})
	return report, err
}

// A check is one of the things that must hold, how often it was looked at, and what is wrong.
type check struct {
	name, unit string
	count      int
	findings   []string
}

// maxFindings is how many findings of a check are told.
const maxFindings = 100

func (c *check) find(format string, args ...any) {
	if len(c.findings) < maxFindings {
		c.findings = append(c.findings, fmt.Sprintf(format, args...))
	}
}

// told is the check as the API tells it.
func (c *check) told() api.VerifyCheck {
	detail := thousands(c.count) + " " + c.unit
	if len(c.findings) > 0 {
		detail += ": " + strings.Join(c.findings, "; ")
	}
	return api.VerifyCheck{Name: c.name, OK: len(c.findings) == 0, Detail: detail}
}

// verify checks everything that a set of shards holds, against the log alone. It reads a view of
// each shard in turn, beside whatever is being served. The error is of what kept it from checking;
// what it found wrong is in the report.
func verify(
	ctx context.Context, s *compaction.Shards, l compaction.Log,
) (report api.VerifyReport, err error) {
	v := verifier{ctx: ctx, log: l,
		chain:   check{name: "the journal's chain holds", unit: "entries"},
		fold:    check{name: "balances are the fold of the journal", unit: "postings"},
		books:   check{name: "debits equal credits, in each currency", unit: "accounts"},
		settled: check{name: "no record outlives its settlement", unit: "settled ids"},
		store:   check{name: "the store is what the log says", unit: "keys"},
	}
	if err := restored(ctx, s); err != nil {
		return report, err
	}
	if err := s.Each(v.shard); err != nil {
		return report, err
	}
	for n := range s.Count() {
		if !s.Owned(n) {
			continue // its owner verifies it
		}
		if err := v.compare(s, n); err != nil {
			return report, err
		}
	}
	report.OK = true
	for _, c := range []*check{&v.chain, &v.fold, &v.books, &v.settled, &v.store} {
		report.OK = report.OK && len(c.findings) == 0
		report.Checks = append(report.Checks, c.told())
	}
	return report, nil
}

// restored waits until nothing is being restored in the background.
func restored(ctx context.Context, s *compaction.Shards) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		restoring := func(n compaction.Stats) bool { return n.Restoring }
		if !slices.ContainsFunc(s.Stats(), restoring) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A verifier goes from shard to shard.
type verifier struct {
	ctx                                context.Context
	log                                compaction.Log
	chain, fold, books, settled, store check
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
func (v *verifier) shard(shard int, view *compaction.View) error {
	head, _, err := ledger.Heads.Get(view, ledger.HeadKey)
	if err != nil {
		return err
	}
	finals, err := v.open(shard, view)
	if err != nil {
		return err
	}
	fold := ledger.NewFold(shard)
	err = readLog(v.ctx, v.log, shard, []string{ledger.Journal.Topic().Name}, nil,
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
			v.books.count++
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
			v.books.find("shard %d: the books in %s are out by %v posted and %v pending minor units",
				shard, currency, &sum[0], &sum[1])
		}
	}
	return nil
}

// compare compares a shard's store with the log.
func (v *verifier) compare(s *compaction.Shards, shard int) error {
	report, err := s.CompareStore(v.ctx, shard)
	if err != nil {
		return err
	}
	v.store.count += report.Records
	for _, key := range report.Different {
		v.store.find("shard %d, key %s differs", shard, key)
	}
	return nil
}

// printReport writes a report for people.
func printReport(w io.Writer, report api.VerifyReport) {
	for _, c := range report.Checks {
		sign := "✓"
		if !c.OK {
			sign = "✗"
		}
		fmt.Fprintf(w, "%s %s: %s\n", sign, c.Name, c.Detail)
	}
}
