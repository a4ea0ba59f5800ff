package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// A tour is a section of the README, done in a folder of its own in place of the repository's.
type tour struct {
	t    *testing.T
	dir  string
	bash string // the section's blocks of commands, as one
}

// newTour builds the program where the README has it, and reads a section.
func newTour(t *testing.T, heading string) *tour {
	t.Helper()
	kafkatest.Programs(t, "bash", "curl")
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatalf("the README has no section %s", heading)
	}
	r := &tour{t: t, dir: t.TempDir()}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```")
	for _, block := range blocks.FindAllStringSubmatch(section, -1) {
		if !strings.HasPrefix(block[1], "make ") { // the test is in the place of that terminal
			r.bash += block[1]
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(r.dir, "bin", "quittance"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
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

// run pastes all of it into a shell and returns what that shows.
func (r *tour) run(limit time.Duration) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", r.bash)
	shell.Dir = r.dir
	out, err := shell.CombinedOutput()
	if err != nil || ctx.Err() != nil {
		r.t.Errorf("bash ended with %v (%v)", err, ctx.Err())
	}
	return string(out)
}

// TestTour runs the README's ten minutes, pasted at once, against the program as it is built: they
// are the first thing that anybody does with it, and once they showed a payment still processing
// and an account that was not there yet.
func TestTour(t *testing.T) {
	r := newTour(t, "Ten minutes")
	server := r.serve()
	r.elsewhere("http://127.0.0.1:8080", server.url)
	out := r.run(2 * time.Minute)
	server.stop()
	r.shows(out,
		`"code":"TOUR"`, `"status":"accepted"`, `"payable":"239.47"`,
		`"status":"open","quote":`, `"amount_due":"239.47"`,
		`"status":"succeeded","currency":"EUR","amount":"239.47","amount_received":"239.47"`,
		`{"id":"clearing:stripe","balances":[{"account":"clearing:stripe","currency":"EUR"`,
		`"status":"settled","currency":"EUR","amount":"239.47"`,
		"\nsettled,auto,charge,", "\ntotal,,,,,,,,EUR,239.47,",
		"✓ the journal's chain holds", "✓ debits equal credits", "✓ the store is what the log says",
		`{"id":"cash:till","balances":[{"account":"cash:till","currency":"EUR","balance":"12.34"`,
	)
	if t.Failed() {
		t.Log(out, server.log)
	}
}

// shows holds that all of these are shown, in this order, and nothing is found wrong.
func (r *tour) shows(out string, wants ...string) {
	r.t.Helper()
	if strings.Contains(out, "✗") || strings.Contains(out, "/problems/") {
		r.t.Error("the tour shows that something is wrong")
	}
	for _, want := range wants {
		at := strings.Index(out, want)
		if at < 0 {
			r.t.Errorf("the tour does not show %q, at least not where it should", want)
			continue
		}
		out = out[at+1:]
	}
}
