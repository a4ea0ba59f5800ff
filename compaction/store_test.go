package compaction

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestStoreEnds: a store that was deleted under a running node ended it with forty lines of a stack
// amid the log. It ends all the same, since what is on the disk is not known then, and says so in
// one line of the log.
func TestStoreEnds(t *testing.T) {
	const child = "QUITTANCE_TEST_STORE_ENDS"
	if os.Getenv(child) != "" {
		pebbleLogger{slog.New(slog.NewTextHandler(os.Stderr, nil))}.Fatalf(
			"open %s: no such file\n(1) attached stack trace\n  -- stack trace:\n", "store/000085.log")
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, "-test.run=^TestStoreEnds$")
	c.Env = append(os.Environ(), child+"=1")
	out, err := c.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err == nil || c.ProcessState.ExitCode() != 1 || strings.Contains(text, "\n") ||
		!strings.Contains(text, `reason="open store/000085.log: no such file"`) {
		t.Errorf("a store that cannot be written: %v\n%s", err, text)
	}
}
