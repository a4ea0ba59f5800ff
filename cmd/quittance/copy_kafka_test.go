package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// TestKafkaCopy takes a business from one machine to a cluster, serves it there, takes it on to
// another log of the cluster and back to one machine, and holds that each is the same and that
// none does again what was done before.
func TestKafkaCopy(t *testing.T) {
	cluster := kafkatest.Start(t, kafkatest.Options{Steady: true})
	brokers := strings.Join(cluster.Addrs(), ",")
	at := func(prefix string) string { return "kafka:" + brokers + "?prefix=" + prefix }
	from, node, back := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "back")
	done := copiedBusiness(t, from, "--shards", "4")
	copied := func(from, to string, args ...string) {
		t.Helper()
		args = append([]string{"copy", "--from", from, "--to", to}, args...)
		if out := succeed(t, args...); !strings.Contains(out, "copied ") {
			t.Error(out)
		}
		if out := succeed(t, "verify", "--compare", from, to); strings.Contains(out, "✗") {
			t.Errorf("%s and %s\n%s", from, to, out)
		}
	}
	copied("local:"+from, at("one-"))
	copied("local:"+from, at("one-")) // nothing is left to do

	on := func(prefix string) []string {
		return []string{"serve", "--log", "kafka", "--brokers", brokers, "--topic-prefix", prefix,
			"--listen", "127.0.0.1:0", "--data"}
	}
	refused(t, "moved to "+at("one-"), "serve", "--listen", "127.0.0.1:0", "--data", from)
	onlyWithSecret(t, on("one-"))
	secret, err := os.ReadFile(filepath.Join(from, "secret"))
	if err == nil {
		err = os.WriteFile(filepath.Join(node, "secret"), secret, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	sameKeys(t, from, node)
	p, d := serveDev(t, node, "--log", "kafka", "--brokers", brokers, "--topic-prefix", "one-",
		"--shards", "4")
	askAgain(t, d, done)
	for line, want := range map[string]string{
		"--from " + at("one-") + " --to " + at("two-"): "--from: 1 node serves that log",
		"--from local:" + from + " --to " + at("one-"): "--to: 1 node serves that log",
	} {
		code, _, stderr := call(t, nil, append([]string{"copy"}, strings.Fields(line)...)...)
		if code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("copy %s: exit code %d, %s", line, code, stderr)
		}
	}
	live := succeed(t, "copy", "--live", "--from", at("one-"), "--to", at("two-"))
	if !strings.Contains(live, "stop its servers and copy again") {
		t.Error(live)
	}
	askAgain(t, d, done)
	followed(t, d, at("one-"))
	p.stop()

	killed(t, at("one-"), at("two-"))
	copied(at("one-"), at("two-"))
	onlyWithSecret(t, on("two-"))
	refused(t, "moved to "+at("two-"), append(on("one-"), node)...)
	copied(at("two-"), "local:"+back, "--secret", filepath.Join(node, "secret"))
	if out := succeed(t, "verify", "--data", back); strings.Contains(out, "✗") {
		t.Error(out)
	}
	sameKeys(t, from, back)
	p, d = serveDev(t, back, "--shards", "4")
	askAgain(t, d, done)
	p.stop()
	servedOnPurpose(t, brokers, node, done)
	refused(t, "with another secret", append(on("one-"), node)...)
}

// servedOnPurpose reads a log that has moved, serves it again, and then with a new secret, as one
// has to who has lost the log's own.
func servedOnPurpose(t *testing.T, brokers, node string, done []asked) {
	t.Helper()
	log := []string{"--log", "kafka", "--brokers", brokers, "--topic-prefix", "one-"}
	keys := append([]string{"keys", "list", "--tenant", "demo", "--data", node}, log...)
	if out := succeed(t, keys...); !strings.Contains(out, "in use") {
		t.Errorf("a log that has moved is read: %s", out)
	}
	p, d := serveDev(t, node, append(log, "--unseal")...)
	askAgain(t, d, done)
	p.stop()
	fresh := t.TempDir()
	sameKeys(t, node, fresh)
	p, _ = serveDev(t, fresh, append(log, "--new-secret")...)
	p.stop()
}

