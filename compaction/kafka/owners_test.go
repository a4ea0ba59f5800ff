package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestOwners: who claimed each shard last is read from the brokers alone, which is what an operator
// has when no node answers. A shard that nobody has claimed has no owner, and a log that is not
// there is an error and not one without owners.
func TestOwners(t *testing.T) {
	brokers := model(t).ListenAddrs()
	for _, node := range []string{"one", "two"} {
		o := suiteOptions(brokers, "")
		o.Node, o.Address = node, "http://"+node+":8080"
		l := opened(t, o)
		claim(t, l, 1)
		if node == "one" {
			add(t, claim(t, l, 0), three(1))
		}
	}
	c := Connection{Brokers: brokers}
	owners, err := Owners(aMinute(t), c, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range owners {
		got = append(got, o.Node+" "+o.Address)
	}
	want := []string{"one http://one:8080", "two http://two:8080"}
	if !slices.Equal(got[:2], want) || owners[0].Epoch != 1 || owners[1].Epoch != 2 ||
		owners[1].Claimed.IsZero() {
		t.Errorf("the owners are %+v, want %s after one and two claims", owners, want)
	}
	for _, o := range owners[2:] {
		if o != (Owner{}) {
			t.Errorf("a shard that nobody has claimed is owned by %+v", o)
		}
	}
	if _, err := Owners(aMinute(t), c, "none-"); err == nil {
		t.Error("a log that is not there has owners")
	}
}

// TestOwnersOfSlowBrokers: brokers that took more than a second to answer, be it that signing in to
// them did, were taken to have said that nobody has ever claimed a shard.
func TestOwnersOfSlowBrokers(t *testing.T) {
	o := suiteOptions(model(t).ListenAddrs(), "")
	o.Node = "one"
	claim(t, opened(t, o), 0)
	wire := &wire{}
	slow := wire.next(kmsg.Fetch, hold, 1, nil)
	go func() {
		<-slow.met
		time.Sleep(quietTime + quietTime/4)
		slow.release()
	}()
	c := o.Connection
	c.Dial = wire.dial
	owners, err := Owners(aMinute(t), c, "")
	if err != nil || owners[0].Node != "one" {
		t.Errorf("the owner of a claimed shard is %+v, %v", owners, err)
	}
}

// TestMembers: what a command does to a log rests on whether somebody shares it. Hosts were told as
// brokers write them, with a slash.
func TestMembers(t *testing.T) {
	l := opened(t, suiteOptions(models(t)))
	c := l.options.Connection
	found, err := Members(aMinute(t), c, "")
	if err != nil || found.Members != 0 || len(found.Shards) != 0 {
		t.Fatalf("a log that nobody shares is shared by %+v, %v", found, err)
	}
	for range 2 {
		owns, _ := grouped(t, c)
		<-owns
	}
	all := make([]int, l.identity.Shards)
	for n := range all {
		all[n] = n
	}
	// The group gives what it has taken from one to the other a moment later.
	for len(found.Shards) < len(all) {
		if found, err = Members(aMinute(t), c, ""); err != nil {
			t.Fatal(err)
		}
	}
	if found.Members != 2 || !slices.Equal(found.Shards, all) ||
		!strings.HasPrefix(found.Hosts[0], "127.0.0.1") {
		t.Errorf("two processes share the log: %+v", found)
	}
}
