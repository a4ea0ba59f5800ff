package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
)

// one is the broker that the tests of this process share.
var one struct {
	sync.Once
	cluster *Cluster
	err     error
}

// Shared returns a cluster of one broker, Steady and else with the zero Options, that all tests of
// this process share: it is started by the first and ends with the process. Each test keeps to
// names that begin with its Prefix, and cannot kill, stop, pause or restart it. A package that uses
// it has
//
//	func TestMain(m *testing.M) { kafkatest.Main(m) }
func Shared(tb testing.TB) *Cluster {
	tb.Helper()
	Require(tb)
	one.Do(func() { one.cluster, one.err = launch(Options{Steady: true}) })
	if one.err != nil {
		tb.Fatal(one.err)
	}
	c := *one.cluster
	c.tb = tb
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the shared broker said last:\n%s", c.Log(0))
		}
	})
	return &c
}

// own fails the test when the cluster is shared and so not the test's to do something to.
func (c *Cluster) own(what string) {
	c.tb.Helper()
	if one.cluster != nil && one.cluster.folder == c.folder {
		c.tb.Fatalf("%s of the shared broker", what)
	}
}

// Main runs a package's tests, ends the shared broker if there is one, and exits. Without it the
// broker still dies with the process, but its folder is left for a later test to remove.
func Main(m *testing.M) {
	code := m.Run()
	if c := one.cluster; c != nil {
		if err := c.end(); err != nil {
			fmt.Fprintln(os.Stderr, "removing the shared broker's folder:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Prefix returns what a test that shares a broker puts before the names of its topics, groups and
// transactional ids: another one for each call.
func Prefix(tb testing.TB) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(tb.Name()))
	return fmt.Sprintf("%.60s-%08x-", name, rand.Uint32())
}
