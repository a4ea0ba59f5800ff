package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/quittance/quittance/compaction/local"
	"github.com/quittance/quittance/ledger/reconciliation"
)

// exportCommand writes files for finance.
type exportCommand struct {
	Reconciliation exportReconciliation `cmd:"" help:"What was paid out, settled and seen at the bank, as CSV."`
}

// Help shows the one there is.
func (exportCommand) Help() string {
	return `The file by which finance ties a month to the bank, of a running server:

    $ QUITTANCE_KEY=qk_... quittance export reconciliation --url http://127.0.0.1:8080 \
        --from 2026-01-01 --to 2026-02-01 --output january.csv`
}

// exportReconciliation writes the reconciliation file.
type exportReconciliation struct {
	remoteFlags
	logFlags
	From   string `required:"" help:"The first day, in UTC." placeholder:"2026-01-01"`
	To     string `required:"" help:"The day after the last." placeholder:"2026-02-01"`
	Tenant string `help:"Whose file: needed without a server; with one, for keys of the platform." placeholder:"TENANT"`
	Output string `help:"The file to write; standard output by default." placeholder:"FILE"`
}

// Help shows both ways.
func (exportReconciliation) Help() string {
	return `A line for each movement that a payout or a bank statement proved, in the columns of Stripe's
payout_reconciliation.itemized, amounts to the cent. The same time gives the same bytes again.

From a running server, with a key of the role finance:

    $ QUITTANCE_KEY=qk_... quittance export reconciliation --url http://127.0.0.1:8080 \
        --from 2026-01-01 --to 2026-02-01 --output january.csv

From the data of a stopped one:

    $ quittance export reconciliation --data var/dev --tenant demo --from 2026-01-01 --to 2026-02-01

On a cluster --log kafka and --brokers say where the data are, which no node may serve then.

` + kafkaHelp
}

// Run writes the file.
func (c exportReconciliation) Run(ctx context.Context, p *program) (err error) {
	from, err := time.Parse(time.DateOnly, c.From)
	if err != nil {
		return &usageError{"--from: " + err.Error()}
	}
	to, err := time.Parse(time.DateOnly, c.To)
	if err != nil {
		return &usageError{"--to: " + err.Error()}
	}
	if !from.Before(to) {
		return &usageError{"--to: a period ends after it begins"}
	}
	out := p.stdout
	if c.Output != "" {
		f, err := os.Create(c.Output)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
		out = f
	}
	if c.given() {
		return c.fetch(ctx, p, from, to, out)
	}
	if c.Tenant == "" {
		return &usageError{"--tenant says whose file it is"}
	}
	return c.write(ctx, p, from, to, out)
}

// fetch copies the file from a running server.
func (c exportReconciliation) fetch(
	ctx context.Context, p *program, from, to time.Time, out io.Writer,
) error {
	server, err := c.client(p, roleFinance)
	if err != nil {
		return err
	}
	return server.download(ctx, reconciliationPath(from, to), c.Tenant, out)
}

// reconciliationPath is where a server has the file of a time.
func reconciliationPath(from, to time.Time) string {
	return "/v1/reconciliation?" + url.Values{
		"from": {from.Format(time.DateOnly)}, "to": {to.Format(time.DateOnly)}, "format": {"csv"},
	}.Encode()
}

// download copies an answer to out.
func (c *client) download(
	ctx context.Context, path, tenant string, out io.Writer,
) (err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+c.key)
	if tenant != "" {
		q.Header.Set("Quittance-Tenant", tenant)
	}
	a, err := c.http.Do(q)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	if a.StatusCode != http.StatusOK {
		text, err := io.ReadAll(a.Body)
		return errors.Join(refusal(http.MethodGet+" "+path, a, text), err)
	}
	_, err = io.Copy(out, a.Body)
	return err
}

// write makes the file from the data of a stopped server.
func (c exportReconciliation) write(
	ctx context.Context, p *program, from, to time.Time, out io.Writer,
) error {
	o, err := c.quiet(ctx, p, engineOptions{
		logger: p.logger(slog.LevelWarn), log: local.Options{CleanEvery: -1}, reading: true,
	}, askByURL)
	if err != nil {
		return err
	}
	return withEngine(ctx, c.Data, o, c.Tenant, func(e *engine) error {
		_, err := reconciliation.Write(ctx, out, e.shards, c.Tenant, from, to)
		return err
	})
}
