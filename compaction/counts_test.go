package compaction

import "testing"

// TestCountedBeforeTheAnswer: whoever has an answer finds its command among those that are counted.
// Otherwise who looks at the counts after an answer, such as an operator's alarm or a test, sees
// that nothing was done.
func TestCountedBeforeTheAnswer(t *testing.T) {
	s := &shard{counts: &counters{}}
	first, second := &request{done: make(chan outcome)}, &request{done: make(chan outcome)}
	s.requests = []*request{first, second}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.answer(nil)
	}()
	<-first.done
	if n := s.counts.commands.Load(); n != 2 {
		t.Errorf("%d commands are counted, want 2", n)
	}
	<-second.done
	<-answered
}
