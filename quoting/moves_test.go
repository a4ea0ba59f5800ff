package quoting

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool(
	"update",
	false,
	"write testdata/moves, and golden records that are missing",
)

// TestMoves prints every state against every event, so that a change of a table is a change of its
// golden file too, and so is reviewed as a picture.
func TestMoves(t *testing.T) {
	checkMoves(
		t,
		"quote",
		QuoteDraft,
		quoteStateEnd,
		IssueEvent,
		quoteEventEnd,
		QuoteState.Next,
	)
	checkMoves(t, "redemption", Reserved, redemptionStateEnd, RedeemEvent, redemptionEventEnd,
		RedemptionState.Next)
	checkMoves(t, "invoice", InvoiceDraft, invoiceStateEnd, FinalizeEvent, invoiceEventEnd,
		InvoiceState.Next)
}

func checkMoves[S interface {
	~uint8
	fmt.Stringer
}, E interface {
	~uint8
	fmt.Stringer
}](t *testing.T, subject string, s, states S, e, events E, next func(S, E) (S, error)) {
	t.Helper()
	var b bytes.Buffer
	for from := s; from < states; from++ {
		if from.String() == "" {
			t.Errorf("%s: state %d has no name", subject, from)
		}
		for on := e; on < events; on++ {
			to := "-"
			if got, err := next(from, on); err == nil {
				to = got.String()
			}
			fmt.Fprintf(&b, "%-18v %-19v %s\n", from, on, to)
		}
	}
	name := filepath.Join("testdata", "moves", subject+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the moves of a %s changed:\n%s", subject, b.Bytes())
	}
}
