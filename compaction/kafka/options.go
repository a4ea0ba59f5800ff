package kafka

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/quittance/quittance/compaction"
)

// Options say which log to open on a cluster.
type Options struct {
	// Connection is how to reach the cluster.
	Connection

	// Topics are what the program keeps. ShardsTopic need not be among them.
	Topics []compaction.Topic

	// Prefix is put before the name of every topic, transactional id and group, so that one cluster
	// can keep several logs. It is seen by the brokers only: entries and positions are without it.
	Prefix string

	// Shards is how many shards a new log has: DefaultShards if 0. It is 0 or the same number for a
	// log that is there.
	Shards int

	// Replication is how many copies new topics have. 0 is 3 where there are three brokers, else 1.
	Replication int

	// Create makes topics that are missing. Without it, Open fails on them, and on what is there and
	// wrong it always fails: with a *FaultsError that says how to mend it.
	Create bool

	// SecretCheck is compaction.SecretCheck of the secret that every process which serves the log must
	// have alike. It stands in the claims, and who has another is refused with a *SecretError. nil is
	// not looked at, and passes on what stands there.
	SecretCheck []byte

	// Moved lets the log be claimed though it has moved: to copy it again, or to bring it back. Its
	// mark stays.
	Moved bool

	// Address is where other nodes reach this one. It is written down with each claim.
	Address string

	// Node names this process where it claims a shard; "" is made up from the host's name.
	Node string

	// Logger is told what slows the log down and what went wrong and passes by itself; nil is
	// slog.Default.
	Logger *slog.Logger

	// Clock stamps claims: time.Now by default. Groups carry the stamps that their writer gives.
	Clock func() time.Time
}

// withDefaults returns o with every setting that was left out.
func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Node == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "node"
		}
		o.Node = fmt.Sprintf("%s-%s", host, rand.Text()[:6])
	}
	return o
}

// spec is what the cluster must have.
func (o Options) spec() Spec {
	return Spec{Topics: o.Topics, Prefix: o.Prefix, Shards: o.Shards, Replication: o.Replication}
}
