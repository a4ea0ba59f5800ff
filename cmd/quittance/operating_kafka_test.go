package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// An operating is what docs/operating.md says of a cluster, followed from nothing: three brokers
// that speak TLS, have everybody sign in and allow only what ACLs say, and three nodes.
type operating struct {
	t        *testing.T
	brokers  *kafkatest.Cluster
	dir      string // in the place of what lies outside of the program's own folders
	table    []string
	operator *terminal
	nodes    []*process
	keys     map[string]string // of the first business, by role
}

// accounts are those that the page has an operator make on the brokers.
var accounts = []string{"admin", "operator", "one", "two", "three", "reports", "mover"}

// machines are the nodes' names.
var machines = []string{"one", "two", "three"}

// newOperating starts the brokers, with the accounts, and lays the files that the page names.
func newOperating(t *testing.T) *operating {
	t.Helper()
	kafkatest.Require(t)
	kafkatest.Programs(t, "bash", "curl")
	o := &operating{t: t, dir: t.TempDir()}
	o.brokers = o.cluster(3, "ca.pem")
	b := o.brokers.Addrs()
	o.table = []string{"B1:9092", b[0], "B2:9092", b[1], "B3:9092", b[2], "OLD:9092", b[0],
		"/etc/quittance", o.dir, "--shards 16", "--shards 4"}
	for i := range machines {
		o.table = append(o.table, fmt.Sprintf("10.0.0.%d:8080", i+1), steadyAddress(t))
	}
	bin := filepath.Join(o.dir, "bin")
	self, err := os.Executable()
	if err == nil {
		err = errors.Join(os.Mkdir(bin, 0o700), os.Symlink(self, filepath.Join(bin, "quittance")))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv(asProgram, "1")
	o.operator = newTerminal(t, o.dir, "yes\n")
	return o
}

// cluster starts brokers, with the accounts, and lays what clients trust them by.
func (o *operating) cluster(brokers int, authority string) *kafkatest.Cluster {
	o.t.Helper()
	c := kafkatest.Start(o.t, kafkatest.Options{Brokers: brokers, SASL: true, TLS: true,
		Authorizer: true, Steady: brokers == 1})
	o.lay(authority, string(c.AuthorityPEM()))
	for _, name := range accounts {
		c.AddUser(name, passwordOf(name))
		o.lay(name+".password", passwordOf(name)+"\n")
	}
	return c
}

// passwordOf is an account's password.
func passwordOf(account string) string { return "correct horse of " + account }

// lay writes a file.
func (o *operating) lay(name, text string) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// blocks returns the commands of a part of the page, as many as the test knows what to do with.
func (o *operating) blocks(heading string, want int) []string {
	o.t.Helper()
	all := commandsOf(o.t, "../../docs/operating.md", "## On a cluster", "### "+heading)
	if len(all) != want {
		o.t.Fatalf("%q of the page has %d blocks of commands, want %d", heading, len(all), want)
	}
	return all
}

// on returns a block with what the page has placeholders for, on a machine with its own folder.
func (o *operating) on(machine, block string, more ...string) string {
	text := strings.NewReplacer(append(more, o.table...)...).Replace(block)
	return regexp.MustCompile(`\bDIR\b`).ReplaceAllLiteralString(text, filepath.Join(o.dir, machine))
}

// paste runs a block on the operator's machine and holds that it shows all of these, in this order.
func (o *operating) paste(block string, wants ...string) string {
	o.t.Helper()
	out := o.operator.paste(o.on("desk", block))
	rest := out
	for _, want := range wants {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			o.t.Fatalf("the page does not show %q, at least not where it should, but\n%s", want, out)
		}
		rest = after
	}
	if strings.Contains(out, "✗") {
		o.t.Errorf("the page shows\n%s", out)
	}
	return out
}

// serve starts a node by the block that the page has for it.
func (o *operating) serve(n int, block string, more ...string) *process {
	o.t.Helper()
	name := machines[n]
	block = regexp.MustCompile(`\bone\b`).ReplaceAllLiteralString(block, name)
	block = strings.ReplaceAll(block, "10.0.0.1", fmt.Sprintf("10.0.0.%d", n+1))
	// A supervisor has the program's own process, and not that of a shell.
	block = strings.Replace(block, "\nquittance serve ", "\nexec quittance serve ", 1)
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	p := &process{t: o.t, log: &output{}}
	shell := exec.Command("bash", "-eu", "-c", o.on(name, block, more...))
	var err error
	if p.child, err = followChild(ctx, p.log, shell); err != nil {
		o.t.Fatalf("%v\n%s", err, p.log)
	}
	o.t.Cleanup(func() { _ = p.kill() }) // it may have ended before
	return p
}

