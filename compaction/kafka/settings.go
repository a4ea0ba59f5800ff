package kafka

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ringSize is how many producers a shard has. They take turns: EndTxn answers when the outcome is
// decided, but until the markers of a transaction are written the same producer's next one is
// refused and tried again on a timer of 20 ms in the broker. Measured with one shard, six topics
// and 16 callers: one producer 630 commands a second, three 8,240. It is the same for ever: two
// programs with rings of different size could both go on writing.
const ringSize = 3

// transactionTimeout is how old the brokers let a transaction grow.
const transactionTimeout = 10 * time.Second

// patience is how long each step of an append may take before it is given up. The brokers end a
// transaction that is older than transactionTimeout, and the next claim ends it at once.
type patience struct {
	produce time.Duration // then the group is aborted
	abort   time.Duration // then the writer is dropped
	commit  time.Duration // then the outcome is unknown
}

var defaultPatience = patience{6 * time.Second, 3 * time.Second, 15 * time.Second}

// How much a reader asks for and keeps.
const (
	fetchBytes     = 8 << 20 // of one leader at once
	partitionBytes = 2 << 20 // of one topic at once
	aheadBytes     = 8 << 20 // of a topic that is ahead of the others
	fetchWait      = 500 * time.Millisecond
)

// retryBackoff is how long a client waits before it tries a request again. kgo's first wait of
// 250 ms is longer than a claim may take; coordinators that are being loaded answer soon.
func retryBackoff(fails int) time.Duration {
	d := 20 * time.Millisecond << min(max(fails-1, 0), 6) // up to 1.28 s
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// clientOptions are those of every client of a log.
func clientOptions(c Connection) []kgo.Opt {
	return append(c.options(),
		kgo.RetryBackoffFn(retryBackoff),
		// Brokers close what is idle for 10 minutes. kgo's 30 s would make the first group after
		// half a minute pay for connections, with TLS and SASL.
		kgo.ConnIdleTimeout(5*time.Minute),
		// A broker answers CONCURRENT_TRANSACTIONS to a produce request that comes too early, and
		// kgo tries it again after it has asked for metadata. With the default of 5 s between two
		// questions, one such answer stalled a commit for 5.000 s; so it took 10.7 ms.
		kgo.MetadataMinAge(10*time.Millisecond),
		// Nothing that a cluster answers is larger; kgo would take 100 MiB.
		kgo.BrokerMaxReadBytes(64<<20),
	)
}

// transactionalID names producer k of a shard's ring.
func (l *Log) transactionalID(shard, k int) string {
	return fmt.Sprintf("%squittance-shard-%d-%d", l.options.Prefix, shard, k)
}

// producerOptions are those of producer k of a shard's ring.
func (l *Log) producerOptions(shard, k int) []kgo.Opt {
	return append(clientOptions(l.watched(shard)),
		kgo.TransactionalID(l.transactionalID(shard, k)),
		// A dead owner's open transaction keeps readers from what follows for this long, unless the
		// next claim ends it first. kgo's 40 s would be a long time to wait.
		kgo.TransactionTimeout(transactionTimeout),
		// The same for EndTxn and InitProducerID, which kgo would try again after 20 ms.
		kgo.ConcurrentTransactionsBackoff(2*time.Millisecond),
		// Partition i is shard i, whatever a key hashes to.
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// What is acknowledged is on every replica in sync; idempotence needs it as well.
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// A group is sent when all of it is there: nothing is gained by waiting longer (kgo lingers
		// for 10 ms), and where each record is sent as soon as it is there, a hundred groups of 771
		// records were 184 requests.
		kgo.ProducerLinger(0),
		kgo.ManualFlushing(),
		kgo.ProducerBatchMaxBytes(MaxMessageBytes),
		// Measured with records of 300 bytes of JSON and 256 callers: LZ4 took 15 µs of this process
		// for a command of three records, none 24, Snappy 24, Zstandard 22; the broker took 18 µs, or
		// 21.
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		// A group is in memory already, and one that blocked half way could not be given up.
		kgo.MaxBufferedRecords(maxCount),
		kgo.ProduceRequestTimeout(5*time.Second),
		// With retryBackoff that is 3 to 5 s. Without a bound only patience ends it, and what the
		// brokers said, such as that too few replicas are in sync, is never heard of.
		kgo.RecordRetries(8),
	)
}
