package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// copyCommand moves a log to another place.
type copyCommand struct {
	From   string `required:"" help:"The log to copy." placeholder:"LOG"`
	To     string `required:"" help:"Where to: where nothing is, or an earlier copy." placeholder:"LOG"`
	Live   bool   `help:"Leave the servers of the source at work; copy again without it to get the rest."`
	Seal   bool   `help:"Mark the source as moved when the copy is whole; else the copy is a backup." default:"true" negatable:""`
	Unseal bool   `help:"Take that mark from the target: it is served again, in place of the source."`
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
    $ quittance copy --from kafka:old-1:9092 --to 'kafka:new-1:9092?prefix=shop-'

` + placeHelp + `

Stopped half-way, the same command goes on: it first compares all that the target has with the
source, and refuses a target that holds anything else. The source's servers are stopped for it. To
keep that short, copy first beside them, stop them, and copy what has come since:

    $ quittance copy --live --from kafka:old-1:9092 --to kafka:new-1:9092
      (stop the servers of the source)
    $ quittance copy --from kafka:old-1:9092 --to kafka:new-1:9092
      (start servers on the target)

A copy that is whole marks its source as moved: servers do not start on it any more, since both
would do what is due. It can be read, compared and copied as before. For a backup, whose source is
served on, there is --no-seal. Where the target is an earlier source and is to be served again,
--unseal takes its mark away; quittance serve --unseal does, without bringing what has come since.

The file secret in the source's data folder belongs to the log: without it, a request that is sent
again is not known again. It is copied from data folder to data folder; each server on a cluster
needs it in its own. The target knows it, and is served with no other one.`
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
	switch {
	case c.Live && !from.onCluster():
		return &usageError{"--live: the server of a data folder must be stopped to copy its log"}
	case c.Unseal && (c.Live || !c.Seal):
		return &usageError{"--unseal: one of two logs is served: not with --live or --no-seal"}
	}
	if err := c.idle(ctx, p, from, to); err != nil {
		return err
	}
	from.moved, to.moved = true, c.Unseal
	source, err := from.open(ctx, p, c.FromWire, "from")
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	mark, err := markOf(ctx, source)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	key, check, err := moveSecret(from, to, c.Secret, mark)
	if err != nil {
		return err
	}
	to.check = check
	target, err := to.make(ctx, p, c.ToWire, "to", source.Identity().Shards)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := c.mayWrite(ctx, target); err != nil {
		return err
	}
	if err := c.copy(ctx, p, source, target, mark, to); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, key)
	return nil
}

// copy copies the one log to the other, and says what was done. The source had a mark before.
func (c copyCommand) copy(
	ctx context.Context, p *program, source, target compaction.Log, before compaction.Mark, to place,
) error {
	topics, err := compaction.Topics()
	if err != nil {
		return err
	}
	began := time.Now()
	progress := newCopyProgress(p.stderr, source.Identity().Shards)
	o := compaction.CopyOptions{Live: c.Live, Unseal: c.Unseal, Progress: progress.take}
	if c.Seal && !c.Live {
		o.MovedTo = to.lasting()
	}
	stop := progress.every(2 * time.Second)
	done, err := compaction.Copy(ctx, source, target, topics, o)
	stop()
	if err != nil {
		return err
	}
	c.report(p.stdout, done, time.Since(began))
	if o.MovedTo != "" {
		c.sealed(p.stdout, before, o.MovedTo)
	}
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

// mayWrite refuses a target that has moved, unless it is to be served again.
func (c copyCommand) mayWrite(ctx context.Context, target compaction.Log) error {
	m, err := markOf(ctx, target)
	if err == nil && m.Moved != nil && !c.Unseal {
		err = fmt.Errorf("%w. To have it served again, in place of the source: --unseal",
			&compaction.MovedError{Move: *m.Moved})
	}
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	return nil
}

// sealed says what a source is marked with.
func (c copyCommand) sealed(w io.Writer, before compaction.Mark, to string) {
	if before.Moved != nil && before.Moved.To != to {
		fmt.Fprintf(w, "the source has moved to %s before, and that mark stays: let one copy of it be "+
			"served, not two\n", before.Moved.To)
		return
	}
	fmt.Fprintf(w, "the source is marked as moved to %s: servers do not start on it again\n", to)
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
		"compare:  quittance verify --compare %s %s\n",
		word(c.From), word(c.To))
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
				if line := c.line(); line != "" {
					fmt.Fprintln(c.w, line)
				}
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

// line is how far the copy is, empty where nothing has been done yet.
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
	switch {
	case records == 0 && checked == 0:
		return ""
	case records == 0:
		return fmt.Sprintf("comparing what is there: %s records the same", thousands(checked))
	}
	return fmt.Sprintf("%d of %d shards, %s records, %s, %s records/s", done, c.shards,
		thousands(records), size(uint64(bytes)), thousands(int(float64(records)/seconds)))
}
