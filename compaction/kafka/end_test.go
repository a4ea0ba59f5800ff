package kafka

import (
	"errors"
	"testing"

	"github.com/quittance/quittance/compaction"
)

// TestEndOfLogSetBack: a claim says where a shard ends. A log that has lost what was appended here,
// as by brokers whose machines lost power, ends there, and not where this process once stood.
func TestEndOfLogSetBack(t *testing.T) { onModel(t, endOfLogSetBack) }

func endOfLogSetBack(t *testing.T, fresh fresh) {
	l := opened(t, suiteOptions(fresh(t)))
	w := claim(t, l, 0)
	add(t, w, three(1))
	w.loses()
	again := claim(t, l, 0)
	w.note() // late news of the writer before
	end, err := l.End(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range end {
		if p.Next > again.Start().Of(p.Topic)+2 {
			t.Errorf("%s ends at %d, the claim stands at %d", p.Topic, p.Next, again.Start().Of(p.Topic))
		}
	}
	if !end.Reached(again.Start()) {
		t.Errorf("it ends at %v, before the claim at %v", end, again.Start())
	}
}

// loses has a writer know of an end that its shard does not have.
func (w *writer) loses() {
	lost := w.ends
	w.ends = nil
	for _, p := range lost {
		p.Next += 100 // what was appended since, and is gone
		w.ends = append(w.ends, p)
	}
	w.note()
}

// TestEndAfterSetBack: a process that owned a shard once and has not claimed it since has the end
// told by the brokers, too, once it has met that the log was set back. What it read up to there,
// such as for a standby, did not come before others had written as much again.
func TestEndAfterSetBack(t *testing.T) { onModel(t, endAfterSetBack) }

func endAfterSetBack(t *testing.T, fresh fresh) {
	l := opened(t, suiteOptions(fresh(t)))
	w := claim(t, l, 0)
	add(t, w, three(1))
	has := w.ends
	w.loses()
	gone := w.ends
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := reading(t, l, 0, compaction.Range{From: gone})
	if _, err := r.Next(t.Context()); !errors.Is(err, compaction.ErrSetBack) {
		t.Fatalf("reading on from what is gone: %v, want ErrSetBack", err)
	}
	end, err := l.End(t.Context(), 0)
	if err != nil || !end.Reached(has) || end.Reached(gone) {
		t.Errorf("it ends at %v, %v, want %v or a marker more", end, err, has)
	}
}
