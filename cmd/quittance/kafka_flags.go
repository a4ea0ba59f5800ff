package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// kafkaFlags say where a log is and, where that is a cluster, how to reach it. Secrets are not
// among them: flags are seen by every user of the machine.
type kafkaFlags struct {
	Log         string   `help:"Where the log is: ${enum}." enum:"local,kafka" default:"local"`
	Brokers     []string `help:"Some brokers of the cluster." placeholder:"HOST:PORT"`
	TopicPrefix string   `help:"What the names of the log's topics begin with, where a cluster has several logs." placeholder:"TEXT"`

	KafkaTLS        bool   `name:"kafka-tls" help:"Reach the brokers by TLS; the other TLS flags imply it."`
	KafkaCA         string `name:"kafka-ca" help:"The authority of the brokers' certificates, PEM; else the system's." placeholder:"FILE"`
	KafkaCert       string `help:"This process's own certificate, PEM." placeholder:"FILE"`
	KafkaKey        string `help:"The key of that certificate, PEM." placeholder:"FILE"`
	KafkaServerName string `help:"The name that brokers' certificates have; else the host that is dialled." placeholder:"NAME"`

	KafkaSASL string `name:"kafka-sasl" help:"How to sign in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER." placeholder:"MECHANISM"`
	KafkaUser string `help:"As whom to sign in; its password is in QUITTANCE_KAFKA_PASSWORD." placeholder:"NAME"`
}

// kafkaHelp is what the help of each command with kafkaFlags says of them.
const kafkaHelp = `Secrets are never flags. The password is read from QUITTANCE_KAFKA_PASSWORD, or from the file
that QUITTANCE_KAFKA_PASSWORD_FILE names; OAUTHBEARER's token from QUITTANCE_KAFKA_TOKEN or the
file in QUITTANCE_KAFKA_TOKEN_FILE. Files are read anew for each connection, so that what they hold
may be renewed in place.`

// onKafka reports whether the log is on a cluster. It refuses flags of a cluster beside a log that
// is not there: whoever gave them meant something else.
func (f kafkaFlags) onKafka() (bool, error) {
	if f.Log == "kafka" {
		return true, nil
	}
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"--brokers", len(f.Brokers) > 0},
		{"--topic-prefix", f.TopicPrefix != ""},
		{"--kafka-tls", f.KafkaTLS || f.tlsFiles() != kafka.TLSFiles{}},
		{"--kafka-sasl", f.KafkaSASL != ""},
		{"--kafka-user", f.KafkaUser != ""},
	} {
		if flag.given {
			return false, ofCluster(flag.name)
		}
	}
	return false, nil
}

// tlsFiles are the files and names of TLS.
func (f kafkaFlags) tlsFiles() kafka.TLSFiles {
	return kafka.TLSFiles{CA: f.KafkaCA, Certificate: f.KafkaCert, Key: f.KafkaKey,
		ServerName: f.KafkaServerName}
}

// connection returns how to reach the cluster.
func (f kafkaFlags) connection(p *program) (c kafka.Connection, err error) {
	if len(f.Brokers) == 0 {
		return c, &usageError{"a log on a cluster needs --brokers HOST:PORT,..."}
	}
	for _, b := range f.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			return c, &usageError{fmt.Sprintf("--brokers: %q is not HOST:PORT", b)}
		}
	}
	c.Brokers = f.Brokers
	if files := f.tlsFiles(); f.KafkaTLS || files != (kafka.TLSFiles{}) {
		if (files.Certificate == "") != (files.Key == "") {
			return c, &usageError{"--kafka-cert and --kafka-key come together"}
		}
		if c.TLS, err = files.Config(); err != nil {
			return c, err
		}
	}
	c.SASL, err = f.sasl(p, c.TLS != nil)
	return c, err
}

// sasl returns as whom to sign in.
func (f kafkaFlags) sasl(p *program, secured bool) (s kafka.SASL, err error) {
	s.Mechanism, s.User = kafka.Mechanism(strings.ToUpper(f.KafkaSASL)), f.KafkaUser
	variable := "QUITTANCE_KAFKA_PASSWORD"
	switch s.Mechanism {
	case "":
		if f.KafkaUser != "" {
			return s, &usageError{"--kafka-user needs --kafka-sasl, which says how to sign in"}
		}
		return s, nil
	case kafka.OAuthBearer:
		variable = "QUITTANCE_KAFKA_TOKEN"
		if f.KafkaUser != "" {
			return s, &usageError{"--kafka-user does not go with OAUTHBEARER: the token says who it is"}
		}
	case kafka.Plain, kafka.SCRAM256, kafka.SCRAM512:
		if f.KafkaUser == "" {
			return s, &usageError{fmt.Sprintf("--kafka-sasl %s needs --kafka-user", s.Mechanism)}
		}
	default:
		return s, &usageError{fmt.Sprintf("--kafka-sasl: %q is not one of %s, %s, %s, %s",
			f.KafkaSASL, kafka.Plain, kafka.SCRAM256, kafka.SCRAM512, kafka.OAuthBearer)}
	}
	shown := s.Mechanism == kafka.Plain || s.Mechanism == kafka.OAuthBearer
	if shown && !secured && !f.onLoopback() {
		return s, &usageError{fmt.Sprintf("--kafka-sasl %s without TLS would show the secret to the "+
			"network: add --kafka-tls", s.Mechanism)}
	}
	text, file := p.getenv(variable), p.getenv(variable+"_FILE")
	switch {
	case text != "":
		s.Secret = kafka.SecretText(text)
	case file != "":
		s.Secret = kafka.SecretFile(file)
	default:
		return s, &usageError{fmt.Sprintf("--kafka-sasl %s needs %s, or %s_FILE with the name of a file",
			s.Mechanism, variable, variable)}
	}
	return s, nil
}

// onLoopback reports whether every broker named is on this machine.
func (f kafkaFlags) onLoopback() bool {
	for _, b := range f.Brokers {
		host, _, _ := net.SplitHostPort(b)
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// spec returns what the cluster must have for the topics of this program. Shards and copies may be
// 0: as many as there are, or the defaults of a new log.
func (f kafkaFlags) spec(shards, replication int) (kafka.Spec, error) {
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		return kafka.Spec{}, err
	}
	return kafka.Spec{Topics: schema.Topics(), Prefix: f.TopicPrefix, Shards: shards,
		Replication: replication}, nil
}
