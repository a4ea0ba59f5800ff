package kafka

import (
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// TestRestreamOld: history is sent as it is stamped, however old it is. The client counted the time
// in which a record must be taken from its stamp, and took none that was older than a minute.
func TestRestreamOld(t *testing.T) {
	c := model(t)
	const topic = "history"
	if _, err := admins(t, c.ListenAddrs()).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRestream(t.Context(), Connection{Brokers: c.ListenAddrs()}, topic)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, age := range []time.Duration{0, time.Hour} {
		e := compaction.Entry{Record: rec("", "a", age.String()), Time: time.Now().Add(-age)}
		if err := r.Send(t.Context(), e); err != nil {
			t.Fatalf("%v old: %v", age, err)
		}
		if err := r.Flush(t.Context()); err != nil {
			t.Errorf("%v old: %v", age, err)
		}
	}
}
