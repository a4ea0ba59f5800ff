package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// copyCommand moves a log to another place.
type copyCommand struct {
	From   string `required:"" help:"The log to copy." placeholder:"LOG"`
	To     string `required:"" help:"Where to: nothing, or an earlier copy." placeholder:"LOG"`
	Live   bool   `help:"Leave the servers of the source at work; copy again without it to get the rest."`
	Secret string `help:"The secret file of a server of the source, where that is on a cluster." placeholder:"FILE"`

	pairFlags
}

// Help shows each way, and the cut-over.
func (copyCommand) Help() string {
	return `Copies all that a log holds: every record of every topic, with its key, its value and its place
in the order, in groups of the same numbers and times, the journal with its chain. What was done
stays done: keys of requests, outbox and webhooks come along.

From one machine to a cluster:

    $ quittance copy --from local:var/data --to kafka:broker-1:9092,broker-2:9092
    $ quittance verify --compare local:var/data kafka:broker-1:9092

and back, or from cluster to cluster:

    $ quittance copy --from kafka:broker-1:9092 --to local:var/back --secret var/node-1/secret
    $ quittance copy --from kafka:old-1:9092 --to kafka:new-1:9092?prefix=shop-

` + placeHelp + `

Stopped half-way, the same command goes on: it first compares all that the target has with the
source, and refuses a target that holds anything else. The source's servers are stopped for it. To
keep that short, copy first beside them, stop them, and copy what has come since:

    $ quittance copy --live --from kafka:old-1:9092 --to kafka:new-1:9092
      (stop the servers of the source)
    $ quittance copy --from kafka:old-1:9092 --to kafka:new-1:9092
      (start servers on the target)

The file secret in the source's data folder belongs to the log: without it, a request that is sent
again is not known again. It is copied from data folder to data folder; each server on a cluster
needs it in its own.`
}

// Run copies.
func (c copyCommand) Run(ctx context.Context, p *program) (err error) {
	from, err := parsePlace("--from", c.From)
	if err != nil {
		return err
	}
	to, err := parsePlace("--to", c.To)
	if err != nil {
		return err
	}
	if c.Live && !from.onCluster() {
		return &usageError{"--live: the server of a data folder must be stopped to copy its log"}
	}
	if err := c.idle(ctx, p, from, to); err != nil {
		return err
	}
	source, err := from.open(ctx, p, c.FromWire, "from")
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	key, err := moveSecret(from, to, c.Secret)
	if err != nil {
		return err
	}
	target, err := to.make(ctx, p, c.ToWire, "to", source.Identity().Shards)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	topics, err := compaction.Topics()
	if err != nil {
		return err
	}
	began := time.Now()
	progress := newCopyProgress(p.stderr, source.Identity().Shards)
	o := compaction.CopyOptions{Live: c.Live, Progress: progress.take}
	stop := progress.every(2 * time.Second)
	done, err := compaction.Copy(ctx, source, target, topics, o)
	stop()
	if err != nil {
		return err
	}
	c.report(p.stdout, done, time.Since(began))
	fmt.Fprintln(p.stdout, key)
	return nil
}

// idle makes sure that no server uses the logs, but for a source that is copied live. A server that
// is fenced would claim its shards again, and write where nobody copies it from.
func (c copyCommand) idle(ctx context.Context, p *program, from, to place) error {
	if !c.Live {
		if err := from.idle(ctx, p, c.FromWire, "from"); err != nil {
			return fmt.Errorf("--from: %w, or copy beside them with --live", err)
		}
	}
	if err := to.idle(ctx, p, c.ToWire, "to"); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	return nil
}

// report says what was done, and what to do.
func (c copyCommand) report(w io.Writer, done []compaction.Copied, took time.Duration) {
	var sum compaction.Copied
	for _, s := range done {
		sum.Checked += s.Checked
		sum.Groups += s.Groups
		sum.Records += s.Records
		sum.Bytes += s.Bytes
	}
	if sum.Checked > 0 {
		fmt.Fprintf(w, "%s records were there already, as they are in the source\n",
			thousands(sum.Checked))
	}
	fmt.Fprintf(w, "copied %s records in %s groups, %s, in %v\n", thousands(sum.Records),
		thousands(sum.Groups), size(uint64(sum.Bytes)), took.Round(time.Millisecond))
	if c.Live {
		fmt.Fprintln(w, "the source has gone on: stop its servers and copy again without --live")
		return
	}
	fmt.Fprintf(w, "nobody has written to the source meanwhile; leave its servers stopped\n"+
		"compare:  quittance verify --compare %s %s\n", c.From, c.To)
}

// moveSecret brings the secret of a log to where the copy is served, where both are known, and says
// what is left to do. It refuses a data folder that has another one.
func moveSecret(from, to place, file string) (told string, err error) {
	if !from.onCluster() {
		if file != "" {
			return "", &usageError{"--secret: that of a data folder is in it"}
		}
		file = from.secret()
	}
	if to.onCluster() {
		if file == "" {
			file = "the secret of the source's servers"
		}
		return "secret:   copy " + file + " into the data folder of each server of the target", nil
	}
	there, err := os.ReadFile(to.secret())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if file == "" {
		if err == nil {
			return "secret:   " + to.secret() + " was there; it must be that of the source's servers", nil
		}
		return "secret:   copy the secret of the source's servers to " + to.secret(), nil
	}
	secret, readErr := os.ReadFile(file)
	switch {
	case readErr != nil:
		return "", readErr
	case len(secret) != secretSize:
		return "", fmt.Errorf("%s has %d bytes instead of %d", file, len(secret), secretSize)
	case err == nil && !bytes.Equal(secret, there):
		return "", fmt.Errorf("%s is not that of the source: the folder belongs to another log",
			to.secret())
	case err == nil:
		return "secret:   " + to.secret() + " is that of the source", nil
	}
	if err := os.MkdirAll(to.dir, 0o700); err != nil {
		return "", err
	}
	return "secret:   copied to " + to.secret(), writeFile(to.secret(), secret)
}

// A copyProgress says now and then how far a copy is.
type copyProgress struct {
	w      io.Writer
	shards int
	began  time.Time

	mu   sync.Mutex
	told map[int]compaction.Copied
}

func newCopyProgress(w io.Writer, shards int) *copyProgress {
	return &copyProgress{w: w, shards: shards, began: time.Now(), told: map[int]compaction.Copied{}}
}

func (c *copyProgress) take(told compaction.Copied) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[told.Shard] = told
}

// every says it again and again until stop is called.
func (c *copyProgress) every(interval time.Duration) (stop func()) {
	ticker := time.NewTicker(interval)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprintln(c.w, c.line())
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// line is how far the copy is.
func (c *copyProgress) line() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	done, checked, records, bytes := 0, 0, 0, 0
	for _, t := range c.told {
		if t.Done {
			done++
		}
		checked += t.Checked
		records += t.Records
		bytes += t.Bytes
	}
	seconds := time.Since(c.began).Seconds()
	if records == 0 {
		return fmt.Sprintf("comparing what is there: %s records the same", thousands(checked))
	}
	return fmt.Sprintf("%d of %d shards, %s records, %s, %s records/s", done, c.shards,
		thousands(records), size(uint64(bytes)), thousands(int(float64(records)/seconds)))
}
