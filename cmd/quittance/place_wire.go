package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// wireFlags say how to reach the cluster of one of two logs. They are kafkaFlags for a command that
// has two of them: the flags and variables of the log that is read begin with from, those of the
// other with to.
type wireFlags struct {
	KafkaTLS        bool   `name:"kafka-tls" help:"Reach its brokers by TLS; the other TLS flags imply it."`
	KafkaCA         string `name:"kafka-ca" help:"The authority of its brokers' certificates, PEM; else the system's." placeholder:"FILE"`
	KafkaCert       string `help:"This process's own certificate there, PEM." placeholder:"FILE"`
	KafkaKey        string `help:"The key of that certificate, PEM." placeholder:"FILE"`
	KafkaServerName string `help:"The name that its brokers' certificates have; else the host." placeholder:"NAME"`

	KafkaSASL string `name:"kafka-sasl" help:"How to sign in there: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER." placeholder:"MECHANISM"`
	KafkaUser string `help:"As whom to sign in there; its password is in a variable, see above." placeholder:"NAME"`
}

// pairFlags say how to reach the clusters of two logs.
type pairFlags struct {
	FromWire wireFlags `embed:"" prefix:"from-" group:"The cluster of the first log:"`
	ToWire   wireFlags `embed:"" prefix:"to-" group:"The cluster of the second log:"`
}

// flags returns them as those of a single log, and the program as it must look to them.
func (f wireFlags) flags(p *program, l place, side string) (kafkaFlags, *program) {
	its := *p
	its.getenv = func(name string) string {
		if rest, ok := strings.CutPrefix(name, "QUITTANCE_KAFKA_"); ok {
			name = "QUITTANCE_" + strings.ToUpper(side) + "_KAFKA_" + rest
		}
		return p.getenv(name)
	}
	return kafkaFlags{Log: "kafka", Brokers: l.brokers, TopicPrefix: l.prefix,
		KafkaTLS: f.KafkaTLS, KafkaCA: f.KafkaCA, KafkaCert: f.KafkaCert, KafkaKey: f.KafkaKey,
		KafkaServerName: f.KafkaServerName, KafkaSASL: f.KafkaSASL, KafkaUser: f.KafkaUser}, &its
}

// idle makes sure that no server uses the log of a place on a cluster.
func (l place) idle(ctx context.Context, p *program, w wireFlags, side string) error {
	if !l.onCluster() {
		return nil // its lock says so
	}
	f, its := w.flags(p, l, side)
	c, err := f.connection(its)
	if err != nil {
		return err
	}
	return idle(ctx, c, l.prefix, "Stop them first")
}

// openCluster opens a log on a cluster. Topics that are missing are created where a number of
// shards is wanted.
func (l place) openCluster(
	ctx context.Context, p *program, w wireFlags, side string, shards int,
	topics []compaction.Topic, logger *slog.Logger,
) (compaction.Log, error) {
	f, its := w.flags(p, l, side)
	c, err := f.connection(its)
	if err != nil {
		return nil, err
	}
	log, err := kafka.Open(ctx, kafka.Options{Connection: c, Topics: topics, Prefix: l.prefix,
		Shards: shards, Replication: l.replication, Create: shards > 0, Logger: logger,
		Moved: l.moved, SecretCheck: l.check})
	if err != nil {
		return nil, err // not a nil *kafka.Log in an interface
	}
	return log, nil
}
