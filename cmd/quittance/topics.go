package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// topicsCommand looks at the topics and at what is in them.
type topicsCommand struct {
	List   topicsList   `cmd:"" help:"List the topics, from the contracts in this program."`
	Show   topicsShow   `cmd:"" help:"Show what a topic's contract says."`
	Plan   topicsPlan   `cmd:"" help:"Show what a Kafka cluster lacks to keep a log."`
	Apply  topicsApply  `cmd:"" help:"Make topics, settings and ACLs on a Kafka cluster."`
	Check  topicsCheck  `cmd:"" help:"Check the topics of a Kafka cluster, or every record of a stopped server."`
	Replay topicsReplay `cmd:"" help:"Read a topic again, into a file or another topic."`
	Clean  topicsClean  `cmd:"" help:"Compact the log of a stopped server now."`
}

// Help shows one of each.
func (topicsCommand) Help() string {
	return `What this program stores, by its contracts, and what is there:

    $ quittance topics list
    $ quittance topics show quittance.payments.v1
    $ quittance topics check --data var/dev
    $ quittance topics replay --topic quittance.payments.v1 --data var/dev --to payments.jsonl
    $ quittance topics clean --data var/dev

On a Kafka cluster, see what is missing and make it:

    $ quittance topics plan --log kafka --brokers 127.0.0.1:9092
    $ quittance topics apply --log kafka --brokers 127.0.0.1:9092`
}

// topicsList prints a line a topic.
type topicsList struct{}

// Help shows what is listed.
func (topicsList) Help() string {
	return `A line for each topic: how it is kept, its key, its name.

    $ quittance topics list`
}

// Run prints the list.
func (topicsList) Run(p *program) error {
	topics, err := compaction.Topics()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, t := range topics {
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, t.Key, t.Class)
	}
	return w.Flush()
}

// topicsShow prints one topic's contract.
type topicsShow struct {
	Topic string `arg:"" help:"The topic's name."`
}

// Help shows what is shown.
func (topicsShow) Help() string {
	return `What the topic is for, how long records and tombstones are kept, its fields, and which of
them hold personal data:

    $ quittance topics show quittance.payments.v1`
}

// Run prints the contract.
func (c topicsShow) Run(p *program) error {
	topics, err := compaction.Topics()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(topics, func(t compaction.Topic) bool { return t.Name == c.Topic })
	if i < 0 {
		return &usageError{"there is no topic " + c.Topic + ": see quittance topics list"}
	}
	t := topics[i]
	keeps := "the last record of each key; a tombstone at least " + t.DeleteRetention.String()
	if t.Class == compaction.AppendOnly {
		keeps = "every record, for ever"
		if t.Retention != 0 {
			keeps = "every record, for " + t.Retention.String()
		}
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "topic\t%s\npurpose\t%s\nkey\t%s\nclass\t%s\nkeeps\t%s\nmessage\t%s\n",
		t.Name, t.Purpose, t.Key, t.Class, keeps, t.Message)
	m, err := protoregistry.GlobalTypes.FindMessageByName(t.Message)
	if err != nil {
		return err
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fmt.Fprintf(w, "field\t%s\n", fieldLine(fields.Get(i), t.PersonalData))
	}
	return w.Flush()
}

// fieldLine describes a field as its contract declares it.
func fieldLine(f protoreflect.FieldDescriptor, personal []string) string {
	kind := f.Kind().String()
	if f.Message() != nil {
		kind = string(f.Message().Name())
	}
	line := fmt.Sprintf("%d %s %s %s", f.Number(), f.Cardinality(), kind, f.Name())
	line = strings.Replace(line, " optional ", " ", 1)
	if slices.Contains(personal, string(f.Name())) {
		line += "  (personal data)"
	}
	return line
}

// topicsCheck reads an embedded log, or looks at a cluster's topics.
type topicsCheck struct {
	dataFlag
	kafkaFlags
}

// Help shows when to use it.
func (topicsCheck) Help() string {
	return `Reads every record in the log, from the first, decodes it by its contract and counts
records, tombstones and keys. Nothing is changed; the server must be stopped.

    $ quittance topics check --data var/dev

On a Kafka cluster it looks whether each topic is as it must be, as every start does. Where one is
not, it says how to mend it and exits with 1. Servers may be running:

    $ quittance topics check --log kafka --brokers 127.0.0.1:9092

` + kafkaHelp
}

