package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quittance/quittance/compaction"
)

// topicsReplay reads a topic again, for others.
type topicsReplay struct {
	dataFlag
	From         string `help:"The log; that of --data by default." placeholder:"LOG"`
	Topic        string `required:"" help:"The topic to read." placeholder:"NAME"`
	To           string `required:"" help:"A file of JSON Lines, - for standard output, or kafka:HOST:PORT,...?topic=NAME." placeholder:"FILE"`
	KeyPrefix    string `help:"Only records whose keys begin so." placeholder:"TEXT"`
	KeyFrom      string `help:"Only records whose keys are this one or after it, byte by byte." placeholder:"KEY"`
	KeyTo        string `help:"Only records whose keys are before this one." placeholder:"KEY"`
	FromGroup    uint64 `help:"Only records from this group on." placeholder:"N"`
	ToGroup      uint64 `help:"Only records up to this group." placeholder:"N"`
	Shard        int    `help:"Only records of one shard; groups are numbered in each." default:"-1" placeholder:"N"`
	Follow       bool   `help:"Go on with what is committed from now on, until interrupted."`
	Positions    string `help:"Where it stands is kept in this file, and it goes on from there." placeholder:"FILE"`
	PersonalData bool   `help:"Show personal data, or send it."`

	pairFlags
}

// Help shows both targets.
func (topicsReplay) Help() string {
	return `Reads a topic from its start, or a part of it, and writes its records as lines of JSON: topic,
shard, key, group, time, offset, and the value as its contract reads, or tombstone:

    $ quittance topics replay --topic quittance.payments.v1 --data var/dev --to payments.jsonl
    $ quittance topics replay --topic quittance.journal.v1 --key-prefix demo --from-group 100 \
        --from kafka:broker-1:9092 --to - | jq .value

What the contract marks as personal data is shown as *** or left out, and so are bytes that may
hold whole records, unless --personal-data is given.

Or it sends the records, as they are stored, to a topic of another cluster or of the same one that
is there already and no log's own; a topic with personal data wants --personal-data:

    $ quittance topics replay --topic quittance.quotes.v1 --from kafka:broker-1:9092 --follow \
        --personal-data --to 'kafka:other-1:9092?topic=quotes'

Keys are as topics list shows them, tenant first. --key-prefix takes those that begin so; --key-from
and --key-to a range of them, with the first and without the last:

    $ quittance topics replay --topic quittance.quotes.v1 --data var/dev --to - \
        --key-from demo/qt_01j --key-to demo/qt_01k

A compacted topic has at least the last record of each key: those that were replaced may be gone,
and tombstones are there as long as topics show says. With --follow, of a log on a cluster and
beside its servers, this snapshot comes first: what was committed when it began, in order within
each shard. Then the tail comes, each group as it is committed, whole and once.

With --positions it goes on where it stopped, first with what was committed meanwhile, which is a
snapshot too. Records that were written last may come a second time in a topic; a file is cut back to
where the positions are, and has each once; one that is shorter is refused. Whoever stays away for longer than half of the time
for which tombstones are kept has to begin anew, since he may have missed that a key was ended:

    $ quittance topics replay --topic quittance.quotes.v1 --from kafka:broker-1:9092 --follow \
        --personal-data --to 'kafka:other-1:9092?topic=quotes' --positions var/quotes.positions

` + placeHelp
}

// Run replays.
func (c topicsReplay) Run(ctx context.Context, p *program) (err error) {
	topics, err := compaction.Topics()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(topics, func(t compaction.Topic) bool { return t.Name == c.Topic })
	if i < 0 {
		return &usageError{"there is no topic " + c.Topic + ": see quittance topics list"}
	}
	if c.From == "" {
		c.From = "local:" + c.Data
	}
	from, err := parsePlace("--from", c.From)
	if err != nil {
		return err
	}
	if err := c.check(from); err != nil {
		return err
	}
	log, err := from.open(ctx, p, c.FromWire, "from")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	shards, err := c.shards(log.Identity().Shards)
	if err != nil {
		return err
	}
	r := &replay{topicsReplay: c, log: log, class: topics[i].Class}
	if r.place, err = c.goOn(log, topics[i], time.Now()); err != nil {
		return err
	}
	if r.out, err = c.sink(ctx, p, topics[i], r.place.Bytes); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.out.close()) }()
	err = r.run(ctx, shards)
	fmt.Fprintf(p.stderr, "%s records\n", thousands(r.count))
	return err
}

