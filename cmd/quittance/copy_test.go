package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// An asked is a request that was answered, to be sent again.
type asked struct{ key, answer string }

// copiedBusiness serves a demo business on data in dir, takes documents from quote to payout, posts
// some transactions, and returns what was asked for, with the answers. It is stopped then, and its
// log compacted.
func copiedBusiness(t *testing.T, dir string, args ...string) []asked {
	t.Helper()
	p, d := serveDev(t, dir, args...)
	succeed(t, "demo", "--dev-json", filepath.Join(dir, "dev.json"))
	var done []asked
	for i := range 20 {
		a := asked{key: fmt.Sprintf("copied-%d", i)}
		var err error
		a.answer, _, err = d.as(roleTradesperson).repeat(t.Context(), "/v1/transactions", a.key,
			posting(fmt.Sprintf("assets:cash:%d", i), "income:sales", "12.34"))
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, a)
	}
	p.stop()
	succeed(t, "topics", "clean", "--data", dir, "--tombstones-now")
	return done
}

// askAgain sends requests again, to a server of a copy. Each must be known, and answered as before.
func askAgain(t *testing.T, d devFile, done []asked) {
	t.Helper()
	seller := d.as(roleTradesperson)
	for i, a := range done {
		first := answered{"/v1/transactions", a.key,
			posting(fmt.Sprintf("assets:cash:%d", i), "income:sales", "12.34"), a.answer}
		if err := first.again(t.Context(), seller); err != nil {
			t.Error(err)
		}
	}
	var account struct{ Balances []struct{ Credits string } }
	err := insisted(func() error {
		return seller.call(t.Context(), "GET", "/v1/accounts/income:sales", nil, &account)
	})
	if err != nil || len(account.Balances) != 1 || account.Balances[0].Credits != "246.80" {
		t.Errorf("after asking again: %+v, %v", account, err)
	}
	verified(t, d)
}

// sameKeys gives a copied data folder the keys of the demo business.
func sameKeys(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(from, "dev.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "dev.json"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCopyCommand holds that a copied log is the same, that a request which was answered before the
// copy is answered again and not done again, and that a copy which has gone on is no target.
func TestCopyCommand(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	done := copiedBusiness(t, from)
	out := succeed(t, "copy", "--from", "local:"+from, "--to", "local:"+to)
	if !strings.Contains(out, "copied ") || !strings.Contains(out, "secret:   copied to "+to) {
		t.Error(out)
	}
	out = succeed(t, "copy", "--from", "local:"+from, "--to", "local:"+to)
	if !strings.Contains(out, "copied 0 records in 0 groups") ||
		!strings.Contains(out, "there already") {
		t.Error(out)
	}
	out = succeed(t, "verify", "--compare", "local:"+from, "local:"+to)
	if strings.Contains(out, "✗") || strings.Count(out, "the journal's chain holds") != 2 {
		t.Error(out)
	}
	if out := succeed(t, "verify", "--data", to); strings.Contains(out, "✗") {
		t.Error(out)
	}
	sameKeys(t, from, to)
	p, d := serveDev(t, to)
	askAgain(t, d, done)
	_, _, err := d.as(roleTradesperson).repeat(t.Context(), "/v1/transactions", "another",
		posting("assets:cash:0", "income:sales", "1.00"))
	if err != nil {
		t.Fatal(err)
	}
	p.stop()
	code, out, _ := call(t, nil, "verify", "--compare", "local:"+from, "local:"+to)
	if code != exitFailed || !strings.Contains(out, "✗ quittance.journal.v1") ||
		!strings.Contains(out, "only the second has record demo") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	code, _, stderr := call(t, nil, "copy", "--from", "local:"+from, "--to", "local:"+to)
	if code != exitFailed || !strings.Contains(stderr, "somebody has written to the target") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// TestCopyCommandRefused holds that what cannot be copied is refused, and why.
func TestCopyCommandRefused(t *testing.T) {
	from, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{from, other} {
		succeed(t, "keys", "create", "--data", dir, "--tenant", "platform", "--role", "platform")
	}
	short := filepath.Join(other, "short")
	if err := os.WriteFile(short, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"--from local:" + from + " --to elsewhere":                    "neither local:DIR nor kafka:",
		"--from local:" + from + " --to kafka:broker":                 "names no broker as HOST:PORT",
		"--from local:" + from + " --to kafka:b:1?size=2":             "unknown setting size",
		"--from local:" + from + " --to kafka:b:1?replication=0":      "needs a number of copies",
		"--from local:" + from + " --to local:" + other:               "belongs to another log",
		"--from local:" + from + " --to local:" + other + " --live":   "must be stopped",
		"--from local:" + from + " --to local:x --secret " + short:    "that of a data folder is in it",
		"--from local:" + filepath.Join(from, "no") + " --to local:x": "there is no data in",
		"--from local:" + from + " --to local:" + from:                "in use by",
	} {
		args := append([]string{"copy"}, strings.Fields(line)...)
		code, _, stderr := call(t, nil, args...)
		if code == exitDone || !strings.Contains(stderr, want) {
			t.Errorf("quittance copy %s: exit code %d, %q, want %q", line, code, stderr, want)
		}
	}
	p, _ := serveDev(t, from)
	code, _, stderr := call(t, nil, "copy", "--from", "local:"+from, "--to", "local:"+other)
	if code != exitFailed || !strings.Contains(stderr, "Stop that process first") {
		t.Errorf("a log that is served: exit code %d, %q", code, stderr)
	}
	p.stop()
}

// TestCopyProgress holds that a long copy says how far it is.
func TestCopyProgress(t *testing.T) {
	var said output
	c := newCopyProgress(&said, 2)
	if got := c.line(); got != "" {
		t.Errorf("of a copy that has done nothing yet is said %q", got)
	}
	c.take(compaction.Copied{Shard: 0, Checked: 1234})
	if got := c.line(); got != "comparing what is there: 1,234 records the same" {
		t.Error(got)
	}
	stop := c.every(1)
	c.take(compaction.Copied{Shard: 1, Records: 5000, Bytes: 20 << 20, Done: true})
	for !strings.Contains(said.String(), "1 of 2 shards, 5,000 records, 20 MiB, ") {
		if t.Context().Err() != nil {
			t.Fatal(said.String())
		}
	}
	stop()
}
