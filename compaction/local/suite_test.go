package local_test

import (
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/local"
)

// The embedded log keeps the contract.
func TestLog(t *testing.T) {
	compactiontest.TestLog(t, func(t *testing.T) compactiontest.Opener {
		dir := t.TempDir()
		return func(t *testing.T) compaction.Log {
			t.Helper()
			l, err := local.Open(dir, compactiontest.Topics(),
				local.Options{Shards: compactiontest.Shards})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
	})
}
