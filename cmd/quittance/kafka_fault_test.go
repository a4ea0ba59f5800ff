package main

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// A trialFault is a way to hurt the program. It returns when it has been mended.
type trialFault struct {
	kind    string
	patient bool // clients wait as long as they are told to
	do      func(r *trial)
}

// nodeFaults hurt the nodes.
var nodeFaults = []trialFault{
	{kind: "a node that owns shards is killed (SIGKILL)", do: killOwner},
	{kind: "an owner stands still past its session (SIGSTOP), and returns", do: pauseOwner},
	{kind: "every node in turn is stopped (SIGTERM) and started", patient: true, do: restartAll},
	{kind: "a node is killed and its store deleted", do: loseStore},
}

// brokerFaults hurt the only broker.
var brokerFaults = []trialFault{
	{kind: "the only broker is killed (SIGKILL)", do: killBroker},
	{kind: "the only broker is killed in the middle of a compaction", do: killCleaner},
}

// killOwner kills a node and starts it again when others have taken its shards.
func killOwner(r *trial) {
	n, shards := r.owner()
	since := r.now()
	r.kill(n)
	r.tally.figure("from a node's death to an answer of each shard it had",
		r.flowing(r.of(shards), since))
	r.start(n)
}

// pauseOwner stops a node until others have taken its shards. What it is asked meanwhile it answers
// when it goes on: it must not answer with what it knew before.
func pauseOwner(r *trial) {
	n, shards := r.owner()
	since := r.now()
	if err := n.process.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		r.t.Fatal(err)
	}
	n.paused = true
	r.tally.figure("from a node's standstill to an answer of each shard it had",
		r.flowing(r.of(shards), since))
	wait := r.askZombie(n, shards)
	if err := n.process.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		r.t.Fatal(err)
	}
	wait()
	n.paused = false
}

// askZombie sends requests to a node that stands still, and returns a function that waits for their
// answers: by then they are part of the round's history.
func (r *trial) askZombie(n *trialNode, shards []int) (wait func()) {
	var asking, sent sync.WaitGroup
	var guests []*trialClient
	for _, a := range r.accounts {
		if !slices.Contains(shards, a.tenant.shard) {
			continue
		}
		for _, kind := range []byte{look, look, take, pay} {
			c := newTrialClient(r, a, 1000+r.tally.late)
			r.tally.late++
			c.http.Timeout = 20 * time.Second
			o := c.next()
			o.kind, o.amount, o.mirror = kind, 1, false
			guests = append(guests, c)
			sent.Add(1)
			asking.Go(func() {
				sent.Done()
				c.insist(o, n)
				c.ops = append(c.ops, o)
			})
		}
	}
	sent.Wait()
	r.flowing(r.of(shards), r.now()) // the others go on meanwhile
	return func() {
		asking.Wait()
		r.guests = append(r.guests, guests...)
	}
}

// restartAll stops each node in order and starts it again when the others serve all shards.
func restartAll(r *trial) {
	for _, n := range r.nodes {
		since := r.now()
		n.down = true
		n.process.stop()
		r.tally.figure("from the stop of a node to an answer of every shard",
			r.flowing(r.tenants, since))
		r.start(n)
		r.settle()
	}
}

// loseStore deletes what a node has made from the log.
func loseStore(r *trial) {
	n, shards := r.owner()
	since := r.now()
	r.kill(n)
	if err := os.RemoveAll(filepath.Join(n.data, "store")); err != nil {
		r.t.Fatal(err)
	}
	r.flowing(r.of(shards), since)
	r.start(n)
}

// killBroker kills the broker and starts it again.
func killBroker(r *trial) {
	r.brokers.Kill(0)
	r.brokers.Restart(0)
	r.tally.figure("from a broker's restart to an answer of every shard",
		r.flowing(r.tenants, r.now()))
}

// killCleaner kills the broker when it has begun to write compacted segments.
func killCleaner(r *trial) {
	r.until("the broker compacts", 2*time.Minute, func() bool {
		found := false
		_ = filepath.WalkDir(r.brokers.DataDir(0), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".cleaned") {
				found = true
				return fs.SkipAll
			}
			return nil // files come and go
		})
		return found
	})
	killBroker(r)
}

// busyCleaner has the broker compact all the time, and slowly, so that it can be met at it.
var busyCleaner = map[string]string{"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01"}

