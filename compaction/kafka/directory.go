package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
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

	// By the last claim of each shard that was read. Nothing is shown before what is there has been
	// read: claims before the last one are of owners that were. Owned by Run.
	last []Owner

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
		last: make([]Owner, shards), owners: make([]Owner, shards), change: make(chan struct{})}
	from := map[int32]kgo.Offset{}
	for n := range shards {
		from[int32(n)] = kgo.NewOffset().AtStart()
	}
	var err error
	d.cl, err = kgo.NewClient(append(c.options(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{d.topic: from}),
		// The default would begin again at the start by itself, and show owners that were.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// A claim that was not committed is none.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The end of a claim tells that nothing stands behind it.
		kgo.KeepControlRecords(),
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

// quietTime is how long nothing may come before what was read is taken to be all there is.
const quietTime = time.Second

// Run follows the topic until ctx ends or the directory is closed. What stands in its way is tried
// again, and logged.
func (d *Directory) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, quietTime)
		fetches := d.cl.PollFetches(wait)
		silent := wait.Err() != nil && ctx.Err() == nil
		cancel()
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { d.read(p) })
		if silent {
			d.settle()
		}
	}
}

// read takes in what came of a shard's partition.
func (d *Directory) read(p kgo.FetchTopicPartition) {
	shard := int(p.Partition)
	if p.Topic != d.topic {
		return // the wait was over
	}
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(p.Err, kerr.OffsetOutOfRange), errors.As(p.Err, &loss):
		d.logger.Warn("the claims of a shard are read anew: they do not go on where they were",
			"shard", shard)
		d.again(p.Partition)
		return
	case p.Err != nil:
		d.logger.Warn("who owns the shards cannot be read", "partition", p.Partition, "error", p.Err)
		return
	}
	for _, r := range p.Records {
		d.take(r)
	}
	if n := len(p.Records); n > 0 && p.Records[n-1].Offset+1 >= p.LastStableOffset {
		d.show(shard)
	}
}

// again begins to read a shard's claims at the start, also where the client has found the place
// from which on they are others: their epochs may have been read before. What is shown stays until
// the end is reached; then what is there counts, even if it is older: the cluster was restored.
func (d *Directory) again(partition int32) {
	d.last[partition] = Owner{}
	d.cl.RemoveConsumePartitions(map[string][]int32{d.topic: {partition}})
	d.cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{
		d.topic: {partition: kgo.NewOffset().AtStart()}})
}

// take notes a claim. Records beside the claims have other keys.
func (d *Directory) take(r *kgo.Record) {
	shard, err := strconv.Atoi(string(r.Key))
	if err != nil || shard != int(r.Partition) || r.Attrs.IsControl() {
		return
	}
	var m compactionv1.ShardRecord
	if err := proto.Unmarshal(r.Value, &m); err != nil {
		d.logger.Error("a record of who owns a shard does not decode", "shard", shard,
			"offset", r.Offset, "error", err)
		return
	}
	if m.Epoch > d.last[shard].Epoch {
		d.last[shard] = Owner{Node: m.Node, Address: m.Address, Epoch: m.Epoch,
			Claimed: time.Unix(0, m.ClaimedUnixNano).UTC()}
	}
}

// settle shows what was read where no end was seen, as of a topic whose end was compacted.
func (d *Directory) settle() {
	for shard := range d.last {
		d.show(shard)
	}
}

// show shows the last claim of a shard.
func (d *Directory) show(shard int) {
	o := d.last[shard]
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owners[shard] == o || o.Epoch == 0 {
		return
	}
	d.owners[shard] = o
	close(d.change)
	d.change = make(chan struct{})
}

// Close ends Run.
func (d *Directory) Close() { d.cl.Close() }
