package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// topicsReplay reads a topic again, for others.
type topicsReplay struct {
	dataFlag
	From         string `help:"The log; that of --data by default." placeholder:"LOG"`
	Topic        string `required:"" help:"The topic to read." placeholder:"NAME"`
	To           string `required:"" help:"A file of JSON Lines, - for standard output, or kafka:HOST:PORT,...?topic=NAME." placeholder:"FILE"`
	KeyPrefix    string `help:"Only records whose keys begin so." placeholder:"TEXT"`
	FromGroup    uint64 `help:"Only records from this group on." placeholder:"N"`
	ToGroup      uint64 `help:"Only records up to this group." placeholder:"N"`
	Shard        int    `help:"Only records of one shard; groups are numbered in each." default:"-1" placeholder:"N"`
	Follow       bool   `help:"Go on with what is committed from now on, until interrupted."`
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

A compacted topic has at least the last record of each key. With --follow, what is there comes
first, and then each group as it is committed; of a log on a cluster, beside its servers.

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
	if c.Follow && !from.onCluster() {
		return &usageError{"--follow: nobody else can write to the log of a data folder meanwhile"}
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
	out, err := c.sink(ctx, p, topics[i])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	r := &replay{topicsReplay: c, log: log, out: out}
	if c.Follow {
		err = r.follow(ctx, shards)
	} else {
		err = r.read(ctx, shards)
	}
	err = errors.Join(err, out.flush(context.WithoutCancel(ctx)))
	fmt.Fprintf(p.stderr, "%s records\n", thousands(r.count))
	return err
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
	log compaction.Log
	out sink

	mu    sync.Mutex
	count int
}

// read replays what there is, shard by shard.
func (r *replay) read(ctx context.Context, shards []int) error {
	for _, shard := range shards {
		err := readLog(ctx, r.log, shard, []string{r.Topic}, nil, func(e compaction.Entry) error {
			return r.take(ctx, shard, e)
		})
		if err != nil && !errors.Is(err, errReplayed) {
			return fmt.Errorf("shard %d: %w", shard, err)
		}
	}
	return nil
}

// follow replays what there is and what comes, until ctx ends, which is no error.
func (r *replay) follow(ctx context.Context, shards []int) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, shard := range shards {
		g.Go(func() error {
			err := compaction.Follow(ctx, r.log, shard, nil, func(d compaction.Delivery) error {
				for _, e := range d.Entries {
					if e.Topic != r.Topic {
						continue
					}
					if err := r.take(ctx, shard, e); err != nil {
						return err
					}
				}
				return r.out.flush(ctx)
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

// take passes a record on if it is wanted.
func (r *replay) take(ctx context.Context, shard int, e compaction.Entry) error {
	switch {
	case r.ToGroup > 0 && e.Group > r.ToGroup:
		return errReplayed
	case e.Group < r.FromGroup || !strings.HasPrefix(string(e.Key), r.KeyPrefix):
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	return r.out.write(ctx, shard, e)
}

// A sink takes records. It is for one goroutine at a time.
type sink interface {
	write(ctx context.Context, shard int, e compaction.Entry) error
	flush(ctx context.Context) error
	close() error
}

// sink opens what --to names.
func (c topicsReplay) sink(ctx context.Context, p *program, topic compaction.Topic) (sink, error) {
	if strings.HasPrefix(c.To, "kafka:") {
		return c.topic(ctx, p, topic)
	}
	m, err := protoregistry.GlobalTypes.FindMessageByName(topic.Message)
	if err != nil {
		return nil, err
	}
	s := &fileSink{end: func() error { return nil }}
	var w io.Writer = p.stdout
	if c.To != "-" {
		f, err := os.OpenFile(c.To, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, err
		}
		w, s.end = f, func() error { return errors.Join(f.Sync(), f.Close()) }
	}
	s.buffer = bufio.NewWriter(w)
	s.lines = recordLines{s.buffer, m, c.PersonalData}
	return s, nil
}

// topic opens a topic of a cluster.
func (c topicsReplay) topic(ctx context.Context, p *program, topic compaction.Topic) (sink, error) {
	to, err := parsePlace("--to", c.To)
	if err != nil {
		return nil, err
	}
	if to.topic == "" {
		return nil, &usageError{"--to: " + c.To + " names no topic: add ?topic=NAME"}
	}
	m, err := protoregistry.GlobalTypes.FindMessageByName(topic.Message)
	if err != nil {
		return nil, err
	}
	if !c.PersonalData && (len(topic.PersonalData) > 0 || opaque(m.Descriptor())) {
		return nil, &usageError{topic.Name + " may hold personal data, which is sent as it is stored: " +
			"add --personal-data"}
	}
	f, its := c.ToWire.flags(p, to, "to")
	connection, err := f.connection(its)
	if err != nil {
		return nil, err
	}
	r, err := kafka.OpenRestream(ctx, connection, to.topic)
	if err != nil {
		return nil, err // not a nil *kafka.Restream
	}
	return topicSink{r}, nil
}

// A fileSink writes lines of JSON.
type fileSink struct {
	buffer *bufio.Writer
	lines  recordLines
	end    func() error
}

func (s *fileSink) write(_ context.Context, shard int, e compaction.Entry) error {
	return s.lines.write(shard, e)
}

func (s *fileSink) flush(context.Context) error { return s.buffer.Flush() }

func (s *fileSink) close() error { return s.end() }

// A topicSink sends to a topic.
type topicSink struct{ restream *kafka.Restream }

func (s topicSink) write(ctx context.Context, _ int, e compaction.Entry) error {
	return s.restream.Send(ctx, e)
}

func (s topicSink) flush(ctx context.Context) error { return s.restream.Flush(ctx) }

func (s topicSink) close() error { return s.restream.Close() }
