package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refused wants a command to fail, and to say something.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	code, out, stderr := call(t, nil, args...)
	if code == exitDone || !strings.Contains(stderr, want) {
		t.Errorf("quittance %s: exit code %d, %q, want %q\n%s", strings.Join(args, " "), code, stderr,
			want, out)
	}
}

// TestCopyMoved holds that a source whose copy is whole is served no more, and is read as before; a
// copy that is called again ends well; and that there is a way back, on purpose. A server that a
// supervisor starts again would do what is due, and the target does it too.
func TestCopyMoved(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	done := copiedBusiness(t, from)
	there := "local:" + to
	copied := []string{"copy", "--from", "local:" + from, "--to", there}
	succeed(t, append(copied, "--no-seal")...)
	p, _ := serveDev(t, from) // a copy that is a backup leaves it as it is
	p.stop()
	for range 2 {
		out := succeed(t, copied...)
		if !strings.Contains(out, "marked as moved to "+there) {
			t.Error(out)
		}
	}
	for _, command := range []string{
		"serve --listen 127.0.0.1:0", "keys create --tenant demo --role finance", "topics clean",
	} {
		refused(t, "moved to "+there, append(strings.Fields(command), "--data", from)...)
	}
	refused(t, "--unseal", "serve", "--listen", "127.0.0.1:0", "--data", from)
	for _, command := range []string{
		"verify --data " + from, "keys list --tenant demo --data " + from, "topics check --data " + from,
		"export reconciliation --tenant demo --from 2026-01-01 --to 2026-02-01 --data " + from,
		"topics replay --topic quittance.journal.v1 --to - --data " + from,
		"verify --compare local:" + from + " " + there,
		"copy --from local:" + from + " --to local:" + filepath.Join(t.TempDir(), "third"),
	} {
		if out := succeed(t, strings.Fields(command)...); strings.Contains(out, "✗") {
			t.Errorf("quittance %s\n%s", command, out)
		}
	}
	sameKeys(t, from, to)
	p, d := serveDev(t, to)
	askAgain(t, d, done)
	p.stop()

	back := []string{"copy", "--from", there, "--to", "local:" + from}
	refused(t, "To have it served again", back...)
	succeed(t, append(back, "--unseal")...)
	refused(t, "moved to local:"+from, "serve", "--listen", "127.0.0.1:0", "--data", to)
	p, d = serveDev(t, from)
	askAgain(t, d, done)
	p.stop()
	p, _ = serveDev(t, to, "--unseal")
	p.stop()
	p, _ = serveDev(t, to)
	p.stop()
}

// TestSecretMissing holds that no secret is made beside a log that was served before, unless that
// is asked for: requests that were answered under the lost one would be done again.
func TestSecretMissing(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	done := copiedBusiness(t, from)
	succeed(t, "copy", "--from", "local:"+from, "--to", "local:"+to)
	sameKeys(t, from, to)
	path := filepath.Join(to, "secret")
	secret, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	serve := []string{"serve", "--listen", "127.0.0.1:0", "--data", to}
	refused(t, "--new-secret", serve...)
	if _, err := os.Stat(path); err == nil {
		t.Error("a server that was refused has made a secret")
	}
	for _, wrong := range []string{strings.Repeat("x", secretSize), "short"} {
		if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, map[bool]string{true: "has 5 bytes", false: "another secret"}[wrong == "short"],
			serve...)
	}
	if err := os.WriteFile(path, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p, d := serveDev(t, to)
	askAgain(t, d, done)
	p.stop()

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	p, _ = serveDev(t, to, "--new-secret")
	if got, err := os.ReadFile(path); err != nil || string(got) == string(secret) {
		t.Errorf("the new secret is %x, %v", got, err)
	}
	p.stop()
	p, _ = serveDev(t, to)
	p.stop()
}
