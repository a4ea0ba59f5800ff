package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/quittance/quittance/cmd/internal/api"
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
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

    the topics hold what this program has written, and nothing of anybody else
    the journal's entries follow each other and their hash chain holds
    the balance of every account is the fold of the journal
    debits equal credits, per tenant and currency
    nothing that was settled still has an open record
    the store holds, byte for byte, what the log says

Exits with 1 when something is wrong, and says what and where. On a stopped server:

    $ quittance verify --data var/dev

Of a log on a cluster that no node serves:

    $ quittance verify --log kafka --brokers 127.0.0.1:9092

On a running one, with a key of the role platform:

    $ QUITTANCE_KEY=qk_... quittance verify --url http://127.0.0.1:8080
    $ quittance verify --dev-json var/dev/dev.json

Or compares two logs whose servers are stopped: the last value of each key, every record of what is
only appended to, the number and the time of each shard's last group, what is known of the secret,
and the journal's chain in both. It prints a digest for each topic and the first differences:

    $ quittance verify --compare local:var/dev kafka:broker-1:9092

` + placeHelp + "\n\nOf the one log without --compare:\n\n" + kafkaHelp
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
	}, askByURL)
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
// each shard in turn, beside whatever is being served. A shard that drops itself meanwhile is
// looked at again. The error is of what kept it from checking, such as a shard that went to another
// process; what it found wrong is in the report.
func verify(
	ctx context.Context, s *compaction.Shards, l compaction.Log,
) (report api.VerifyReport, err error) {
	v := newVerifier(l)
	if err := restored(ctx, s); err != nil {
		return report, err
	}
	looks := []func(context.Context, *compaction.Shards, int) error{v.foreign, v.books, v.compare}
	for _, look := range looks {
		for n := range s.Count() {
			if !s.Owned(n) {
				continue // its owner verifies it
			}
			if err := v.damaged(look(ctx, s, n)); err != nil {
				return report, err
			}
		}
	}
	report.OK = true
	for _, c := range v.checks() {
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
