package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// A tour is what the README has a reader do, in a folder that stands for the repository's.
type tour struct {
	t    *testing.T
	dir  string
	bash string // the section's blocks of commands, as one
}

// newTour builds the program where the README has it.
func newTour(t *testing.T) *tour {
	t.Helper()
	kafkatest.Programs(t, "bash", "curl")
	r := &tour{t: t, dir: t.TempDir()}
	build := exec.Command("go", "build", "-o", filepath.Join(r.dir, "bin", "quittance"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

// blocks returns the commands of a section of the README, without those of make: the test is in the
// place of the terminals in which they run.
func (r *tour) blocks(heading string) (blocks []string) {
	r.t.Helper()
	for _, block := range commandsOf(r.t, "../../README.md", "## "+heading) {
		if !strings.HasPrefix(block, "make ") {
			blocks = append(blocks, block)
		}
	}
	if len(blocks) < 3 {
		r.t.Fatalf("%q of the README has %d blocks of commands", heading, len(blocks))
	}
	return blocks
}

// commandsOf returns the blocks of commands of a page's section, which is named by the headings
// that lead to it, and ends where another one of its level begins.
func commandsOf(t *testing.T, page string, headings ...string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	section := string(text)
	for _, heading := range headings {
		level, _, _ := strings.Cut(heading, " ")
		_, section, _ = strings.Cut(section, "\n"+heading+"\n")
		section, _, _ = strings.Cut(section, "\n"+level+" ")
	}
	fenced := regexp.MustCompile("(?ms)^```sh\n(.*?)^```")
	for _, block := range fenced.FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}

// serve serves a demo business on a free port, as make run does.
func (r *tour) serve() *process {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	command := exec.Command("bin/quittance", "serve", "--dev", "--data", "var/dev",
		"--listen", "127.0.0.1:0")
	command.Dir = r.dir
	p := &process{t: r.t, log: &output{}}
	var err error
	if p.child, err = followChild(ctx, p.log, command); err != nil {
		r.t.Fatalf("%v\n%s", err, p.log)
	}
	r.t.Cleanup(func() { _ = p.kill() }) // it may have ended before
	return p
}

// elsewhere replaces an address that the README has.
func (r *tour) elsewhere(address, by string) {
	r.t.Helper()
	if !strings.Contains(r.bash, address) {
		r.t.Fatalf("the README does not say %s", address)
	}
	r.bash = strings.ReplaceAll(r.bash, address, by)
}

// run pastes all of it into a shell and returns what that shows. Nothing that it starts outlives
// it.
func (r *tour) run(limit time.Duration) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", r.bash)
	shell.Dir = r.dir
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	out, err := shell.CombinedOutput()
	if err != nil || ctx.Err() != nil {
		r.t.Errorf("bash ended with %v (%v)", err, ctx.Err())
	}
	if err := shell.Cancel(); !errors.Is(err, syscall.ESRCH) {
		r.t.Errorf("what the README starts is not ended by it (%v)", err)
	}
	return string(out)
}

// shows holds that all of these are shown, in this order, and nothing is found wrong.
func (r *tour) shows(out string, wants ...string) {
	r.t.Helper()
	rest := out
	for _, want := range wants {
		at := strings.Index(rest, want)
		if at < 0 {
			r.t.Errorf("the tour does not show %q, at least not where it should", want)
			continue
		}
		rest = rest[at+1:]
	}
	if strings.Contains(out, "✗") || r.t.Failed() {
		r.t.Errorf("the tour shows\n%s", out)
	}
}

// TestTour runs the README's ten minutes, pasted at once, against the program as it is built: they
// are the first thing that anybody does with it, and once they showed a payment still processing
// and an account that was not there yet.
func TestTour(t *testing.T) {
	r := newTour(t)
	r.bash = strings.Join(r.blocks("Ten minutes"), "")
	server := r.serve()
	r.elsewhere("http://127.0.0.1:8080", server.url)
	out := r.run(5 * time.Minute)
	server.stop()
	r.shows(out,
		`"code":"TOUR"`, `"status":"accepted"`, `"payable":"239.47"`,
		`"status":"open","quote":`, `"amount_due":"239.47"`,
		`"status":"succeeded","currency":"EUR","amount":"239.47","amount_received":"239.47"`,
		`{"id":"clearing:stripe","balances":[{"account":"clearing:stripe","currency":"EUR"`,
		`"status":"settled","currency":"EUR","amount":"239.47"`,
		"\nsettled,auto,charge,", "\ntotal,,,,,,,,EUR,239.47,",
		"✓ the journal's chain holds", "✓ debits equal credits", "✓ the store is what the log says",
		`{"id":"cash:till","balances":[{"account":"cash:till","currency":"EUR","balance":"12.34"`)
	if strings.Contains(out, "/problems/") {
		t.Errorf("the tour is refused something:\n%s", out)
	}
}

// TestKafkaTour runs the README's way from one machine to a cluster and back, pasted at once: from
// the demo business to two nodes, of which one is killed. Whoever follows it has real records.
func TestKafkaTour(t *testing.T) {
	kafkatest.Require(t)
	r := newTour(t)
	r.serve().stop()
	r.bash = r.blocks("Ten minutes")[0] + strings.Join(r.blocks("From one machine to a cluster"), "")
	one, sandbox := steadyAddress(t), steadyAddress(t)
	r.elsewhere("--node one", "--node one --listen "+one)
	r.elsewhere("quittance sandbox", "quittance sandbox --listen "+sandbox)
	r.elsewhere("127.0.0.1:8080", one)
	r.elsewhere("127.0.0.1:8081", steadyAddress(t))
	r.elsewhere("127.0.0.1:8090", sandbox)
	brokers := kafkatest.Start(t, kafkatest.Options{Steady: true})
	r.elsewhere("127.0.0.1:9092", brokers.Addrs()[0])
	out := r.run(8 * time.Minute)
	r.shows(out,
		"31 topics to make", "\ndone\n", "\ncopied ", "✓ quittance.accounts.v1",
		"✓ the journal's chain holds in kafka:", `{"status":"ready"}`, "\nshard  status ",
		`{"id":"txn_`, `{"id":"txn_`, "real", "15     serving  ",
		"✓ the store is what the log says: shards 0, 1,",
		"\ncopied ", "secret:   copied to var/back/secret",
		"✓ the store is what the log says")
	if !strings.Contains(out, "serving  one  ") || !strings.Contains(out, "serving  two  ") {
		t.Error("the nodes do not share the shards")
	}
	posted := regexp.MustCompile(`"id":"txn_[0-9]+"`).FindAllString(out, -1)
	if len(posted) != 2 || posted[0] != posted[1] {
		t.Errorf("posted %v, want one transaction, answered twice", posted)
	}
}
