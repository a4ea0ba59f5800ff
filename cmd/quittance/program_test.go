package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// kills is how often TestKill kills the server.
var kills = flag.Int("kills", 2, "how often TestKill kills the server")

// update writes the golden files of this package anew.
var update = flag.Bool("update", false, "write golden files anew")

// asProgram makes this test binary the program itself: tests run it as another process.
const asProgram = "QUITTANCE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"quittance": main})
}

// TestScripts runs the scripts in testdata/script: what the commands say.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update})
}

// call runs the program in this process until it ends and returns its exit code and what it wrote.
func call(t *testing.T, environment map[string]string, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	getenv := func(name string) string { return environment[name] }
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, getenv)
	return code, stdout.String(), stderr.String()
}

// succeed is call for what must succeed. It returns standard output.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := call(t, nil, args...)
	if code != exitDone {
		t.Fatalf("quittance %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// A process is the real program, running, and what it wrote.
type process struct {
	*child
	t   *testing.T
	log *output
}

// output keeps what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps b.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// String returns all that was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// says reports whether a process writes a text. What it wrote before it answered a request may come
// after the answer.
func (p *process) says(text string) bool {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.log.String(), text) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// start runs the program as a process of its own and waits until it says where it serves. It is
// killed at the end of the test.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	t.Setenv(asProgram, "1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := &process{t: t, log: &output{}}
	var err error
	if p.child, err = startChild(ctx, p.log, args...); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	t.Cleanup(func() { _ = p.kill() }) // it may have ended before
	return p
}

// stop asks the process to stop, and fails the test when it does not do so in order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.child.stop(); err != nil {
		p.t.Errorf("stopped with %v\n%s", err, p.log)
	}
}

// serveDev starts a demo business on data in dir and returns it with its dev.json.
func serveDev(t *testing.T, dir string, args ...string) (*process, devFile) {
	t.Helper()
	p := start(t, append([]string{"serve", "--dev", "--data", dir, "--listen", "127.0.0.1:0",
		"--log-level", "warn"}, args...)...)
	d, err := readDev(filepath.Join(dir, "dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	return p, d
}

// given are the ports that steadyAddress has given to tests of this process.
var given sync.Map

// steadyAddress returns an address that stays free while its server is down. Its port lies below
// those that the system gives to outgoing connections, of which one could take it, or be connected
// to itself by who dials it; and above those of the brokers that tests start.
func steadyAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", kafkatest.HighestPort+rand.IntN(4000))
		if _, again := given.LoadOrStore(address, true); again {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("there is no free port")
	return ""
}

// TestServeSecond holds that a second process is refused the data that one has, and told by whom.
func TestServeSecond(t *testing.T) {
	dir := t.TempDir()
	p, _ := serveDev(t, dir)
	code, _, stderr := call(t, nil, "serve", "--data", dir, "--listen", "127.0.0.1:0")
	holder := fmt.Sprintf("process %d", p.cmd.Process.Pid)
	if code != exitFailed || !strings.Contains(stderr, "in use by another process") ||
		!strings.Contains(stderr, holder) {
		t.Errorf("exit code %d and %q, want %d and the holder, %s", code, stderr, exitFailed, holder)
	}
	code, _, stderr = call(t, nil, "keys", "list", "--tenant", "demo", "--data", dir)
	if code != exitFailed || !strings.Contains(stderr, "Stop that process first") {
		t.Errorf("keys: exit code %d and %q", code, stderr)
	}
	p.stop()
}

// TestServeDevTwice holds that the demo business and its keys stay the same over restarts, that
// nobody else can read them, and that lost keys are made anew.
func TestServeDevTwice(t *testing.T) {
	dir := t.TempDir()
	p, first := serveDev(t, dir)
	p.stop()
	p, second := serveDev(t, dir)
	p.stop()
	if fmt.Sprint(first.Keys) != fmt.Sprint(second.Keys) || first.Tenant != second.Tenant {
		t.Errorf("got %v after a restart, want %v", second, first)
	}
	file := filepath.Join(dir, "dev.json")
	for _, name := range []string{file, filepath.Join(dir, "secret")} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v), want 0600", name, info.Mode(), err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p, third := serveDev(t, dir)
	p.stop()
	if third.Keys[roleFinance] == first.Keys[roleFinance] {
		t.Error("a lost key is there again")
	}
	if out := succeed(t, "verify", "--data", dir); strings.Contains(out, "✗") {
		t.Error(out)
	}
}

// TestSecretLost holds that a log without its secret is refused: a new one would make every
// idempotency key that was used look like another request's.
func TestSecretLost(t *testing.T) {
	dir := t.TempDir()
	p, _ := serveDev(t, dir)
	p.stop()
	if err := os.Remove(filepath.Join(dir, "secret")); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t, nil, "serve", "--data", dir, "--listen", "127.0.0.1:0")
	if code != exitFailed || !strings.Contains(stderr, "restore it from a backup") {
		t.Errorf("exit code %d and %q", code, stderr)
	}
}

// TestKeysCommand holds that the first key of a server can be made before it is started, is stored
// as a hash only, and is revoked for ever.
func TestKeysCommand(t *testing.T) {
	dir := t.TempDir()
	text := strings.TrimSpace(succeed(t, "keys", "create", "--data", dir, "--tenant", "platform",
		"--role", "platform", "--name", "first"))
	listed := succeed(t, "keys", "list", "--tenant", "platform", "--data", dir)
	id := strings.Fields(listed)[0]
	if !strings.HasPrefix(text, "qk_platform_") || !strings.Contains(listed, "in use") {
		t.Fatalf("made %q, listed %q", text, listed)
	}
	secret := text[strings.LastIndex(text, "_")+1:]
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("the secret is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	succeed(t, "keys", "revoke", id, "--tenant", "platform", "--data", dir)
	listed = succeed(t, "keys", "list", "--tenant", "platform", "--data", dir)
	if !strings.Contains(listed, "revoked") {
		t.Errorf("after revoking: %q", listed)
	}
	code, _, _ := call(t, nil, "keys", "revoke", "key_x", "--tenant", "platform", "--data", dir)
	if code != exitFailed {
		t.Errorf("revoking what is not there: exit code %d", code)
	}
}

// TestUsage holds the exit codes: 0 for help, 2 for a command line that is wrong.
func TestUsage(t *testing.T) {
	for line, want := range map[string]int{
		"":                        exitDone,
		"--help":                  exitDone,
		"serve --help":            exitDone,
		"version":                 exitDone,
		"serve --no-such-flag":    exitUsage,
		"nothing":                 exitUsage,
		"topics show x.v1":        exitUsage,
		"verify --url http://h":   exitUsage,
		"keys create --tenant t":  exitUsage,
		"bench nothing":           exitUsage,
		"keys list --data none/x": exitUsage,
	} {
		if code, out, err := call(t, nil, strings.Fields(line)...); code != want {
			t.Errorf("quittance %s: exit code %d, want %d\n%s%s", line, code, want, out, err)
		}
	}
	environment := map[string]string{"QUITTANCE_TENANT": "t"}
	code, _, _ := call(t, environment, "keys", "list", "--data", "none/x")
	if code != exitFailed {
		t.Errorf("a flag from the environment: exit code %d", code)
	}
}
