package compactiontest

import (
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
)

// The topics of the suite, one of each class.
const (
	OpenTopic       = "quittance.test.open.v1"
	BackgroundTopic = "quittance.test.background.v1"
	JournalTopic    = "quittance.test.journal.v1"
)

// Topics returns the topics that the suite's logs have.
func Topics() []compaction.Topic {
	return []compaction.Topic{
		{Name: BackgroundTopic, Class: compaction.Background,
			DeleteRetention: compaction.DefaultDeleteRetention},
		{Name: JournalTopic, Class: compaction.AppendOnly},
		{Name: OpenTopic, Class: compaction.Open,
			DeleteRetention: compaction.DefaultDeleteRetention},
	}
}

// An Opener opens one log with the suite's topics. Every call opens the same log again; the one
// opened before is closed by then. The suite closes what it opens.
type Opener func(t *testing.T) compaction.Log

// Shards is how many shards the suite's logs have.
const Shards = 3

// TestLog checks that a driver keeps the contract of compaction.Log. Each call of create makes
// another, empty log with three shards.
func TestLog(t *testing.T, create func(t *testing.T) Opener) {
	for _, c := range []struct {
		name string
		test func(s *subject)
	}{
		{"RoundTrip", testRoundTrip},
		{"Reopen", testReopen},
		{"Identity", testIdentity},
		{"Shards", testShards},
		{"Numbers", testNumbers},
		{"Refused", testRefused},
		{"Size", testSize},
		{"Skip", testSkip},
		{"Bulk", testBulk},
		{"Empty", testEmpty},
		{"Large", testLarge},
		{"Tombstone", testTombstone},
		{"Fence", testFence},
		{"FenceRace", testFenceRace},
		{"Bounded", testBounded},
		{"Resume", testResume},
		{"Offset", testOffset},
		{"Topics", testTopics},
		{"Mark", testMark},
		{"Moved", testMoved},
		{"Wait", testWait},
		{"Readers", testReaders},
		{"Close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &subject{T: t, create: create, opener: create(t)}
			s.log = s.opener(t)
			t.Cleanup(func() {
				if err := s.log.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			c.test(s)
		})
	}
}

// origin is the stamp of group 0.
var origin = time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC)

// stamp is the time of a group: its number in seconds after origin.
func stamp(number uint64) time.Time { return origin.Add(time.Duration(number) * time.Second) }
