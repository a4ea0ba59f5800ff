package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeCards holds that a server says who takes card payments: whoever forgot the key, or meant
// the sandbox, must see it before the first customer does.
func TestServeCards(t *testing.T) {
	keys := map[string]string{stripeKey: "sk_test", webhookSecret: "whsec_test"}
	for _, c := range []struct {
		command     serveCommand
		environment map[string]string
		want        string
	}{
		{serveCommand{}, nil, "not taken: there is no QUITTANCE_STRIPE_KEY"},
		{serveCommand{}, keys, "Stripe\n"},
		{serveCommand{SandboxURL: "http://127.0.0.1:1"}, keys, "the sandbox at http://127.0.0.1:1: no"},
		{serveCommand{Sandbox: true}, nil, "the sandbox at http://127.0.0.1:"},
	} {
		c.command.Data = filepath.Join(t.TempDir(), "data")
		c.command.Listen, c.command.LogLevel, c.command.Reserve = "127.0.0.1:0", "error", 8
		var log, told bytes.Buffer
		p := seeing(c.environment)
		p.stdout, p.stderr = &log, &log
		s, err := startServer(t.Context(), p, c.command)
		if err != nil {
			t.Fatal(err)
		}
		s.introduce(&told)
		if err := s.stop(); err != nil {
			t.Errorf("%v\n%s", err, &log)
		}
		if !strings.Contains(told.String(), "\n  cards         "+c.want) {
			t.Errorf("%+v is served as\n%s\nwant cards %q", c.command, &told, c.want)
		}
	}
}