// topicCount counts what the log has of one topic.
type topicCount struct {
	records, tombstones int
	open                map[string]bool // keys whose last record is no tombstone
}

// Run reads and counts.
func (c topicsCheck) Run(ctx context.Context, p *program) error {
	if on, err := c.onKafka(); on || err != nil {
		if err != nil {
			return err
		}
		return c.checkCluster(ctx, p)
	}
	o := engineOptions{logger: p.logger(slog.LevelWarn), log: local.Options{CleanEvery: -1},
		reading: true}
	return withEngine(ctx, c.Data, o, "", func(e *engine) error {
		counts := map[string]*topicCount{}
		for _, t := range e.schema.Topics() {
			counts[t.Name] = &topicCount{open: map[string]bool{}}
		}
		messages, err := topicMessages(e.schema)
		if err != nil {
			return err
		}
		for shard := range e.shards.Count() {
			err := readLog(ctx, e.log, shard, nil, nil, func(r compaction.Entry) error {
				return counts[r.Topic].add(r, messages[r.Topic])
			})
			if err != nil {
				return fmt.Errorf("shard %d: %w", shard, err)
			}
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "records\ttombstones\topen keys\t topic")
		for _, t := range e.schema.Topics() {
			n := counts[t.Name]
			fmt.Fprintf(w, "%d\t%d\t%d\t %s\n", n.records, n.tombstones, len(n.open), t.Name)
		}
		return w.Flush()
	})
}

// add counts a record and decodes it.
func (n *topicCount) add(r compaction.Entry, m protoreflect.MessageType) error {
	n.records++
	if r.Value == nil {
		n.tombstones++
		delete(n.open, string(r.Key))
		return nil
	}
	n.open[string(r.Key)] = true
	if err := proto.Unmarshal(r.Value, m.New().Interface()); err != nil {
		return fmt.Errorf("record %s of %s does not decode: %w", r.Key, r.Topic, err)
	}
	return nil
}

// topicMessages returns the message of each topic.
func topicMessages(s *compaction.Schema) (map[string]protoreflect.MessageType, error) {
	messages := map[string]protoreflect.MessageType{}
	for _, t := range s.Topics() {
		m, err := protoregistry.GlobalTypes.FindMessageByName(t.Message)
		if err != nil {
			return nil, err
		}
		messages[t.Name] = m
	}
	return messages, nil
}

// readLog calls f for each record of a shard, up to a position; nil is the end as it is now.
func readLog(
	ctx context.Context, l compaction.Log, shard int, topics []string, to compaction.Positions,
	f func(compaction.Entry) error,
) (err error) {
	if to == nil {
		if to, err = l.End(ctx, shard); err != nil {
			return err
		}
	}
	r, err := l.Read(ctx, shard, compaction.Range{To: to, Topics: topics})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range b.Entries {
			if err := f(e); err != nil {
				return err
			}
		}
	}
}

// topicsClean compacts the log.
type topicsClean struct {
	dataFlag
	TombstonesNow bool `help:"Remove tombstones at once, whatever their age."`
}

// Help says what is removed.
func (topicsClean) Help() string {
	return `A running server compacts its log by itself. This does it now, on a stopped one, and
returns when the bytes of what was superseded are gone from the disk:

    $ quittance topics clean --data var/dev

Tombstones stay for their retention (topics show), since a store restored from an old backup may
not have seen them. Where there is no such backup they can go too:

    $ quittance topics clean --data var/dev --tombstones-now`
}

// Run cleans and says what went.
func (c topicsClean) Run(ctx context.Context, p *program) error {
	o := engineOptions{logger: p.logger(slog.LevelWarn), log: local.Options{CleanEvery: -1}}
	return withEngine(ctx, c.Data, o, "", func(e *engine) error {
		var how local.CleanOptions
		if c.TombstonesNow {
			how.DeleteRetention = new(time.Duration)
		}
		before := e.folder.Stats().Bytes
		did, err := e.folder.Clean(ctx, how)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%d superseded records, %d tombstones and %d expired records "+
			"are gone\n%d groups were written anew, %d removed; %s on disk before, %s after\n",
			did.Superseded, did.Tombstones, did.Expired, did.Rewritten, did.Removed,
			size(before), size(e.folder.Stats().Bytes))
		return err
	})
}

// size writes a number of bytes for people.
func size(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// logger returns a logger of text on standard error.
func (p *program) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
}
