package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seeing returns a program with an environment and nothing else.
func seeing(environment map[string]string) *program {
	return &program{getenv: func(name string) string { return environment[name] }}
}

// TestKafkaFlagsRefused: flags that do not go together are told at once and by name; the
// alternative is a process that signs in as nobody, or writes somewhere else than was meant.
func TestKafkaFlagsRefused(t *testing.T) {
	far := []string{"kafka.example:9092"}
	for _, c := range []struct {
		flags kafkaFlags
		want  string
	}{
		{kafkaFlags{}, "--brokers"},
		{kafkaFlags{Brokers: []string{"kafka.example"}}, "HOST:PORT"},
		{kafkaFlags{Brokers: []string{":9092"}}, "HOST:PORT"},
		{kafkaFlags{Brokers: far, KafkaCert: "cert.pem"}, "come together"},
		{kafkaFlags{Brokers: far, KafkaUser: "quittance"}, "--kafka-sasl"},
		{kafkaFlags{Brokers: far, KafkaSASL: "SCRAM-SHA-512"}, "--kafka-user"},
		{kafkaFlags{Brokers: far, KafkaSASL: "GSSAPI", KafkaUser: "quittance"}, "not one of PLAIN"},
		{kafkaFlags{Brokers: far, KafkaSASL: "PLAIN", KafkaUser: "quittance"}, "--kafka-tls"},
		{kafkaFlags{Brokers: far, KafkaSASL: "OAUTHBEARER"}, "--kafka-tls"},
		{kafkaFlags{Brokers: far, KafkaSASL: "OAUTHBEARER", KafkaUser: "quittance"}, "the token says"},
		{kafkaFlags{Brokers: far, KafkaSASL: "SCRAM-SHA-256", KafkaUser: "quittance"},
			"QUITTANCE_KAFKA_PASSWORD_FILE"},
		{kafkaFlags{Brokers: far, KafkaSASL: "OAUTHBEARER", KafkaTLS: true}, "QUITTANCE_KAFKA_TOKEN"},
	} {
		_, err := c.flags.connection(seeing(nil))
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want one that names %q", c.flags, err, c.want)
		}
	}
}

// TestKafkaFlagsBesideLocal: whoever names brokers and forgets --log kafka must not be served from
// an embedded log instead.
func TestKafkaFlagsBesideLocal(t *testing.T) {
	for _, f := range []kafkaFlags{
		{Brokers: []string{"kafka.example:9092"}}, {TopicPrefix: "a."}, {KafkaTLS: true},
		{KafkaCA: "ca.pem"}, {KafkaSASL: "PLAIN"}, {KafkaUser: "quittance"},
	} {
		f.Log = "local"
		var usage *usageError
		if on, err := f.onKafka(); on || !errors.As(err, &usage) {
			t.Errorf("%+v: got %v, %v", f, on, err)
		}
		f.Log = "kafka"
		if on, err := f.onKafka(); !on || err != nil {
			t.Errorf("%+v: got %v, %v", f, on, err)
		}
	}
	if on, err := (kafkaFlags{Log: "local"}).onKafka(); on || err != nil {
		t.Errorf("no flags: got %v, %v", on, err)
	}
}

// TestKafkaFlagsSecret: the secret comes from the environment or a file, and printing what it
// ended up in shows it in neither case.
func TestKafkaFlagsSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := kafkaFlags{Brokers: []string{"127.0.0.1:9092", "localhost:9093"}, KafkaSASL: "plain",
		KafkaUser: "quittance"}
	for _, environment := range []map[string]string{
		{"QUITTANCE_KAFKA_PASSWORD": "correct horse"},
		{"QUITTANCE_KAFKA_PASSWORD_FILE": file},
	} {
		c, err := f.connection(seeing(environment))
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "horse") {
			t.Errorf("the password is printed: %s", text)
		}
		if c.SASL.Mechanism != "PLAIN" || c.SASL.User != "quittance" {
			t.Errorf("got %s as %s", c.SASL.Mechanism, c.SASL.User)
		}
	}
}
