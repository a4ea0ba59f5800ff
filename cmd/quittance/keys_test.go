package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestKeysCreateAsked: what is printed for a shell and for a node's API is what either reads,
// whatever a key is called.
func TestKeysCreateAsked(t *testing.T) {
	for _, name := range []string{"finance", `O'Neill "export"`, "a\tb\x01ü\u2028"} {
		asked, err := keysCreate{Tenant: "acme", Name: name, Role: "finance"}.asked()
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(asked, " -d ")
		body, _, _ = strings.Cut(body, " URL")
		out, err := exec.Command("sh", "-c", "printf %s "+body).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Name, Role string }
		if err := json.Unmarshal(out, &got); err != nil || got.Name != name || got.Role != "finance" {
			t.Errorf("%q: %s: %v", name, out, err)
		}
	}
}

// TestWord: what is printed to be typed into a shell is one word there, and quoted only where it
// has to be.
func TestWord(t *testing.T) {
	for text, want := range map[string]string{
		"kafka:broker-1:9092":          "kafka:broker-1:9092",
		"kafka:a:1?prefix=x&topic=%25": "'kafka:a:1?prefix=x&topic=%25'",
		"local:/srv/Nora's data":       `'local:/srv/Nora'\''s data'`,
		"":                             "''",
	} {
		got := word(text)
		out, err := exec.Command("sh", "-c", "printf %s "+got).Output()
		if got != want || err != nil || string(out) != text {
			t.Errorf("%s is %s, want %s; a shell takes it for %s (%v)", text, got, want, out, err)
		}
	}
}