// alter changes the settings of the log's compacted topics.
func (r *trial) alter(settings map[string]string) {
	r.t.Helper()
	if len(settings) == 0 {
		return
	}
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		r.t.Fatal(err)
	}
	var topics []string
	for _, t := range schema.Topics() {
		if t.Class != compaction.AppendOnly {
			topics = append(topics, r.prefix+t.Name)
		}
	}
	var changes []kadm.AlterConfig
	for name, value := range settings {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	admin := kadm.NewClient(r.brokers.Client())
	answers, err := admin.AlterTopicConfigs(r.t.Context(), changes, topics...)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, a := range answers {
		if a.Err != nil {
			r.t.Fatalf("%s: %v", a.Name, a.Err)
		}
	}
}

// deck returns what a test does, in any order: few of each kind, or so many percent of -faults.
func deck(kinds []trialFault, few []int, percent int) (all []trialFault) {
	wanted := (*faults*percent + 99) / 100
	for i, f := range kinds {
		n := few[i]
		if wanted > 0 {
			n = (wanted + len(kinds) - 1 - i) / len(kinds)
		}
		for range n {
			all = append(all, f)
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// TestKafkaFaults kills and stops nodes and the only broker under load, and holds after each that
// nothing acknowledged is lost or done twice, that whatever was answered can have been done in one
// order, that a request sent again is answered as the first time, that the journals are without a
// gap and in order, and that verify finds nothing. Some of the load are quotes that are paid by
// card.
func TestKafkaFaults(t *testing.T) {
	r := newTrial(t, trialShape{nodes: 3, shards: 6, perWay: 2, cards: true, topics: busyCleaner,
		brokers: kafkatest.Options{Config: map[string]string{
			// Slow enough to be met at it, and quick enough to come round to every topic.
			"log.cleaner.io.max.bytes.per.second": "500000", "log.cleaner.backoff.ms": "200"}}})
	kinds := append(nodeFaults[:len(nodeFaults):len(nodeFaults)], brokerFaults...)
	for _, f := range deck(kinds, []int{2, 1, 1, 1, 1, 1}, 60) {
		r.round(f)
	}
	r.cards.finish()
	r.t.Logf("\n%s", r.tally)
}

// TestKafkaReplicas kills one of three brokers again and again: what two of them have is enough.
func TestKafkaReplicas(t *testing.T) {
	r := newTrial(t, trialShape{nodes: 2, shards: 4, perWay: 2,
		brokers: kafkatest.Options{Brokers: 3}})
	turn := 0
	kinds := []trialFault{
		{kind: "one of three brokers is killed (SIGKILL)", do: func(r *trial) {
			turn++
			r.killReplica(turn % 3)
		}},
		{kind: "one of three brokers and a node that owns shards are killed", do: func(r *trial) {
			turn++
			n, _ := r.owner()
			r.kill(n)
			r.killReplica(turn % 3)
			r.start(n)
		}},
	}
	for _, f := range deck(kinds, []int{2, 1}, 30) {
		r.round(f)
	}
	r.t.Logf("\n%s", r.tally)
}

// killReplica kills one of three brokers, starts it again once all goes on without it, and waits
// until it has caught up.
func (r *trial) killReplica(i int) {
	since := r.now()
	r.brokers.Kill(i)
	r.tally.figure("from the death of one of three brokers to an answer of every shard",
		r.flowing(r.tenants, since))
	r.brokers.Restart(i)
	admin := kadm.NewClient(r.brokers.Client())
	r.until("every copy has caught up", 2*time.Minute, func() bool {
		ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		defer cancel()
		topics, err := admin.ListTopicsWithInternal(ctx)
		behind := false
		topics.EachPartition(func(p kadm.PartitionDetail) {
			behind = behind || len(p.ISR) < len(p.Replicas)
		})
		return err == nil && len(topics) > 0 && !behind
	})
}

// TestKafkaDiskFull fills the disk of the only broker, which ends it. When there is room and it has
// been started again, all goes on.
func TestKafkaDiskFull(t *testing.T) {
	r := newTrial(t, trialShape{nodes: 2, shards: 4, perWay: 2,
		brokers: kafkatest.Options{DiskMB: 512}})
	kinds := []trialFault{{kind: "the disk of the only broker is full", do: func(r *trial) {
		r.brokers.Fill(0)
		select {
		case <-r.brokers.Exited(0):
		case <-time.After(3 * time.Minute):
			r.fatal("a broker on a full disk goes on for three minutes")
		}
		r.brokers.Free(0)
		r.brokers.Restart(0)
		r.flowing(r.tenants, r.now())
	}}}
	for _, f := range deck(kinds, []int{1}, 10) {
		r.round(f)
	}
	r.t.Logf("\n%s", r.tally)
}
