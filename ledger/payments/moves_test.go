package payments

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files that changed or are missing")

// TestMoves prints every state against every event, so that a change of a table is a change of the
// golden file too, and so is reviewed as a picture.
func TestMoves(t *testing.T) {
	var b strings.Builder
	for s := RequiresPaymentMethod; s < stateEnd; s++ {
		for e := Decline; e < eventEnd; e++ {
			to, err := s.Next(e)
			picture(&b, "payment", s.String(), e.String(), to.String(), err)
		}
	}
	for s := RefundRequested; s < refundEnd; s++ {
		for to := RefundRequested; to < refundEnd; to++ {
			picture(&b, "refund", s.String(), to.String(), to.String(), s.Next(to))
		}
	}
	for s := DisputeNeedsResponse; s < disputeEnd; s++ {
		for to := DisputeNeedsResponse; to < disputeEnd; to++ {
			picture(&b, "dispute", s.String(), to.String(), to.String(), s.Next(to))
		}
	}
	for s := PayoutPending; s < payoutEnd; s++ {
		for to := PayoutPending; to < payoutEnd; to++ {
			picture(&b, "payout", s.String(), to.String(), to.String(), s.Next(to))
		}
	}
	golden(t, "moves.golden", b.String())
}

func picture(b *strings.Builder, subject, from, on, to string, err error) {
	if err != nil {
		to = "-"
	}
	line := fmt.Sprintf("%-8s %-24s %-15s %s", subject, from, on, to)
	b.WriteString(line + "\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s changed:\n%s", name, got)
	}
}

// TestMoveError names what was refused: it is shown to the caller of the API.
func TestMoveError(t *testing.T) {
	_, err := Canceled.Next(Settle)
	var move *MoveError
	if !errors.As(err, &move) || err.Error() != "the payment is canceled: cannot settle" {
		t.Errorf("canceled on settle: %v", err)
	}
}

// TestNames holds that each state has a name of its own: they are part of the API.
func TestNames(t *testing.T) {
	named := map[string]bool{"": true, "?": true}
	for s := RequiresPaymentMethod; s < stateEnd; s++ {
		if named[s.String()] {
			t.Errorf("state %d is called %q, as another or none", s, s)
		}
		named[s.String()] = true
	}
	if got := stateEnd.String(); got != "?" {
		t.Errorf("a state that is none is called %q", got)
	}
}
