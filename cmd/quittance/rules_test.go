package main

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestRules: a value that makes no sense must not take a guard away in silence, as a negative rate
// once did. Each is refused by name, with what to do, before anything is made.
func TestRules(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string]string{
		"serve --rate=-5":                         "or 0 for no limit",
		"serve --reserve=-1":                      "--reserve=-1 is not from 8 to",
		"serve --reserve=0":                       "leave it out for 256",
		"serve --call-timeout=-1s":                "--call-timeout=-1s is not from 100ms to 1h",
		"serve --listen 8080":                     "give one like 127.0.0.1:8080",
		"sandbox --listen h:":                     "--listen=h: is not HOST:PORT",
		"serve --shards=-1":                       "--shards=-1 is not from 0 to 16384",
		"serve --shards=100000":                   "or 0 for 16",
		"serve --sandbox-url notaurl":             "give one like http://127.0.0.1:8090",
		"serve --sandbox-url ftp://h":             "is not an http or https URL",
		"serve --sandbox --sandbox-url http://h":  "do not go together",
		"serve --advertise nope":                  "--advertise is for a log on a cluster",
		"serve --replication=99":                  "add --log kafka",
		"serve --session-timeout=1ms":             "add --log kafka",
		"serve --no-standby":                      "--standby is for a log on a cluster",
		"serve --brokers h:9092":                  "--brokers is for a log on a cluster",
		"serve --log kafka --session-timeout=1ms": "is not from 1s to 30m0s",
		"serve --log kafka --replication=-1":      "--replication=-1 is not from 0",
		"serve --log kafka --advertise nope":      "give one like http://HOST:PORT",
		"sandbox --decline=-1":                    "--decline=-1 is not from 0 to 1000",
		"sandbox --conflict 2000":                 "of a thousand cases",
		"sandbox --webhook-url nope":              "/v1/webhooks/stripe",
		"bench --duration=-1s":                    "--duration=-1s is not from",
		"bench --records=0":                       "--records=0 is not from 1",
		"bench --url nope":                        "--url=nope is not an http or https URL",
		"bench --log kafka restore":               "restore is not measured on a cluster",
		"verify --url nope":                       "--url=nope is not an http or https URL",
		"verify --url http://":                    "with a host",
		"shards --url 127.0.0.1:8080":             "give one like http://127.0.0.1:8080",
		"demo --url http://h":                     "add --dev-json",
		"demo --dev-json f --url nope":            "--url=nope is not an http or https URL",
		"verify --topic-prefix a.":                "--topic-prefix is for a log on a cluster",
		"topics check --kafka-tls":                "--kafka-tls is for a log on a cluster",
		"topics plan --log kafka --shards=-1":     "--shards=-1 is not from 0",
		"keys create --role finance --tenant NO":  "a tenant id is",
	} {
		code, out, stderr := call(t, nil, strings.Fields(line)...)
		command, _, _ := strings.Cut(line, " --")
		if code != exitUsage || !strings.Contains(stderr, want) || out != "" ||
			!strings.HasSuffix(stderr, "\nTry: quittance "+command+" --help\n") {
			t.Errorf("quittance %s: exit code %d, want %d and %q\n%s", line, code, exitUsage, want,
				out+stderr)
		}
	}
	left, err := os.ReadDir(".")
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left behind (%v)", left, err)
	}
}

// TestRulesFromEnvironment: what the environment gives is held to the same rules.
func TestRulesFromEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, stderr := call(t, map[string]string{"QUITTANCE_RATE": "-5"}, "serve")
	if code != exitUsage || !strings.Contains(stderr, "--rate=-5 is not from 0") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// TestRulesEverywhere: kong does not see the rules of what a command embeds, and Go promotes those
// of one part at most. Wherever a flag is, what makes no sense for it is refused.
func TestRulesEverywhere(t *testing.T) {
	t.Chdir(t.TempDir())
	nonsense := map[string]string{
		"url": "nope", "sandbox-url": "nope", "webhook-url": "nope", "advertise": "nope",
		"brokers": "h:9092", "topic-prefix": "a.", "kafka-tls": "true", "tenant": "NO",
		"listen": "8080",
		"shards": "-1", "replication": "-1", "reserve": "-1", "rate": "-1", "records": "-1",
		"call-timeout": "-1s", "session-timeout": "-1s", "duration": "-1s", "decline": "-1",
		"timeout": "-1", "late": "1001",
	}
	seen := map[string]bool{}
	for _, n := range commandNodes(t) {
		for _, f := range n.Flags {
			value, known := nonsense[f.Name]
			if !known {
				continue
			}
			seen[f.Name] = true
			line := append(strings.Fields(n.Path()), "--"+f.Name+"="+value)
			code, _, stderr := call(t, nil, line...)
			if code != exitUsage || !strings.Contains(stderr, "quittance: --"+f.Name) {
				t.Errorf("quittance %s: exit code %d\n%s", strings.Join(line, " "), code, stderr)
			}
		}
	}
	if len(seen) != len(nonsense) {
		t.Errorf("only %v are flags of a command", seen)
	}
}

// commandNodes returns every command and group of the program.
func commandNodes(t *testing.T) (all []*kong.Node) {
	t.Helper()
	parser, err := seeing(nil).parser()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		for _, child := range n.Children {
			all = append(all, child)
			walk(child)
		}
	}
	walk(parser.Model.Node)
	return all
}
