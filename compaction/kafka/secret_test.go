package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// TestSecret: a process with another secret than the log was claimed with is turned away before it
// fences anybody; with the same one, or where none was said, it is not.
func TestSecret(t *testing.T) {
	o := suiteOptions(model(t).ListenAddrs(), "acme.")
	secrets := [][]byte{[]byte("a secret of thirty-two characters"),
		[]byte("another one of thirty-two letters")}
	o.Node, o.SecretCheck = "one", compaction.SecretCheck(secrets[0])
	first := opened(t, o)
	w := claim(t, first, 1)
	add(t, w, three(1))

	other := o
	other.SecretCheck = compaction.SecretCheck(secrets[1])
	l, err := Open(t.Context(), other)
	var wrong *SecretError
	if !errors.As(err, &wrong) || wrong.Node != "one" {
		t.Fatalf("another secret: %v, %v, want a *SecretError", l, err)
	}
	for _, s := range secrets {
		if strings.Contains(err.Error(), string(s)) {
			t.Errorf("%q shows a secret", err)
		}
	}
	if _, err := w.Append(t.Context(), three(2)); err != nil {
		t.Errorf("the owner after another was turned away: %v", err)
	}
	for _, check := range [][]byte{o.SecretCheck, nil} {
		same := o
		same.SecretCheck = check
		claim(t, opened(t, same), 1)
	}
	// A claim without a secret, as a copy makes it, does not forget what the log's is.
	if _, err := Open(t.Context(), other); !errors.As(err, &wrong) {
		t.Errorf("another secret after a claim without one: %v, want a *SecretError", err)
	}
}
