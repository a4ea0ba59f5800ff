package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// TestCompareEnds holds that a log which ends in another group, or has another secret, is not told
// to be the same: it would go on otherwise, or not know what was asked before.
func TestCompareEnds(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	succeed(t, "keys", "create", "--data", from, "--tenant", "platform", "--role", "platform")
	succeed(t, "copy", "--from", "local:"+from, "--to", "local:"+to)
	compare := []string{"verify", "--compare", "local:" + from, "local:" + to}
	out := succeed(t, compare...)
	for _, want := range []string{"✓ every shard ends in the same group: 16 shards, 1 groups",
		"✓ the secret is the same: "} {
		if !strings.Contains(out, want) {
			t.Errorf("the same: %s\nwant %q", out, want)
		}
	}
	found := func(want string) {
		t.Helper()
		code, out, _ := call(t, nil, compare...)
		if code != exitFailed || !strings.Contains(out, want) || strings.Count(out, "✗") != 1 {
			t.Errorf("exit code %d, want %q and nothing else\n%s", code, want, out)
		}
	}
	secret := filepath.Join(to, "secret")
	own, err := os.ReadFile(secret)
	if err == nil {
		err = os.WriteFile(secret, slices.Repeat([]byte("x"), secretSize), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	found("✗ the secrets differ: that of the first is ")
	if err := os.WriteFile(secret, own, 0o600); err != nil {
		t.Fatal(err)
	}
	emptyGroup(t, to)
	found("✗ shard 3 ends in group 0 of ")
}

// emptyGroup appends a group without records to shard 3, which has nothing yet.
func emptyGroup(t *testing.T, dir string) {
	t.Helper()
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		t.Fatal(err)
	}
	l, err := local.Open(filepath.Join(dir, "log"), schema.Topics(), local.Options{CleanEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w, err := l.Claim(t.Context(), 3)
	if err == nil {
		_, err = w.Append(t.Context(), compaction.Group{Number: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
}