// setUp follows the page to three nodes and a first business.
func (o *operating) setUp() (node string) {
	blocks := o.blocks("Set up", 4)
	o.paste(blocks[0], "31 topics to make", "User:three WRITE on TRANSACTIONAL_ID", "Do this?",
		"done\n", "is fit to keep the log: 31 topics, 4 shards", "role platform")
	for n, name := range machines {
		secret, err := os.ReadFile(filepath.Join(o.dir, "desk", "secret"))
		if err == nil {
			err = os.Mkdir(filepath.Join(o.dir, name), 0o700)
		}
		if err != nil {
			o.t.Fatal(err)
		}
		o.lay(filepath.Join(name, "secret"), string(secret))
		o.nodes = append(o.nodes, o.serve(n, blocks[1]))
	}
	out := o.paste(blocks[2], `{"status":"ready"}`, "\nshard", "serving",
		"✓ the store is what the log says", `"keys":[`)
	var made struct {
		Keys []struct{ Role, Secret string }
	}
	if err := json.Unmarshal([]byte(out[strings.LastIndex(out, "\n{"):]), &made); err != nil {
		o.t.Fatal(err)
	}
	o.keys = map[string]string{}
	for _, k := range made.Keys {
		o.keys[k.Role] = k.Secret
	}
	o.paste(blocks[3])
	if text, err := os.ReadFile(filepath.Join(o.dir, "quittance.tf")); err != nil ||
		!strings.Contains(string(text), `resource "confluent_kafka_acl" "copy_topic_write"`) {
		o.t.Errorf("Terraform is given %s, %v", text, err)
	}
	return blocks[1]
}

// post posts a transaction once, by a node that is asked until it answers, and returns whether it
// had been answered before.
func (o *operating) post(p *process, key string) (replayed bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	c := &client{url: p.url, key: o.keys[roleTradesperson], http: newHTTPClient()}
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		_, replayed, err := c.repeat(ctx, "/v1/transactions", key,
			posting("cash:till", "sales:"+key, "12.34"))
		var refused *problem
		if err == nil {
			return replayed
		}
		if errors.As(err, &refused) && refused.Status != 503 {
			o.t.Fatalf("%s: %v", key, err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			o.t.Fatalf("%s: %v\n%s", key, err, p.log)
		}
	}
}

// follow replays the journal by the page's command, until what was posted has come.
func (o *operating) follow() {
	o.t.Helper()
	block := o.blocks("Pass on to others", 1)[0]
	block = strings.Replace(block, "\nquittance topics ", "\nexec quittance topics ", 1)
	shell := exec.Command("bash", "-eu", "-c", o.on("desk", block))
	said := &output{}
	shell.Dir, shell.Stdout, shell.Stderr = o.dir, said, said
	if err := shell.Start(); err != nil {
		o.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- shell.Wait() }()
	o.post(o.nodes[0], "followed")
	came, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		text, err := os.ReadFile(filepath.Join(o.dir, "journal.jsonl"))
		if err == nil && strings.Contains(string(text), "sales:followed") {
			break
		}
		select {
		case <-look.C:
			continue
		case err := <-ended:
			o.t.Fatalf("the replay ended with %v\n%s", err, said)
		case <-came.Done():
			o.t.Errorf("what was posted does not come, but %v, %s\n%s", err, text, said)
		}
		break
	}
	if err := shell.Process.Signal(os.Interrupt); err != nil {
		o.t.Fatal(err)
	}
	if err := <-ended; err != nil {
		o.t.Errorf("the replay ended with %v\n%s", err, said)
	}
}

// as returns a client of the brokers that signs in as one of the accounts.
func (o *operating) as(account string) *kgo.Client {
	o.t.Helper()
	auth := scram.Auth{User: account, Pass: passwordOf(account)}
	client, err := kgo.NewClient(kgo.SeedBrokers(o.brokers.Addrs()...),
		kgo.DialTLSConfig(o.brokers.ClientTLS()), kgo.SASL(auth.AsSha512Mechanism()),
		kgo.DisableIdempotentWrite())
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(client.Close)
	return client
}

