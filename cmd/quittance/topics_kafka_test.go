package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// startFake starts a model of a cluster and returns its brokers as --brokers wants them.
func startFake(t *testing.T, o ...kfake.Opt) string {
	t.Helper()
	c, err := kfake.NewCluster(o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return strings.Join(c.ListenAddrs(), ",")
}

// TestTopicsKafka: a plan changes nothing, an apply nothing but what it showed and was told yes to,
// and check says of what somebody changed since how to mend it.
func TestTopicsKafka(t *testing.T) {
	brokers := startFake(t, kfake.NumBrokers(3))
	environment := map[string]string{"QUITTANCE_LOG": "kafka", "QUITTANCE_BROKERS": brokers}
	for range 2 {
		code, out, stderr := call(t, environment, "topics", "plan", "--shards", "4")
		if code != exitDone || !strings.Contains(out, "+ topic quittance.journal.v1") ||
			!strings.Contains(out, "each of 4 partitions, 3 copies") {
			t.Fatalf("plan: exit code %d\n%s%s", code, out, stderr)
		}
	}
	code, out, stderr := call(t, environment, "topics", "apply", "--shards", "4")
	if code != exitFailed || !strings.Contains(stderr, "nothing was changed") {
		t.Fatalf("apply without an answer: exit code %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr = call(t, environment, "topics", "check"); code != exitFailed ||
		!strings.Contains(stderr, "quittance topics apply --log kafka --brokers "+brokers) {
		t.Fatalf("check before apply: exit code %d\n%s%s", code, out, stderr)
	}
	var answered, complained bytes.Buffer
	args := []string{"topics", "apply", "--log", "kafka", "--brokers", brokers, "--shards", "4"}
	code = run(t.Context(), args, strings.NewReader("yes\n"), &answered, &complained,
		seeing(nil).getenv)
	if code != exitDone || !strings.HasSuffix(answered.String(), "done\n") {
		t.Fatalf("apply: exit code %d\n%s%s", code, &answered, &complained)
	}
	if code, out, stderr = call(t, environment, "topics", "apply"); code != exitDone ||
		!strings.Contains(out, "nothing to do") {
		t.Errorf("apply again: exit code %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr = call(t, environment, "topics", "check"); code != exitDone ||
		!strings.Contains(out, "4 shards") {
		t.Errorf("check: exit code %d\n%s%s", code, out, stderr)
	}
	spoil(t, brokers)
	if code, out, stderr = call(t, environment, "topics", "check"); code != exitFailed ||
		!strings.Contains(stderr, "--add-config retention.ms=-1") {
		t.Errorf("check of a spoilt topic: exit code %d\n%s%s", code, out, stderr)
	}
	code, out, stderr = call(t, environment, "topics", "apply", "--yes")
	if code != exitDone || !strings.Contains(out, "retention.ms=1000 -> -1") {
		t.Errorf("apply to a spoilt topic: exit code %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr = call(t, environment, "topics", "check"); code != exitDone {
		t.Errorf("check of what was mended: exit code %d\n%s%s", code, out, stderr)
	}
}

// TestServeSessionRefused: a session timeout that the brokers refuse was told in their words,
// without the flag, after the topics had been made with a number of shards for ever.
func TestServeSessionRefused(t *testing.T) {
	brokers := startFake(t, kfake.NumBrokers(1))
	environment := map[string]string{"QUITTANCE_LOG": "kafka", "QUITTANCE_BROKERS": brokers}
	code, out, stderr := call(t, environment, "serve", "--data", t.TempDir(), "--listen",
		"127.0.0.1:0", "--session-timeout", "1s")
	if code != exitUsage || !strings.Contains(stderr, "--session-timeout: the brokers take none") {
		t.Errorf("exit code %d\n%s%s", code, out, stderr)
	}
	_, out, _ = call(t, environment, "topics", "plan")
	if !strings.Contains(out, "31 topics to make") {
		t.Errorf("topics were made:\n%s", out)
	}
}

// spoil makes a cluster forget the journal after a second.
func spoil(t *testing.T, brokers string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	_, err = kadm.NewClient(cl).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{
		{Name: "retention.ms", Value: new("1000")}}, "quittance.journal.v1")
	if err != nil {
		t.Fatal(err)
	}
}

// TestTopicsKafkaRoles: the roles of processes are planned beside the topics, done, and not planned
// again.
func TestTopicsKafkaRoles(t *testing.T) {
	brokers := startFake(t, kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("SCRAM-SHA-512", "admin", "correct horse"))
	environment := map[string]string{"QUITTANCE_KAFKA_PASSWORD": "correct horse"}
	args := []string{"--log", "kafka", "--brokers", brokers, "--topic-prefix", "acme.",
		"--kafka-sasl", "scram-sha-512", "--kafka-user", "admin",
		"--role", "serve=User:quittance,reader=User:reports"}
	code, out, stderr := call(t, environment, append([]string{"topics", "apply", "--yes"}, args...)...)
	if code != exitDone || !strings.Contains(out,
		"+ allow User:quittance WRITE on TRANSACTIONAL_ID acme.quittance-shard-*") ||
		!strings.Contains(out, "+ allow User:reports READ on TOPIC acme.quittance.*") ||
		strings.Contains(out, "User:reports WRITE") {
		t.Fatalf("exit code %d\n%s%s", code, out, stderr)
	}
	code, out, stderr = call(t, environment, append([]string{"topics", "plan"}, args...)...)
	if code != exitDone || !strings.Contains(out, "nothing to do") {
		t.Errorf("exit code %d\n%s%s", code, out, stderr)
	}
	environment["QUITTANCE_KAFKA_PASSWORD"] = "battery staple"
	code, out, stderr = call(t, environment, append([]string{"topics", "plan"}, args...)...)
	if code != exitFailed || strings.Contains(out+stderr, "battery") {
		t.Errorf("a wrong password: exit code %d\n%s%s", code, out, stderr)
	}
}

// TestTopicsKafkaMisused: what was not asked for properly ends with the code for that, before
// anything is reached.
func TestTopicsKafkaMisused(t *testing.T) {
	for want, args := range map[string][]string{
		"add --log kafka":       {"topics", "plan"},
		"--brokers":             {"topics", "apply", "--log", "kafka"},
		"is for a log on a":     {"topics", "check", "--brokers", "127.0.0.1:9092"},
		"one of the roles":      {"topics", "plan", "--terraform", "--role", "cook=User:quittance"},
		"they read as User:":    {"topics", "plan", "--terraform", "--role", "serve=quittance"},
		"stand before the name": {"topics", "plan", "--terraform", "--topic-prefix", "a b"},
	} {
		code, out, stderr := call(t, nil, args...)
		if code == exitDone || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, stderr)
		}
	}
}

// TestTopicsKafkaTerraform: every topic of this program is in what operators keep.
func TestTopicsKafkaTerraform(t *testing.T) {
	out := succeed(t, "topics", "plan", "--terraform", "--role", "serve=User:quittance")
	for _, want := range []string{`"quittance.journal.v1"`, `"quittance.shards.v1"`,
		`resource "confluent_kafka_acl" "serve_topic_read"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "sandbox") {
		t.Errorf("the provider's own topic is not this log's:\n%s", out)
	}
}

// TestKafkaSecured goes the way of an operator whose brokers speak TLS, want everybody to sign in
// and allow only what ACLs say: the topics and roles are applied, and a server with the role of
// serving alone serves a whole business on them. The password is in nothing that is written.
func TestKafkaSecured(t *testing.T) {
	const secret = "correct horse"
	brokers := kafkatest.Start(t, kafkatest.Options{SASL: true, TLS: true, Authorizer: true,
		Steady: true, Users: map[string]string{"operator": secret}})
	brokers.AddUser("quittance", secret)
	dir := t.TempDir()
	ca, password := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "password")
	for name, text := range map[string]string{ca: string(brokers.AuthorityPEM()), password: secret} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	as := func(user, mechanism string, args ...string) []string {
		return append(args, "--log", "kafka", "--brokers", strings.Join(brokers.Addrs(), ","),
			"--kafka-ca", ca, "--kafka-sasl", mechanism, "--kafka-user", user)
	}
	for _, step := range []struct{ user, password, want string }{
		{kafkatest.AdminUser, brokers.AdminPassword(), "\ndone\n"},
		{"operator", secret, "nothing to do"},
	} {
		environment := map[string]string{"QUITTANCE_KAFKA_PASSWORD": step.password}
		code, out, stderr := call(t, environment, as(step.user, "PLAIN", "topics", "apply", "--yes",
			"--shards", "2", "--role", "serve=User:quittance,operate=User:operator")...)
		if code != exitDone || !strings.Contains(out, step.want) {
			t.Fatalf("apply by %s: exit code %d\n%s%s", step.user, code, out, stderr)
		}
	}
	t.Setenv("QUITTANCE_KAFKA_PASSWORD_FILE", password)
	data := filepath.Join(dir, "data")
	p, _ := serveDev(t, data, as("quittance", "SCRAM-SHA-512", "--create-topics=false",
		"--shards", "2")...)
	succeed(t, "verify", "--dev-json", filepath.Join(data, "dev.json"))
	p.stop()
	if strings.Contains(p.log.String(), secret) {
		t.Errorf("the password is in what the server wrote:\n%s", p.log)
	}
}
