package compactiontest

import (
	"errors"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// openLocal makes an Opener of an embedded log in a folder of its own.
func openLocal(t *testing.T) Opener {
	dir := t.TempDir()
	return func(t *testing.T) compaction.Log {
		t.Helper()
		l, err := local.Open(dir, Topics(), local.Options{Shards: Shards})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// A fault without a script is a log like any other.
func TestFaultPasses(t *testing.T) {
	TestLog(t, func(t *testing.T) Opener {
		open := openLocal(t)
		return func(t *testing.T) compaction.Log { return NewFault(open(t)) }
	})
}

// Each outcome answers what the contract says, and leaves in the log what it says.
func TestFault(t *testing.T) {
	f := NewFault(openLocal(t)(t))
	s := &subject{T: t, log: f}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	number := uint64(1)
	for _, c := range []struct {
		outcome Outcome
		want    error
		written bool
		claim   bool // the writer is lost
	}{
		{Pass, nil, true, false},
		{NotCommitted, compaction.ErrNotCommitted, false, false},
		{NoSpace, compaction.ErrNotCommitted, false, false},
		{UnknownWritten, compaction.ErrUnknownOutcome, true, true},
		{UnknownLost, compaction.ErrUnknownOutcome, false, true},
		{Fenced, compaction.ErrFenced, false, true},
		{Late, nil, true, false},
	} {
		w := s.claim(0)
		f.Script(c.outcome)
		before := len(s.entries(0, nil, s.end(0)))
		_, err := w.Append(t.Context(), group(number, rec(OpenTopic, "a", "1")))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%v: %v, want %v", c.outcome, err, c.want)
		}
		written := len(s.entries(0, nil, s.end(0))) > before
		if written != c.written {
			t.Errorf("%v: written %t, want %t", c.outcome, written, c.written)
		}
		if written {
			number++
		}
		_, err = w.Append(t.Context(), group(number, rec(OpenTopic, "a", "2")))
		if c.claim != errors.Is(err, compaction.ErrFenced) || !c.claim && err != nil {
			t.Errorf("%v: the next append of the same writer: %v", c.outcome, err)
		}
		if err == nil {
			number++
		}
	}
}

// The same seed fails the same appends.
func TestFaultSeed(t *testing.T) {
	var runs [2]string
	for i := range runs {
		f := NewFault(nil)
		f.Seed(42, 50)
		for range 100 {
			o, _ := f.next()
			runs[i] += o.String() + "\n"
		}
	}
	if runs[0] != runs[1] {
		t.Errorf("two runs differ:\n%s\n%s", runs[0], runs[1])
	}
}
