package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// demoCommand drives the whole path through the public API.
type demoCommand struct {
	DevJSON string `name:"dev-json" help:"The dev.json of a running server: where it is, and a key of each role." placeholder:"FILE"`
	URL     string `name:"url" help:"Where that server is, if not where its dev.json says." placeholder:"URL"`
	Input   string `help:"Documents to quote, one JSON object a line, as pricing/preview takes them." placeholder:"FILE"`
}

// Help shows what it works with.
func (demoCommand) Help() string {
	return `Takes documents from quote to the finance file, and shows each step: quoted, issued, accepted
(half of them with a promotion code), invoiced, paid (by card through the sandbox, or by bank
transfer), paid out, matched, settled, exported. With a server of its own, in a temporary folder:

    $ quittance demo

Against a demo business that is being served (its keys are in dev.json):

    $ quittance demo --dev-json var/dev/dev.json

or is reached elsewhere than it says itself; --url alone is refused, for want of keys:

    $ quittance demo --dev-json dev.json --url https://quittance.example

With your own documents, each with an id, what it must come to ("want") and all else as
/v1/pricing/preview takes it:

    $ quittance demo --input documents.jsonl

Each amount that is exported must be the document's own, to the cent, or that less the promotion and
its tax. Then everything that was settled must be gone from what is open. It exits with 1 if not.`
}

// Run drives the path and checks what it left.
func (c demoCommand) Run(ctx context.Context, p *program) (err error) {
	samples, err := readSamples(c.Input)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Input, err)
	}
	if c.DevJSON != "" {
		d, err := readDev(c.DevJSON)
		if err != nil {
			return err
		}
		if c.URL != "" {
			d.URL = strings.TrimSuffix(c.URL, "/")
		}
		return newDemo(p, d).run(ctx, samples)
	}
	dir, err := os.MkdirTemp("", "quittance-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return c.alone(ctx, p, dir, samples)
}

// alone starts a server of its own, drives the path, stops it and looks at its data.
func (c demoCommand) alone(ctx context.Context, p *program, dir string, samples []sample) error {
	data := filepath.Join(dir, "data")
	s, err := startServer(ctx, p, serveCommand{dataFlag: dataFlag{data}, Listen: "127.0.0.1:0",
		Dev: true, Shards: 4, Reserve: 64, LogLevel: "warn"})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "a server of its own: %s\n\n", s.url)
	d := newDemo(p, s.dev)
	err = d.run(ctx, samples)
	if err = errors.Join(err, s.stop()); err != nil {
		return err
	}
	return d.checkData(ctx, data)
}

// A demo is one run of the whole path.
type demo struct {
	p        *program
	dev      devFile
	seller   *client // the tradesperson
	finance  *client
	platform *client
	name     string // distinguishes this run from others
	began    time.Time
	customer string
	code     string
	journeys []*journey
	ids      map[string]bool // of what was settled: quotes, invoices, payments
}

// A journey is one document on its way.
type journey struct {
	sample
	n       int
	coded   bool // accepted with the promotion code
	offline bool // paid by bank transfer, otherwise by card

	quote, hash, invoice, payment string

	expected, exported decimal.Decimal
	wrong              string // why it does not tie, empty if it does
}

func newDemo(p *program, d devFile) *demo {
	now := time.Now()
	return &demo{p: p, dev: d, seller: d.as(roleTradesperson), finance: d.as(roleFinance),
		platform: d.as(rolePlatform), ids: map[string]bool{},
		name: fmt.Sprintf("demo-%x", now.UnixNano()), began: now}
}

// demoPercent is what the promotion of the demo takes off.
var demoPercent = decimal.New(10, 0)

// run drives the path, step by step, and compares what is exported.
func (d *demo) run(ctx context.Context, samples []sample) error {
	d.choose(samples)
	if len(d.journeys) == 0 {
		return errors.New("no document has a positive payable")
	}
	for _, step := range []struct {
		name string
		all  func(context.Context) error           // once
		do   func(context.Context, *journey) error // for each document
	}{
		{name: "set up: a customer, and a promotion of 10 % with a code", all: d.setUp},
		{name: "quoted", do: d.quoted},
		{name: "issued: frozen and hashed", do: d.issued},
		{name: "accepted, every other one with the code", do: d.accepted},
		{name: "invoiced and finalised, numbered without gaps", do: d.invoiced},
		{name: "paid, by card through the sandbox or by bank transfer", do: d.paid},
		{name: "captured or announced", do: d.captured},
		{name: "paid out by the provider; each transfer on the bank's statement", all: d.paidOut},
		{name: "matched and settled: the open records have become tombstones", do: d.settled},
		{name: "the payouts seen at the platform's bank", all: d.banked},
		{name: "exported, twice the same bytes", all: d.export},
		{name: "gone from what is open, by the API; the books verified", all: d.gone},
	} {
		if err := d.step(ctx, step.name, step.all, step.do); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return d.compare()
}

// choose takes the documents that can be paid and says which it leaves out.
func (d *demo) choose(samples []sample) {
	for _, s := range samples {
		if !s.want.Payable.IsPositive() {
			fmt.Fprintf(d.p.stdout, "left out: %s, whose payable is %s %s: there is nothing to pay\n",
				s.id, s.want.Payable.StringFixed(2), s.currency)
			continue
		}
		n := len(d.journeys)
		d.journeys = append(d.journeys, &journey{sample: s, n: n, coded: n%2 == 1,
			offline: n/2%2 == 1})
	}
	fmt.Fprintf(d.p.stdout, "%d of %d documents\n\n", len(d.journeys), len(samples))
}

// step does one step and shows how far it is.
func (d *demo) step(
	ctx context.Context, name string, all func(context.Context) error,
	do func(context.Context, *journey) error,
) error {
	began, w := time.Now(), d.p.stdout
	if all != nil {
		if err := all(ctx); err != nil {
			return err
		}
		fmt.Fprintf(w, "✓ %s (%d ms)\n", name, time.Since(began).Milliseconds())
		return nil
	}
	last := began
	for i, j := range d.journeys {
		if err := do(ctx, j); err != nil {
			return fmt.Errorf("%s: %w", j.id, err)
		}
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(w, "  %s: %d of %d\n", name, i+1, len(d.journeys))
		}
	}
	fmt.Fprintf(w, "✓ %s: %d (%d ms)\n", name, len(d.journeys), time.Since(began).Milliseconds())
	return nil
}

// compare prints what was expected and exported of each document, and fails if any differs.
func (d *demo) compare() error {
	w := d.p.stdout
	fmt.Fprintf(w, "\n%-16s %-3s %14s %-8s %-8s %14s %14s\n", "document", "", "payable", "code",
		"paid by", "expected", "exported")
	wrong := 0
	for _, j := range d.journeys {
		code, by, sign := "-", "card", "✓"
		if j.coded {
			code = "10 %"
		}
		if j.offline {
			by = "transfer"
		}
		if j.wrong == "" && !j.expected.Equal(j.exported) {
			j.wrong = "the amounts differ"
		}
		if j.wrong != "" {
			sign = "✗ " + j.wrong
			wrong++
		}
		fmt.Fprintf(w, "%-16s %-3s %14s %-8s %-8s %14s %14s %s\n", j.id, j.currency,
			j.want.Payable.StringFixed(2), code, by, j.expected.StringFixed(2),
			j.exported.StringFixed(2), sign)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d documents do not tie", wrong, len(d.journeys))
	}
	fmt.Fprintf(w, "\nall %d tie, to the cent\n", len(d.journeys))
	return nil
}