// check refuses flags that do not go together.
func (c topicsReplay) check(from place) error {
	switch {
	case c.Follow && !from.onCluster():
		return &usageError{"--follow: nobody else can write to the log of a data folder meanwhile"}
	case c.KeyTo != "" && c.KeyTo <= c.KeyFrom:
		return &usageError{"--key-to: the range ends before it begins"}
	case c.ToGroup > 0 && c.ToGroup < c.FromGroup:
		return &usageError{"--to-group: the range ends before it begins"}
	case c.Positions != "" && c.ToGroup > 0:
		return &usageError{"--positions: there is nothing to go on with after --to-group"}
	case c.Positions != "" && c.To == "-":
		return &usageError{"--positions: who reads standard output may not have what was written: " +
			"name a file or a topic"}
	}
	return nil
}

// shards returns the shards that are wanted.
func (c topicsReplay) shards(count int) ([]int, error) {
	if c.Shard >= count {
		return nil, &usageError{fmt.Sprintf("--shard: the log has %d, from 0", count)}
	}
	if c.Shard >= 0 {
		return []int{c.Shard}, nil
	}
	var all []int
	for n := range count {
		all = append(all, n)
	}
	return all, nil
}

// A replay is one run of the command.
type replay struct {
	topicsReplay
	log   compaction.Log
	class compaction.Class

	mu    sync.Mutex
	out   sink
	count int
	place replayPlace
}

// run replays, and keeps where it stands now and then and at the end.
func (r *replay) run(ctx context.Context, shards []int) error {
	running, end := context.WithCancel(ctx)
	defer end()
	kept := make(chan error, 1)
	go func() {
		defer end()
		kept <- r.keep(running, shards)
	}()
	var err error
	if r.Follow {
		err = r.follow(running, shards)
	} else {
		err = r.read(running, shards)
	}
	end()
	ctx = context.WithoutCancel(ctx)
	if err = errors.Join(err, <-kept); !errors.Is(err, compaction.ErrSetBack) {
		err = errors.Join(err, r.level(ctx, shards))
	}
	if errors.Is(err, compaction.ErrSetBack) {
		r.setBack()
		err = fmt.Errorf("%w. What was passed on may not be in the log any more: begin anew, into an "+
			"empty file or topic, without the positions", err)
	}
	return errors.Join(err, r.save(ctx))
}

// read replays what there is, shard by shard.
func (r *replay) read(ctx context.Context, shards []int) error {
	for _, shard := range shards {
		if err := r.shard(ctx, shard); err != nil && !errors.Is(err, errReplayed) {
			return fmt.Errorf("shard %d: %w", shard, err)
		}
	}
	return nil
}

// shard replays what there is of a shard.
func (r *replay) shard(ctx context.Context, shard int) (err error) {
	end, err := r.log.End(ctx, shard)
	if err != nil {
		return err
	}
	err = r.rest(ctx, shard, end, func(b compaction.Batch) error {
		return r.take(ctx, shard, b.Entries, b.Next)
	})
	if err != nil {
		return err
	}
	return r.take(ctx, shard, nil, end)
}

// rest reads what there is of the topic in a shard, from where the replay stands.
func (r *replay) rest(
	ctx context.Context, shard int, end compaction.Positions, f func(compaction.Batch) error,
) (err error) {
	span := compaction.Range{From: r.from(shard), To: end, Topics: []string{r.Topic}}
	if err := compaction.Within(span.From.Only(span.Topics), end); err != nil {
		return err
	}
	reader, err := r.log.Read(ctx, shard, span)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		b, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(b)
		}
		if err != nil {
			return err
		}
	}
}

// follow replays what there is and what comes, until ctx ends, which is no error.
func (r *replay) follow(ctx context.Context, shards []int) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, shard := range shards {
		g.Go(func() error {
			err := compaction.Follow(ctx, r.log, shard, r.from(shard), func(d compaction.Delivery) error {
				return r.take(ctx, shard, d.Entries, d.Next)
			})
			if errors.Is(err, errReplayed) || errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// errReplayed ends the reading of a shard after the last group that is wanted.
var errReplayed = errors.New("replayed")

// take passes on those of some records that are wanted, and notes where to go on after them.
func (r *replay) take(
	ctx context.Context, shard int, entries []compaction.Entry, next compaction.Positions,
) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if r.ToGroup > 0 && e.Group > r.ToGroup {
			return errors.Join(errReplayed, r.out.settle())
		}
		if !r.wanted(e) {
			continue
		}
		r.count++
		if err := r.out.write(ctx, shard, e); err != nil {
			return err
		}
	}
	if err := r.out.settle(); err != nil {
		return err
	}
	r.place.note(shard, next)
	return nil
}

// wanted reports whether a record is of the topic, the groups and the keys that are replayed.
func (r *replay) wanted(e compaction.Entry) bool {
	key := string(e.Key)
	return e.Topic == r.Topic && e.Group >= r.FromGroup && strings.HasPrefix(key, r.KeyPrefix) &&
		key >= r.KeyFrom && (r.KeyTo == "" || key < r.KeyTo)
}
