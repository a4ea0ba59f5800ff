package ledger

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// journal returns the stored bytes of entries, numbered and chained.
func journal(entries ...Entry) (stored [][]byte) {
	var head Head
	for i := range entries {
		e := entries[i]
		e.Shard, e.Sequence, e.Tenant, e.Kind = 1, head.Sequence+1, "acme", "test"
		e.PreviousHash = head.Hash
		if e.At.IsZero() {
			e.At = day
		}
		b := encodeEntry(&e)
		f := Fold{shard: 1, accounts: map[foldKey]*folded{}}
		_ = f.Add(b) // only for the hash of what may be wrong on purpose
		head = Head{e.Sequence, f.head.Hash}
		stored = append(stored, b)
	}
	return stored
}

func line(p Posting, released, debit, credit int64) Line {
	return Line{p, euro(released), euro(debit), euro(credit)}
}

func entry(phase Phase, lines ...Line) Entry {
	return Entry{Transactions: []Posted{{Phase: phase, Lines: lines}}}
}

func fold(stored [][]byte) (f *Fold, faults []string) {
	f = NewFold(1)
	for _, b := range stored {
		if err := f.Add(b); err != nil {
			faults = append(faults, err.Error())
		}
	}
	return f, faults
}

// A journal as it is written has no fault, whatever becomes of what is held, and an account that
// ended begins at nothing.
func TestFold(t *testing.T) {
	ended := entry(PhasePosted, line(post("b", "a", 10), 0, 0, 0))
	ended.Closed = []ClosedAccount{{"a", eur}}
	f, faults := fold(journal(
		entry(PhaseHeld, line(post("a", "b", 10), 0, 0, 0), line(post("a", "b", 5), 0, 0, 0)),
		entry(PhasePostedHeld, line(post("a", "b", 10), 10, 10, -10)),
		entry(PhaseVoided, line(post("a", "b", 0), 5, 10, -10)),
		ended,
		entry(PhasePosted, line(post("a", "c", 1), 0, 1, -1)),
		Entry{Facts: []Fact{{Kind: "k"}}},
	))
	if len(faults) > 0 {
		t.Error(faults)
	}
	a := f.accounts[foldKey{"acme", "a", eur}]
	if a.posted != (Sums{1, 0}) || f.Head().Sequence != 6 || f.Postings() != 6 {
		t.Errorf("a has %v after entry %d and %d postings", a.posted, f.Head().Sequence, f.Postings())
	}
}

// Each way to have the journal wrong is found and named.
func TestFoldFaults(t *testing.T) {
	good := entry(PhasePosted, line(post("a", "b", 10), 0, 10, -10))
	one := func(phase Phase, l Line) [][]byte { return journal(entry(phase, l)) }
	more := entry(PhasePosted, line(post("a", "b", 10), 0, 20, -20))
	early, ended, wrongShard := good, good, journal(good)
	early.At = day.Add(-time.Second)
	early.Transactions = entry(PhasePosted, line(post("a", "b", 1), 0, 11, -11)).Transactions
	ended.Closed = []ClosedAccount{{"a", eur}}
	changed := journal(good, more)
	changed[0] = bytes.Replace(changed[0], []byte("acme"), []byte("acne"), 1)
	for name, test := range map[string]struct {
		stored [][]byte
		want   string
	}{
		"changed bytes": {changed, "hash chain"},
		"a gap":         {journal(good, more)[1:], "it follows entry 0"},
		"twice":         {append(journal(good), journal(good)...), "it follows entry 1"},
		"time":          {journal(good, early), "older"},
		"nothing":       {journal(Entry{}), "says nothing"},
		"no postings":   {journal(entry(PhasePosted)), "no postings"},
		"ended":         {journal(ended), "not empty"},
		"garbage":       {[][]byte{{0xff}}, "the entry after 0"},
		"no phase":      {one(0, line(post("a", "b", 1), 0, 1, -1)), "amount"},
		"zero":          {one(PhasePosted, line(post("a", "b", 0), 0, 0, 0)), "amount"},
		"negative":      {one(PhasePosted, line(post("a", "b", -1), 0, -1, 1)), "amount"},
		"released":      {one(PhaseHeld, line(post("a", "b", 1), 1, 0, 0)), "releases"},
		"not held":      {one(PhaseVoided, line(post("a", "b", 0), 1, 0, 0)), "below zero"},
		"debit":         {one(PhasePosted, line(post("a", "b", 1), 0, 2, -1)), "a is stated"},
		"credit":        {one(PhasePosted, line(post("a", "b", 1), 0, 1, -2)), "b is stated"},
		"same account":  {one(PhasePosted, line(post("a", "a", 1), 0, 0, 0)), "no two accounts"},
		"account id":    {one(PhasePosted, line(post("a", "b:", 1), 0, 1, -1)), "no two accounts"},
	} {
		_, faults := fold(test.stored)
		if len(faults) == 0 || !strings.Contains(faults[0], test.want) {
			t.Errorf("%s: got %q, want %q", name, faults, test.want)
		}
	}
	if err := NewFold(2).Add(wrongShard[0]); err == nil || !strings.Contains(err.Error(), "shard 1") {
		t.Errorf("another shard: got %v", err)
	}
}
