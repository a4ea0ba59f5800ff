package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// An Owner is who claimed a shard last. It may have stopped since: only the group knows, and the
// next claim tells.
type Owner struct {
	Node    string    // the name of the process
	Address string    // where others reach it
	Epoch   uint64    // how often the shard was claimed, this time included
	Claimed time.Time // UTC
}

// A Directory knows who owns each shard, from the records that claims leave in ShardsTopic. It is
// never ahead of a claim and, where the cluster can be reached, behind it by milliseconds. Its
// methods may be called from any goroutine.
type Directory struct {
	cl     *kgo.Client
	topic  string
	logger *slog.Logger

	mu     sync.Mutex
	owners []Owner
	change chan struct{} // closed when an owner changes
}

// OpenDirectory begins to follow who owns the shards of a log. Logger takes what stands in the way;
// nil is slog.Default. The caller runs it and closes it.
func OpenDirectory(
	c Connection, prefix string, shards int, logger *slog.Logger,
) (*Directory, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if logger == nil {
		logger = slog.Default()
	}
	d := &Directory{topic: prefix + ShardsTopic, logger: logger,
		owners: make([]Owner, shards), change: make(chan struct{})}
	from := map[int32]kgo.Offset{}
	for n := range shards {
		from[int32(n)] = kgo.NewOffset().AtStart()
	}
	var err error
	d.cl, err = kgo.NewClient(append(c.options(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{d.topic: from}),
		// A claim that was not committed is none.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Shown at once: the broker answers as soon as there is a record.
		kgo.FetchMinBytes(1),
		kgo.FetchMaxBytes(1<<20), kgo.BrokerMaxReadBytes(10<<20),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return d, nil
}

// Owner returns who claimed a shard last, the zero Owner while nobody is known to have, and a
// channel that is closed when that or another shard's owner has changed.
func (d *Directory) Owner(shard int) (Owner, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.owners[shard], d.change
}

// Run follows the topic until ctx ends or the directory is closed. What stands in its way is tried
// again, and logged.
func (d *Directory) Run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := d.cl.PollFetches(ctx)
		if fetches.IsClientClosed() {
			return
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.Canceled) {
				d.logger.Warn("who owns the shards cannot be read", "partition", e.Partition,
					"error", e.Err)
			}
		}
		fetches.EachRecord(d.take)
	}
}

// take notes a claim. Records beside the claims have other keys.
func (d *Directory) take(r *kgo.Record) {
	shard, err := strconv.Atoi(string(r.Key))
	if err != nil || shard != int(r.Partition) {
		return
	}
	var m compactionv1.ShardRecord
	if err := proto.Unmarshal(r.Value, &m); err != nil {
		d.logger.Error("a record of who owns a shard does not decode", "shard", shard,
			"offset", r.Offset, "error", err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owners[shard] = Owner{Node: m.Node, Address: m.Address, Epoch: m.Epoch,
		Claimed: time.Unix(0, m.ClaimedUnixNano).UTC()}
	close(d.change)
	d.change = make(chan struct{})
}

// Close ends Run.
func (d *Directory) Close() { d.cl.Close() }
