package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDemo takes the 45 real documents from quote to the finance file and holds the demo to its own
// word: each that can be paid ties to the cent, the others are named, and what was settled is gone.
func TestDemo(t *testing.T) {
	out := succeed(t, "demo", "--input", "testdata/pricing.jsonl")
	for _, want := range []string{"41 of 45 documents", "left out: en16931-001, whose payable is",
		"left out: testfiles-024, whose", "left out: cii-040, whose", "left out: peppol-051, whose",
		"all 41 tie, to the cent", "none of theirs is left", "✓ the store is what the log says"} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not say %q", want)
		}
	}
	if strings.Contains(out, "✗") || t.Failed() {
		t.Error(out)
	}
}

// TestDemoWrong holds that the demo finds an amount that is not what its document wants.
func TestDemoWrong(t *testing.T) {
	wrong := strings.Replace(string(sampleDocuments), `"payable":"15.15"`, `"payable":"15.16"`, 1)
	input := filepath.Join(t.TempDir(), "wrong.jsonl")
	if err := os.WriteFile(input, []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := call(t, nil, "demo", "--input", input)
	if code != exitFailed || !strings.Contains(out, "✗ quoted at 15.15") ||
		!strings.Contains(stderr, "1 of 5 documents do not tie") {
		t.Errorf("exit code %d\n%s%s", code, out, stderr)
	}
}

// TestDemoRemote drives the path against a running server twice, and holds that the finance file is
// the same from the server and from its data, and that verify and export work over HTTP.
func TestDemoRemote(t *testing.T) {
	dir := t.TempDir()
	p, d := serveDev(t, dir)
	dev := filepath.Join(dir, "dev.json")
	moved := movedDev(t, d)
	for _, where := range [][]string{{"--dev-json", dev}, {"--dev-json", moved, "--url", d.URL}} {
		out := succeed(t, append([]string{"demo"}, where...)...)
		if !strings.Contains(out, "all 5 tie") {
			t.Error(out)
		}
	}
	if out := succeed(t, "verify", "--dev-json", dev); strings.Contains(out, "✗") {
		t.Error(out)
	}
	now := time.Now().UTC()
	period := []string{"--from", now.AddDate(0, 0, -1).Format(time.DateOnly),
		"--to", now.AddDate(0, 0, 2).Format(time.DateOnly)}
	export := append([]string{"export", "reconciliation"}, period...)
	online := succeed(t, append(export, "--dev-json", dev)...)
	environment := map[string]string{"QUITTANCE_KEY": d.Keys[rolePlatform]}
	remote := append(export, "--url", d.URL, "--tenant", demoTenant)
	code, again, stderr := call(t, environment, remote...)
	if code != exitDone || again != online {
		t.Errorf("as the platform: exit code %d\n%s%s\nwant\n%s", code, again, stderr, online)
	}
	p.stop()
	file := filepath.Join(dir, "out.csv")
	succeed(t, append(export, "--data", dir, "--tenant", demoTenant, "--output", file)...)
	offline, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(offline) != online {
		t.Errorf("from the data:\n%s\nfrom the server:\n%s", offline, online)
	}
	if n := bytes.Count(offline, []byte("\r\nsettled,")); n != 10 {
		t.Errorf("%d settled rows, want 10", n)
	}
	if out := succeed(t, "verify", "--data", dir, "--json"); !strings.Contains(out, `"ok": true`) {
		t.Error(out)
	}
}

// TestDemoDeclined holds that the demo says at once which card was declined and why. It once waited
// a minute for what nobody tried again.
func TestDemoDeclined(t *testing.T) {
	t.Setenv(stripeKey, "sk_test_decline")
	t.Setenv(webhookSecret, "whsec_decline")
	dir, listen := t.TempDir(), steadyAddress(t)
	provider := start(t, "sandbox", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "books"),
		"--webhook-url", "http://"+listen+"/v1/webhooks/stripe", "--decline", "1000")
	start(t, "serve", "--dev", "--data", dir, "--listen", listen, "--sandbox-url", provider.url)
	began := time.Now()
	code, out, stderr := call(t, nil, "demo", "--dev-json", filepath.Join(dir, "dev.json"))
	if code != exitFailed || !strings.Contains(stderr, "the card was declined: generic_decline") {
		t.Errorf("exit code %d\n%s%s", code, out, stderr)
	}
	if took := time.Since(began); took >= waitAtMost {
		t.Errorf("it took %v", took)
	}
}

// movedDev writes a dev.json whose server is not where it says, and returns its name.
func movedDev(t *testing.T, d devFile) string {
	t.Helper()
	dir := t.TempDir()
	d.URL = "http://127.0.0.1:1"
	if err := d.write(dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "dev.json")
}
