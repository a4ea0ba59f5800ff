package kafka

import "testing"

// TestEndOfLogSetBack: a claim says where a shard ends. A log that has lost what was appended here,
// as by brokers whose machines lost power, ends there, and not where this process once stood.
func TestEndOfLogSetBack(t *testing.T) { onModel(t, endOfLogSetBack) }

func endOfLogSetBack(t *testing.T, fresh fresh) {
	l := opened(t, suiteOptions(fresh(t)))
	w := claim(t, l, 0)
	add(t, w, three(1))
	lost := w.ends
	w.ends = nil
	for _, p := range lost {
		p.Next += 100 // what was appended since, and is gone
		w.ends = append(w.ends, p)
	}
	w.note()
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