// onlyWithSecret holds that a copy on a cluster is served by no node that has no secret yet, or
// another one: requests that were answered before would be done again.
func onlyWithSecret(t *testing.T, serve []string) {
	t.Helper()
	fresh := t.TempDir()
	refused(t, "the log was claimed before", append(serve, fresh)...)
	path := filepath.Join(fresh, "secret")
	if _, err := os.Stat(path); err == nil {
		t.Error("a node that was refused has made a secret")
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", secretSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "with another secret", append(serve, fresh)...)
}

// followed replays a topic of a log that is served, twice, and holds that what is posted meanwhile
// comes, and that the second time goes on where the first one was stopped.
func followed(t *testing.T, d devFile, from string) {
	t.Helper()
	dir := t.TempDir()
	lines := filepath.Join(dir, "journal.jsonl")
	for _, account := range []string{"assets:followed", "assets:again"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var said output
		ended := make(chan int)
		go func() {
			args := []string{"topics", "replay", "--topic", "quittance.journal.v1", "--from", from,
				"--follow", "--to", lines, "--personal-data", "--positions", filepath.Join(dir, "at")}
			ended <- run(ctx, args, strings.NewReader(""), &said, &said, func(string) string { return "" })
		}()
		came := func() bool {
			b, err := os.ReadFile(lines)
			return err == nil && strings.Contains(string(b), account)
		}
		for n := 0; !came() && ctx.Err() == nil; n++ {
			_, _, err := d.as(roleTradesperson).repeat(ctx, "/v1/transactions",
				fmt.Sprintf("%s-%d", account, n), posting(account, "income:followed", "1.00"))
			if err != nil && !passing(err) {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if ctx.Err() != nil {
			t.Errorf("what was posted did not come: %s", said.String())
		}
		cancel()
		if code := <-ended; code != exitDone {
			t.Errorf("exit code %d: %s", code, said.String())
		}
	}
	followedOnce(t, lines, from)
}

// followedOnce holds that a file of lines has every record of the journal up to its last one, and
// each once.
func followedOnce(t *testing.T, lines, from string) {
	t.Helper()
	b, err := os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	type at struct {
		shard  int
		offset int64
	}
	seen, last := map[at]bool{}, map[int]int64{}
	for _, l := range readLines(t, string(b)) {
		if seen[at{l.Shard, l.Offset}] {
			t.Errorf("record %d of shard %d came twice", l.Offset, l.Shard)
		}
		seen[at{l.Shard, l.Offset}], last[l.Shard] = true, l.Offset
	}
	all := succeed(t, "topics", "replay", "--topic", "quittance.journal.v1", "--from", from,
		"--to", "-")
	for _, l := range readLines(t, all) {
		if l.Offset <= last[l.Shard] && !seen[at{l.Shard, l.Offset}] {
			t.Errorf("record %d of shard %d did not come", l.Offset, l.Shard)
		}
		delete(seen, at{l.Shard, l.Offset})
	}
	if len(seen) > 0 {
		t.Errorf("%d records came that are not in the log", len(seen))
	}
}

// killed begins a copy a few times, as a process that is killed somewhere on the way.
func killed(t *testing.T, from, to string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		cmd := exec.Command(self, "copy", "--from", from, "--to", to)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.Stderr = io.Discard
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(200+rand.IntN(800)) * time.Millisecond)
		_ = cmd.Process.Kill() // it may be done
		_ = cmd.Wait()
	}
}

// TestCopyKilled kills copies from one data folder to another, and holds that the one which is left
// to end has everything.
func TestCopyKilled(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	copiedBusiness(t, from)
	killed(t, "local:"+from, "local:"+to)
	succeed(t, "copy", "--from", "local:"+from, "--to", "local:"+to)
	out := succeed(t, "verify", "--compare", "local:"+from, "local:"+to)
	if strings.Contains(out, "✗") {
		t.Error(out)
	}
}