// refused holds that accounts may do no more than their roles: who reads cannot write, and a node
// can neither change how a topic is kept nor give itself the right to.
func (o *operating) refused() {
	o.t.Helper()
	const journal = "quittance.journal.v1"
	record := &kgo.Record{Topic: journal, Value: []byte("forged")}
	err := o.as("reports").ProduceSync(o.t.Context(), record).FirstErr()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		o.t.Errorf("a reader that writes got %v, want %v", err, kerr.TopicAuthorizationFailed)
	}
	node := kadm.NewClient(o.as("one"))
	altered, err := node.AlterTopicConfigs(o.t.Context(), []kadm.AlterConfig{
		{Name: "retention.ms", Value: new("1000")}}, journal)
	if err != nil || len(altered) != 1 || !errors.Is(altered[0].Err, kerr.TopicAuthorizationFailed) {
		o.t.Errorf("a node that alters a topic got %v, %v, want %v", altered, err,
			kerr.TopicAuthorizationFailed)
	}
	rule := kadm.NewACLs().Allow("User:one").AllowHosts("*").Topics(journal).
		Operations(kadm.OpAlterConfigs).ResourcePatternType(kadm.ACLPatternLiteral)
	given, err := node.CreateACLs(o.t.Context(), rule)
	if err != nil || len(given) != 1 || !errors.Is(given[0].Err, kerr.ClusterAuthorizationFailed) {
		o.t.Errorf("a node that gives itself a right got %v, %v, want %v", given, err,
			kerr.ClusterAuthorizationFailed)
	}
	// It waited for ever, where nothing but another account would help.
	o.paste("(as reports; quittance keys create --data DIR --tenant acme --role finance) && exit 9",
		"AUTHORIZATION_FAILED")
	// Beside nodes, who may claim shards is told where to ask, and the brokers say who has them.
	o.paste("(as one; quittance keys list --data DIR --tenant acme) && exit 9",
		"3 nodes serve that log, at http://", "/v1/keys")
	o.paste("(as mover; quittance shards)", "assigned", "nodes in the group: 3")
}

// upgrade replaces one node after the other, as the page says, while another is asked.
func (o *operating) upgrade(node string) {
	o.t.Helper()
	wait := o.blocks("Upgrade", 1)[0]
	for n, name := range machines {
		o.nodes[n].stop()
		o.post(o.nodes[(n+1)%len(machines)], "without-"+name)
		o.nodes[n] = o.serve(n, node)
		o.paste(strings.ReplaceAll(wait, "10.0.0.1", fmt.Sprintf("10.0.0.%d", n+1)),
			`{"status":"ready"}`, "serving")
	}
}

// loseBroker kills one broker of three and brings it back, and holds that every node answers
// without it.
func (o *operating) loseBroker() {
	o.t.Helper()
	o.brokers.Kill(1)
	for n, name := range machines {
		o.post(o.nodes[n], "two-brokers-"+name)
	}
	o.paste(o.blocks("Upgrade", 1)[0], "serving")
	o.brokers.Restart(1)
	o.post(o.nodes[0], "three-brokers")
}

// migrate moves the log to another cluster, and holds that a node there knows what was answered
// here, and that none starts here any more.
func (o *operating) migrate(node string) {
	o.t.Helper()
	there := o.cluster(1, "new-ca.pem").Addrs()[0]
	o.table = append(o.table, "NEW:9092", there)
	blocks := o.blocks("Migrate", 2)
	o.paste(blocks[0], "\ndone\n", "copied ", "stop its servers and copy again")
	o.post(o.nodes[2], "while-copied")
	for _, p := range o.nodes {
		p.stop()
	}
	o.paste(blocks[1], "copied ", "marked as moved to kafka:"+there, "✓ quittance.journal.v1")
	secret, err := os.ReadFile(filepath.Join(o.dir, "desk", "secret"))
	if err == nil {
		err = os.Mkdir(filepath.Join(o.dir, "new"), 0o700)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	o.lay("new/secret", string(secret))
	p := o.serve(0, node, "B1:9092,B2:9092,B3:9092", there, "/ca.pem", "/new-ca.pem",
		"--data DIR", "--data "+filepath.Join(o.dir, "new"))
	for _, key := range []string{"without-two", "while-copied"} {
		if !o.post(p, key) {
			o.t.Errorf("%s was answered before, and the new log does not know", key)
		}
	}
	p.stop()
	out, err := exec.Command("bash", "-eu", "-c", o.on("one", node)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "moved to kafka:"+there) {
		o.t.Errorf("a node on the log that has moved: %v\n%s", err, out)
	}
}

// TestKafkaOperating follows docs/operating.md on brokers as they are in earnest, by its commands
// as written: they were only ever tried on one broker that let everybody in, and what they lack
// with TLS and passwords would be found by an operator. What it replaces is in newOperating:
// addresses, the folder of files, and four shards for sixteen.
func TestKafkaOperating(t *testing.T) {
	o := newOperating(t)
	node := o.setUp()
	o.follow()
	o.refused()
	o.upgrade(node)
	o.loseBroker()
	o.migrate(node)
	for _, p := range o.nodes {
		if strings.Contains(p.log.String(), passwordOf("one")) {
			t.Errorf("a password is in what a node wrote:\n%s", p.log)
		}
	}
}
