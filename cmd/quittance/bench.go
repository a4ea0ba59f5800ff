package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// benchCommand measures what the program does on this machine.
type benchCommand struct {
	kafkaFlags
	What     []string      `arg:"" optional:"" enum:"http,engine,restore,pricing,memory,noise" help:"What to measure: pricing, engine, noise, http, restore, memory; all by default."`
	Duration time.Duration `help:"How long each measurement runs." default:"10s"`
	Records  int           `help:"Open records for restore and memory." default:"1000000"`
	URL      string        `name:"url" help:"Measure http on a running server, with QUITTANCE_KEY." placeholder:"URL"`
	Scratch  string        `help:"Where to put data while measuring; a temporary folder by default."`
}

// Help shows what can be measured.
func (benchCommand) Help() string {
	return `Measures everything that docs/performance.md has figures of, with every acknowledgement
durable, and prints a table with the machine and the date. It takes a few minutes:

    $ quittance bench

Or some of it, shorter, on the disk that matters:

    $ quittance bench engine http --duration 3s --scratch DIR

On a cluster, engine, noise and http, in topics of their own that are removed afterwards:

    $ quittance bench --log kafka --brokers HOST:9092

http starts a server of its own as another process, and shares the machine with it. One that runs
already must have been started with --rate 0, or --dev: it would be measured how it limits a key.

    $ QUITTANCE_KEY=qk_... quittance bench http --url http://127.0.0.1:8080

` + kafkaHelp
}

// measurements are what can be measured, in the order in which it is done.
var measurements = []measurement{
	{"pricing", benchPricing},
	{"engine", benchEngine},
	{"noise", benchNoise},
	{"http", benchHTTP},
	{"restore", benchRestore},
	{"memory", benchMemory},
}

// clusterMeasurements are those of a log on a cluster.
var clusterMeasurements = []measurement{
	{"engine", benchCluster},
	{"noise", benchNoise},
	{"http", benchHTTPCluster},
}

// A measurement measures in a folder that is its own.
type measurement struct {
	name string
	run  func(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error)
}

// Run measures and prints.
func (c benchCommand) Run(ctx context.Context, p *program) (err error) {
	on, err := c.onKafka()
	if err != nil {
		return err
	}
	what := measurements
	if on {
		what = clusterMeasurements
		c.TopicPrefix += "bench-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "."
	}
	fmt.Fprintf(p.stdout, "%s, %s\n\n", machine(), time.Now().UTC().Format("2006-01-02"))
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\ta second\tp50\tp95\tp99\tnote")
	for _, m := range what {
		if len(c.What) > 0 && !slices.Contains(c.What, m.name) {
			continue
		}
		figures, err := c.measure(ctx, p, m.run)
		if err != nil {
			return errors.Join(w.Flush(), fmt.Errorf("%s: %w", m.name, err))
		}
		for _, f := range figures {
			f.print(w)
		}
		fmt.Fprintln(p.stderr, m.name, "is measured")
	}
	return w.Flush()
}

// measure runs one measurement in a folder of its own, which it removes.
func (c benchCommand) measure(
	ctx context.Context, p *program,
	run func(context.Context, *program, benchCommand, string) ([]figure, error),
) (_ []figure, err error) {
	dir, err := os.MkdirTemp(c.Scratch, "quittance-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if c.Log == "kafka" { // in topics of its own, too
		c.TopicPrefix += filepath.Base(dir) + "."
		defer func() { err = errors.Join(err, c.removeLog(ctx, p)) }()
	}
	return run(ctx, p, c, dir)
}

// print writes a figure as a row of the table.
func (f figure) print(w io.Writer) {
	cells := []string{f.name, "", "", "", "", f.note}
	if f.done > 0 && f.took > 0 {
		cells[1] = thousands(int(f.rate()))
	}
	for i, d := range []time.Duration{f.p50, f.p95, f.p99} {
		if d > 0 {
			cells[2+i] = latency(d)
		}
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// latency writes a duration with three digits that matter.
func latency(d time.Duration) string {
	if d >= time.Millisecond {
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f µs", d.Seconds()*1e6)
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// machine describes the machine that is measured.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s, %s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.Version())
}
